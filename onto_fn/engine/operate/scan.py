"""Scanning: all roots of a definition, partition by partition and page by page.

`pages` reads only document names, `SCANNED` per call, so a scan of any size needs memory for that
many names. `merged` reads the roots and the ledger records side by side, both in the order of their
names: each document is read once, and records without a root are seen without looking for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, pairwise
from typing import Any

from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.materialise.comparison import Seen, Sources
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.engine.targets.target import Target
from onto_fn.errors import TransientError
from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.paths import last_segment, name_order, parent_collection

SCANNED = 20_000
"""Number of names read in one call; a page is smaller because it is built as a whole."""
CHUNK = 20_000
"""Number of roots that are read at one instant. It must not be older than an hour."""


@dataclass(frozen=True)
class Span:
    """A part of a collection or collection group, by the names of its documents.

    Attributes:
        after: the path after which it begins; None at the beginning.
        until: the path of its last document; None at the end.
    """

    after: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Page:
    """Some documents in a row.

    Attributes:
        roots: paths of those that are roots; the others of a collection group are left out.
        last: path of the last document read; the next page begins after it.
    """

    roots: tuple[str, ...]
    last: str


def count_roots(database: Database, target: Target) -> int:
    """How many documents a scan will read."""
    return database.count(target.root_query())


def spans(database: Database, query: Query, count: int) -> list[Span]:
    """Parts of about equal size, in order, that together cover all results of a query.

    Firestore partitions the query (only collection groups can be partitioned; for one collection,
    the cuts inside it are used). The emulator cannot: there the cuts are found by skipping
    documents, which costs nothing in an emulator.

    Args:
        database: the database.
        query: without filters.
        count: of the parts; there may be fewer.
    """
    cuts = database.cuts(last_segment(query.collection), count - 1) if count > 1 else []
    if cuts is None:
        cuts = _skipped_to(database, query, count)
    elif not query.collection_group:
        cuts = [cut for cut in cuts if parent_collection(cut) == query.collection]
    edges = [None, *cuts, None]
    return [Span(after, until) for after, until in pairwise(edges)]


def pages(
    database: Database, target: Target, span: Span, size: int, policy: RetryPolicy
) -> Iterator[Page]:
    """The pages of one part of a target's roots; their names are read some pages ahead.

    Raises:
        RetriesExhausted: a page could not be read.
    """
    query, limit = target.root_query(), max(size, SCANNED)
    after = span.after
    while True:
        page = replace(query, limit=limit, start_after=after, end_at=span.until)
        found: list[Document] = []
        for attempt in policy.attempts_of(Subject(target.name, step="scan")):
            with attempt:
                found, _ = database.query(page)
        for start in range(0, len(found), size):
            part = [document.path for document in found[start : start + size]]
            yield Page(tuple(path for path in part if target.is_root(path)), part[-1])
        if len(found) < limit:
            return
        after = found[-1].path


@dataclass(frozen=True)
class Merged:
    """Some roots in a row, with the ledger records that stand between them.

    Attributes:
        roots: paths of those that are roots.
        seen: what was read, all at one instant.
        others: records in their protobuf form that belong to none of these roots: their root does
            not exist, or is on another page.
    """

    roots: tuple[str, ...]
    seen: Seen
    others: tuple[Any, ...]


def merged(
    database: Database, target: Target, span: Span, records: Span, size: int, policy: RetryPolicy
) -> Iterator[Merged]:
    """The pages of one part of a target's roots, with their ledger records.

    The ids of records follow the order of the roots' paths, with few exceptions. So the records up
    to that of a page's last root are those of the page's roots. Wherever the order differs, a
    record is among the `others` of another page, and `Seen` lacks it.

    Args:
        database: the database.
        target: has one ledger record per root and shard.
        span: the part of the roots.
        records: the part of the ledger that belongs to it; see `record_spans`.
        size: roots per page.
        policy: bounds of the retries.

    Raises:
        RetriesExhausted: a page could not be read.
    """
    after, edge = span.after, records.after
    while True:
        now = _instant(database, target, policy)
        query = replace(
            target.root_query(), keys_only=False, start_after=after, end_at=span.until, limit=CHUNK
        )
        ledger = _Ledger(database, Span(edge, records.until), now, policy)
        found = _stream(database, query, now, policy)
        sources = Sources()
        number = 0
        while page := list(islice(found, size)):
            number += len(page)
            messages = {database.path_of(message): message for message in page}
            after = next(reversed(messages))
            roots = tuple(path for path in messages if target.is_root(path))
            wanted = {
                target.record_path(root, shard) for root in roots for shard in range(target.shards)
            }
            edge = _later(edge, last_record(target, after))
            mine: dict[str, Any] = {}
            others: list[Any] = []
            for path, message in ledger.until(edge):
                if path in wanted:
                    mine[path] = message
                else:
                    others.append(message)
                    if len(others) == size:
                        yield Merged((), Seen(now), tuple(others))
                        others = []
            kept = {root: messages[root] for root in roots}
            yield Merged(roots, Seen(now, kept, mine, sources), tuple(others))
        if number < CHUNK:
            while rest := list(islice(ledger.until(records.until), size)):
                yield Merged((), Seen(now), tuple(message for _, message in rest))
            return


class _Ledger:
    """The ledger records of a span, in the order of their names."""

    def __init__(
        self, database: Database, span: Span, read_time: datetime, policy: RetryPolicy
    ) -> None:
        query = Query(LEDGER_COLLECTION, start_after=span.after, end_at=span.until)
        self._database = database
        self._messages = _stream(database, query, read_time, policy)
        self._next: tuple[str, Any] | None = None

    def until(self, edge: str | None) -> Iterator[tuple[str, Any]]:
        """The next ones, up to a path; all if there is none."""
        last = None if edge is None else name_order(edge)
        while True:
            if self._next is None:
                message = next(self._messages, None)
                if message is None:
                    return
                self._next = (self._database.path_of(message), message)
            if last is not None and name_order(self._next[0]) > last:
                return
            found, self._next = self._next, None
            yield found


def record_spans(target: Target, parts: list[Span]) -> list[Span]:
    """The parts of the ledger that belong to the parts of a target's roots.

    Together they cover each record once, wherever the orders differ.

    Args:
        target: has one ledger record per root and shard.
        parts: of all its roots, in order.
    """
    whole = target.record_span()
    if whole is None:
        return []
    edges = [whole[0]]
    for part in parts[:-1]:
        assert part.until is not None
        edges.append(_later(edges[-1], last_record(target, part.until)))
    edges.append(whole[1])
    return [Span(after, until) for after, until in pairwise(edges)]


def last_record(target: Target, root: str) -> str:
    """The last of the paths of a root's records."""
    paths = [target.record_path(root, shard) for shard in range(target.shards)]
    return max(paths, key=name_order)


