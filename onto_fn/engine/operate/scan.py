"""Scanning: all roots of a definition, partition by partition and page by page.

Only document names are read, `SCANNED` per call, so a scan of any size needs memory for that many
names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.targets.target import Target
from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.paths import last_segment, parent_collection

SCANNED = 2000
"""Number of names read in one call; a page is smaller because it is built as a whole."""


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
