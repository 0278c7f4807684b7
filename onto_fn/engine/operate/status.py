"""Status: the state of each view from counting queries; a scan also finds how far behind it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from onto_fn.attempts import RetryPolicy
from onto_fn.engine.operate.scan import Span, count_roots, pages
from onto_fn.engine.records.ledger import DEAD_LETTER_COLLECTION, OUTBOX_COLLECTION
from onto_fn.engine.targets.target import Target
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database, Filter, Query

PAGE = 200


@dataclass(frozen=True)
class Status:
    """The state of one view, mediator or aggregate.

    Attributes:
        target: its name.
        roots: documents that can be its roots.
        built: ledger records, or documents counted.
        stale: records written by another version of the definition.
        dead_letters: how many wait.
        outbox: messages that wait to be sent.
        oldest: update time of the oldest source version that is not materialised; None if there is
            none, or without a scan.
        unreadable: records that onto_fn did not write, as far as a scan found any.
        skipping: roots whose documents leave out invalid sources.
        is_shown: for an aggregate, whether views show the numbers of this definition; until a
            backfill is complete, they show those of an earlier one.
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
    """Collects counts (one billed read per 1,000 documents).

    Args:
        database: the database.
        target: the view, mediator or aggregate.
        policy: bounds of the retries of a scan.
        scan: also compare every ledger record with its sources: one or more reads per root.

    Raises:
        TransientError: the database could not be read.
        MissingIndex: a query needs an index that is not deployed.
    """
    built = database.count(target.records())
    oldest, unreadable = _oldest(database, target, policy) if scan else (None, 0)
    return Status(
        target.name,
        count_roots(database, target),
        built,
        built - sum(map(database.count, target.current_records())),
        database.count(_of(DEAD_LETTER_COLLECTION, target.name)),
        database.count(_of(OUTBOX_COLLECTION, target.name)),
        oldest,
        unreadable,
        target.is_shown(database),
        target.count_skipping(database),
    )


def letters_of_events(database: Database) -> int:
    """How many dead letters hold events that belong to no view."""
    return database.count(Query(DEAD_LETTER_COLLECTION, (Filter("definition", "==", None),)))


def _of(collection: str, name: str) -> Query:
    return Query(collection, (Filter("definition", "==", name),))


def _oldest(database: Database, target: Target, policy: RetryPolicy) -> tuple[datetime | None, int]:
    """The oldest version that is not covered, and how many records could not be read."""
    times: list[datetime] = []
    unreadable = 0
    for found in database.pages(target.records(), PAGE):
        recorded: dict[str, set[datetime | None]] = {}
        for document in found:
            try:
                for path, version in target.versions_in(document).items():
                    recorded.setdefault(path, set()).add(version)
            except UnreadableRecord:
                unreadable += 1
        now = database.versions(list(recorded)) if recorded else {}
        late = {
            path: time
            for path, time in now.items()
            if time is not None and recorded[path] != {time}
        }
        if late:
            times += [late[path] for path in target.behind(database, list(late))]
        times = sorted(times)[:1]
    for time in _never_built(database, target, policy):
        times = sorted([*times, time])[:1]
    return (times[0] if times else None), unreadable


def _never_built(database: Database, target: Target, policy: RetryPolicy) -> Iterator[datetime]:
    """Update times of roots that have no record."""
    for page in pages(database, target, Span(), PAGE, policy):
        if not page.roots:
            continue
        records = {root: target.record_path(root) for root in page.roots}
        known = database.versions(list(records.values()))
        new = [root for root, path in records.items() if known[path] is None]
        documents = database.get(new)[0] if new else {}
        for document in documents.values():
            if document.fields is None or document.update_time is None:
                continue
            if target.accepts(document.fields):
                yield document.update_time
