"""Fingerprints: which versions of a definition the ledger has records of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.firestore import Database, Filter, Query
from onto_fn.firestore.queries import Order


def other_fingerprints(database: Database, records: Query, own: str) -> list[str]:
    """The fingerprints in a definition's ledger records that are not its own.

    Firestore needs no index for it but those that it makes by itself: one query for each
    fingerprint in the ledger, the next above the one before, and then one for each that is found,
    whether it is in a record of this definition.

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
