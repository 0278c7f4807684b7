"""Fingerprints: which versions of a definition have ledger records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.firestore import Database, Filter, Query
from onto_fn.firestore.queries import Order


def other_fingerprints(database: Database, records: Query, own: str) -> list[str]:
    """The fingerprints in a definition's ledger records that are not its own.

    It needs only Firestore's automatic indexes: one query per fingerprint in the ledger, each for
    the next greater one, and then one query per fingerprint for whether a record of this definition
    has it.

    Args:
        database: the database.
        records: the query for the definition's records.
        own: the fingerprint of the definition as it is.
    """
    if database.count(records) == database.count(_with(records, own)):
        return []
    return [
        fingerprint
        for fingerprint in _fingerprints(database)
        if fingerprint != own and _has(database, _with(records, fingerprint))
    ]


def _with(records: Query, fingerprint: str) -> Query:
    condition = Filter("fingerprint", "==", fingerprint)
    return replace(records, filters=(*records.filters, condition))


def _has(database: Database, query: Query) -> bool:
    return bool(database.query(replace(query, limit=1, keys_only=True))[0])


def _fingerprints(database: Database) -> Iterator[str]:
    """All fingerprints in the ledger, each once."""
    last = ""
    while True:
        above = Filter("fingerprint", ">", last)
        query = Query(LEDGER_COLLECTION, (above,), (Order("fingerprint"),), limit=1)
        documents, _ = database.query(query)
        if not documents:
            return
        last = (documents[0].fields or {})["fingerprint"]
        yield last
