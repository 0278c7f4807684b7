"""Status: how each view is, by counting queries; and by a scan, how far behind it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from onto_fn.engine.ledger import (
    DEAD_LETTER_COLLECTION,
    OUTBOX_COLLECTION,
    LedgerRecord,
    ledger_path,
)
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.scanning import (
    Span,
    Target,
    count_roots,
    pages,
    records_of,
    root_query,
    root_template,
)
from onto_fn.engine.skipping import LEFT_OUT
from onto_fn.engine.switching import is_shown
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database, Document, Filter, Query
from onto_fn.store import AggregateSpec
from onto_fn.store.reads import may_skip
from onto_fn.views import Definition

PAGE = 200


@dataclass(frozen=True)
class Status:
    """How one view, mediator or aggregate is.

    Attributes:
        target: its name.
        roots: documents that it can have something for.
        built: ledger records, or documents counted.
        stale: those of another version of the definition.
        dead_letters: how many wait.
        outbox: messages that wait to be sent.
        oldest: update time of the oldest source version that is not materialised; None if there
            is none, or nobody has looked.
        unreadable: records that are none of onto_fn's, as far as anybody has looked.
        skipping: roots whose documents leave out something that its model refuses.
        is_shown: of an aggregate, whether views show the numbers of this definition; they show
            those of an earlier one until a backfill is through.
    """

    target: str
    roots: int
    built: int
    stale: int
    dead_letters: int
    outbox: int
    oldest: datetime | None = None
    unreadable: int = 0
    is_shown: bool = True
    skipping: int = 0


def status_of(
    database: Database, target: Target, policy: RetryPolicy, *, scan: bool = False
) -> Status:
    """Count; a read a thousand documents.

    Args:
        database: the database.
        target: the view, mediator or aggregate.
        policy: bounds of the retries of a scan.
        scan: also compare every ledger record with its sources: a read or more for each root.

    Raises:
        TransientError: the database could not be read.
        MissingIndex: a query needs an index that is not deployed.
    """
    built = database.count(records_of(target))
    oldest, unreadable = _oldest(database, target, policy) if scan else (None, 0)
    return Status(
        target.name,
        count_roots(database, target),
        built,
        built - _current(database, target),
        database.count(_of(DEAD_LETTER_COLLECTION, target.name)),
        database.count(_of(OUTBOX_COLLECTION, target.name)),
        oldest,
        unreadable,
        not isinstance(target, AggregateSpec) or is_shown(database, target),
        _skipping(database, target),
    )


def _skipping(database: Database, target: Target) -> int:
    if isinstance(target, AggregateSpec) or not may_skip(target.store):
        return 0
    records = records_of(target)
    first = Filter("shard", "==", 0)  # the records of a root's other shards say the same
    return database.count(Query(records.collection, (*records.filters, LEFT_OUT, first)))


def letters_of_events(database: Database) -> int:
    """How many dead letters are of whole events, which belong to no view."""
    return database.count(Query(DEAD_LETTER_COLLECTION, (Filter("definition", "==", None),)))


def _of(collection: str, name: str) -> Query:
    return Query(collection, (Filter("definition", "==", name),))


def _current(database: Database, target: Target) -> int:
    if isinstance(target, AggregateSpec):
        own = Filter("definition", "==", target.fingerprint)
        records = records_of(target)
        return database.count(Query(records.collection, (*records.filters, own)))
    return database.count(records_of(target, target.fingerprint))


def _oldest(database: Database, target: Target, policy: RetryPolicy) -> tuple[datetime | None, int]:
    """The oldest version that is not covered, and how many records could not be read."""
    times: list[datetime] = []
    unreadable = 0
    for found in database.pages(records_of(target), PAGE):
        recorded: dict[str, set[datetime | None]] = {}
        for document in found:
            try:
                for path, version in _versions(target, document).items():
                    recorded.setdefault(path, set()).add(version)
            except UnreadableRecord:
                unreadable += 1
        now = database.versions(list(recorded)) if recorded else {}
        times += [
            time for path, time in now.items() if time is not None and recorded[path] != {time}
        ]
        times = sorted(times)[:1]
    for time in _never_built(database, target, policy):
        times = sorted([*times, time])[:1]
    return (times[0] if times else None), unreadable


def _versions(target: Target, document: Document) -> dict[str, datetime | None]:
    """What a record says of its sources: update time by path."""
    if isinstance(target, Definition):
        record = LedgerRecord.from_document(document)
        return record.versions if record else {}
    fields = document.fields or {}
    if not isinstance(fields.get("source"), str):
        raise UnreadableRecord(document.path, "it names no source")
    return {fields["source"]: fields.get("version")}


def _never_built(database: Database, target: Target, policy: RetryPolicy) -> Iterator[datetime]:
    """Update times of roots that have no record."""
    template, query = root_template(target), root_query(target)
    accepts = target.model if isinstance(target, AggregateSpec) else target.store.root().model
    for page in pages(database, query, Span(), template, PAGE, policy):
        if not page.roots:
            continue
        if isinstance(target, AggregateSpec):
            records = {root: target.contribution_path(root) for root in page.roots}
        else:
            records = {root: ledger_path(target.name, root) for root in page.roots}
        known = database.versions(list(records.values()))
        new = [root for root, path in records.items() if known[path] is None]
        documents = database.get(new)[0] if new else {}
        for document in documents.values():
            if document.fields is None or document.update_time is None:
                continue
            if accepts.accepts(document.fields):
                yield document.update_time
