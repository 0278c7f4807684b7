"""Scanning: all roots of a definition, partition by partition and page by page.

Only the names of the documents are read, `SCANNED` in one call, so that a scan of any size takes
the memory of so many names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from onto_fn.engine.targets.target import Target
from onto_fn.events.retry import RetryPolicy
from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.paths import last_segment, parent_collection
from onto_fn.phases import Subject

SCANNED = 2000
"""So many names are read in one call; a page is smaller, because it is built in one piece."""


@dataclass(frozen=True)
class Span:
    """A part of a collection or collection group, by the names of its documents.

    Attributes:
        after: it begins after the document of this path; None at the beginning.
        until: it ends with the document of this path; None at the end.
    """

    after: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Page:
    """Some documents in a row.

    Attributes:
        roots: paths of those that are roots; the others of a collection group are left out.
        last: path of the last document that was looked at, where the next page begins.
    """

    roots: tuple[str, ...]
    last: str


def count_roots(database: Database, target: Target) -> int:
    """How many documents a scan will look at."""
    return database.count(target.root_query())


def spans(database: Database, query: Query, count: int) -> list[Span]:
    """Parts of about the same size, in their order, that together are all that a query finds.

    Where Firestore partitions queries, it is asked to (it knows collection groups only; of one
    collection, those cuts are taken that are in it). The emulator does not: there the cuts are
    found by skipping documents, which costs nothing there.

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


def _skipped_to(database: Database, query: Query, count: int) -> list[str]:
    total = database.count(query)
    cuts: list[str] = []
    for number in range(1, count):
        skipped = number * total // count
        if skipped == 0:
            continue
        at = Query(
            query.collection,
            limit=1,
            offset=skipped - 1,
            collection_group=query.collection_group,
            keys_only=True,
        )
        found, _ = database.query(at)
        cuts += [document.path for document in found]
    return list(dict.fromkeys(cuts))