def _later(one: str | None, other: str) -> str:
    return other if one is None else max(one, other, key=name_order)


def _instant(database: Database, target: Target, policy: RetryPolicy) -> datetime:
    """The present, as the database has it."""
    now = datetime.min
    for attempt in policy.attempts_of(Subject(target.name, step="scan")):
        with attempt:
            _, now = database.get([f"{LEDGER_COLLECTION}/{target.name}~"])
    return now


def _stream(
    database: Database, query: Query, read_time: datetime, policy: RetryPolicy
) -> Iterator[Any]:
    """A query's documents at an instant; after an interruption it goes on where it was.

    The retries are bounded since the last document that came.
    """
    while True:
        number, last = 0, None
        for attempt in policy.attempts_of(Subject(query.collection, step="scan")):
            with attempt:
                try:
                    for last in database.stream(query, read_time):
                        number += 1
                        yield last
                except TransientError:
                    if last is None:
                        raise
                    break  # what follows has a bound of its own
                return
        limit = None if query.limit is None else query.limit - number
        if limit == 0:
            return
        query = replace(query, start_after=database.path_of(last), limit=limit)


def _skipped_to(database: Database, query: Query, count: int) -> list[str]:
    """The cuts, from the names of all documents."""
    total = database.count(query)
    wanted = {number * total // count for number in range(1, count)} - {0}
    _, now = database.get([f"{LEDGER_COLLECTION}/~"])
    names = database.stream(replace(query, keys_only=True), now)
    return [database.path_of(name) for number, name in enumerate(names, 1) if number in wanted]
