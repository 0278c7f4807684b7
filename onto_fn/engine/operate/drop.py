"""Dropping: delete everything that a view, mediator or aggregate stored in the database."""

from __future__ import annotations

from collections.abc import Sequence

from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.materialise.leftovers import shrink, there_of
from onto_fn.engine.materialise.owned import removal
from onto_fn.engine.records.ledger import (
    DEAD_LETTER_COLLECTION,
    LEDGER_COLLECTION,
    LedgerRecord,
    dead_letter_path,
)
from onto_fn.firestore import Database, Filter, Query, Write


def drop(database: Database, name: str, policy: RetryPolicy) -> int:
    """Delete everything stored under a name; see `Engine.drop`.

    Raises:
        RetriesExhausted: some documents are not deleted yet; drop it again.
    """
    count = 0
    for page in database.pages(_of("definition", name, LEDGER_COLLECTION)):
        for document in page:
            for attempt in policy.attempts_of(Subject(name, document.path, "drop")):
                with attempt:
                    _drop_root(database, document.path)
            count += 1
    for page in database.pages(_of("aggregate", name, CONTRIBUTIONS)):
        _delete(database, name, [document.path for document in page], policy)
        count += len(page)
    for page in database.pages(_of("beside", name, CONTRIBUTIONS)):
        _delete(database, name, [document.path for document in page], policy)
    own = f"{AGGREGATES}/{name}"
    for group in database.paths(AGGREGATES):
        if group == own or group.startswith(f"{own}~"):
            for page in database.pages(Query(f"{group}/shards")):
                _delete(database, name, [document.path for document in page], policy)
    _delete(database, name, [own], policy)
    for page in database.pages(_of("definition", name, DEAD_LETTER_COLLECTION)):
        _delete(database, name, [document.path for document in page], policy)
    return count


def _of(field: str, name: str, collection: str) -> Query:
    return Query(collection, (Filter(field, "==", name),))


def _drop_root(database: Database, path: str) -> None:
    documents, _ = database.get([path])
    record = LedgerRecord.from_document(documents[path])
    if record is None:
        return
    record = shrink(database, record, sorted(record.documents))
    there = there_of(database, record, sorted(record.documents))
    writes = [write for target in record.documents for write in removal(target, there, record.owns)]
    writes.append(Write(dead_letter_path(record.definition, record.root), None))
    writes.append(Write(path, None, record.update_time))
    database.commit(writes)


def _delete(database: Database, name: str, paths: Sequence[str], policy: RetryPolicy) -> None:
    for attempt in policy.attempts_of(Subject(name, step="drop")):
        with attempt:
            database.commit([Write(path, None) for path in paths])
