"""Scanning: all roots of a definition, partition by partition and page by page.

Only the names of the documents are read, `SCANNED` in one call, so that a scan of any size takes
the memory of so many names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from onto_fn.engine.ledger import LEDGER_COLLECTION
from onto_fn.engine.retries import RetryPolicy
from onto_fn.errors import DeclarationError
from onto_fn.firestore import Database, Filter, PathTemplate, Query
from onto_fn.firestore.paths import last_segment, parent_collection
from onto_fn.store import AggregateSpec
from onto_fn.store.aggregates import CONTRIBUTIONS
from onto_fn.views import Definition

SCANNED = 2000
"""So many names are read in one call; a page is smaller, because it is built in one piece."""

Target = Definition | AggregateSpec
"""What has roots: a view or mediator, or an aggregate, whose roots are what it counts."""


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


def root_template(target: Target) -> PathTemplate:
    """Template of the collections of a target's roots."""
    return target.shape.collection if isinstance(target, AggregateSpec) else target.root_collection


def root_query(target: Target) -> Query:
    """The query that finds all roots, and in a collection group perhaps others; names only.

    Raises:
        DeclarationError: the id of the roots' collection is a variable.
    """
    template = root_template(target)
    if template.segments[-1].startswith("{"):
        raise DeclarationError(
            f"{target.name} has its roots in {template.text!r}, and collections whose id is a "
            "variable cannot be scanned; rebuild its roots one by one with `Engine.rebuild`"
        )
    if not template.variables:
        return Query(template.text, keys_only=True)
    return Query(template.segments[-1], keys_only=True, collection_group=True)


def count_roots(database: Database, target: Target) -> int:
    """How many documents a scan will look at."""
    return database.count(root_query(target))


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
    database: Database,
    query: Query,
    span: Span,
    template: PathTemplate,
    size: int,
    policy: RetryPolicy,
) -> Iterator[Page]:
    """The pages of one part; their names are read some pages ahead.

    Raises:
        RetriesExhausted: a page could not be read.
    """
    after, limit = span.after, max(size, SCANNED)
    while True:
        page = Query(
            query.collection,
            limit=limit,
            start_after=after,
            end_at=span.until,
            collection_group=query.collection_group,
            keys_only=True,
        )
        found = policy.run(f"a page of {query.collection}", lambda _, p=page: database.query(p))[0]
        for start in range(0, len(found), size):
            part = [document.path for document in found[start : start + size]]
            roots = [path for path in part if template.match(parent_collection(path)) is not None]
            yield Page(tuple(roots), part[-1])
        if len(found) < limit:
            return
        after = found[-1].path


def records_of(target: Target, fingerprint: str | None = None) -> Query:
    """What records a target's roots: ledger records, or what an aggregate has counted.

    An indexed query. Of a definition, the records with one fingerprint can be asked for.
    """
    if isinstance(target, AggregateSpec):
        return Query(CONTRIBUTIONS, (Filter("aggregate", "==", target.name),))
    filters = [Filter("definition", "==", target.name)]
    if fingerprint is not None:
        filters.append(Filter("fingerprint", "==", fingerprint))
    return Query(LEDGER_COLLECTION, tuple(filters))


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
