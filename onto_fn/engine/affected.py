"""Which materialisations a change affects: an indexed look-up on the ledger, never a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from onto_fn.engine.changes import Change
from onto_fn.engine.ledger import LEDGER_COLLECTION, LedgerRecord
from onto_fn.firestore import Database, Document, Filter, Query, QueryShape
from onto_fn.firestore.queries import MAX_DISJUNCTIONS, document_key
from onto_fn.views import Definition


@dataclass(frozen=True)
class Affected:
    """One materialisation to look at.

    Attributes:
        definition: what builds it.
        root: path of its root.
        record: its ledger record at `read_time`, or None if it has none.
        read_time: of the look-up: a snapshot that has the change.
    """

    definition: Definition
    root: str
    record: LedgerRecord | None
    read_time: datetime


def find_affected(
    database: Database, definitions: Mapping[str, Definition], change: Change
) -> list[Affected]:
    """All materialisations that read the changed document, or may come to read it.

    Those rooted at it; those whose ledger record lists it; and those with a query that it matched
    before or matches after the change.
    """
    keys = [document_key(change.path), *sorted(_query_keys(database, definitions, change))]
    records, read_time = _look_up(database, keys)
    found: dict[tuple[str, str], Affected] = {}
    for definition in definitions.values():
        if definition.root_collection.match(change.path.rpartition("/")[0]) is not None:
            affected = Affected(definition, change.path, None, read_time)
            found[definition.name, change.path] = affected
    for record in records:
        definition = definitions.get(record.definition)
        if definition is not None:
            affected = Affected(definition, record.root, record, read_time)
            found[record.definition, record.root] = affected
    return list(found.values())


def _look_up(database: Database, keys: Sequence[str]) -> tuple[list[LedgerRecord], datetime]:
    records: dict[str, LedgerRecord] = {}
    read_time: datetime | None = None
    for start in range(0, len(keys), MAX_DISJUNCTIONS):
        batch = keys[start : start + MAX_DISJUNCTIONS]
        condition = (
            Filter("watches", "array_contains", batch[0])
            if len(batch) == 1
            else Filter("watches", "array_contains_any", list(batch))
        )
        documents, at = database.query(Query(LEDGER_COLLECTION, (condition,)))
        read_time = max(read_time, at) if read_time else at
        for document in documents:
            record = LedgerRecord.from_document(document)
            if record is not None:
                records[document.path] = record
    assert read_time is not None, "there is always the document's own key"
    return list(records.values()), read_time


def _query_keys(
    database: Database, definitions: Mapping[str, Definition], change: Change
) -> set[str]:
    shapes = _shapes(definitions, change.path)
    if not shapes:
        return set()
    before, after = change.before, change.after
    if after is None:  # no payload: what it is now stands in for what it became
        after = database.get([change.path])[0][change.path]
    versions: list[Document] = [d for d in (before, after) if d is not None]
    return {
        key for shape in shapes for d in versions for key in shape.keys_of(change.path, d.fields)
    }


def _shapes(definitions: Mapping[str, Definition], path: str) -> list[QueryShape]:
    collection = path.rpartition("/")[0]
    return [
        shape
        for definition in definitions.values()
        for shape in definition.store.shapes()
        if shape.collection.match(collection) is not None
    ]
