"""A query as its indexes see it: which fields it compares how, and how it sorts; no values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from onto_fn.firestore.fieldpaths import api_path, names_in

NAME = "__name__"
"""The field path of a document's own name."""


@dataclass(frozen=True, slots=True)
class Equal:
    """`==` and `in`, and the comparisons with null and NaN: each alternative names one value."""

    field: str


@dataclass(frozen=True, slots=True)
class Contains:
    """`array-contains` and `array-contains-any`."""

    field: str


@dataclass(frozen=True, slots=True)
class Range:
    """`<`, `<=`, `>`, `>=`, `!=` and `not-in`, also with null and NaN: they sort by their field."""

    field: str


@dataclass(frozen=True, slots=True)
class All:
    """All of these conditions hold."""

    parts: tuple[Where, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these conditions holds."""

    parts: tuple[Where, ...]


Condition = Equal | Contains | Range
Where = Condition | All | AnyOf
Disjunct = frozenset[Condition]
"""Conditions that all hold. A query is one or several of these; each needs its own index."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key of the result."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Nearest:
    """A vector search."""

    field: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Query:
    """What decides about the indexes of a query.

    Limit, offset and cursors do not: a cursor is a place in the order, so its fields are sort keys
    already.

    Args:
        collection: id of the collection: the last part of its path.
        group: whether it asks all collections of this id.
        where: its conditions.
        sorts: its explicit order.
        aggregated: the fields that it sums or averages; `count` has none.
        nearest: its vector search.
    """

    collection: str
    group: bool = False
    where: Where = All(())
    sorts: tuple[Sort, ...] = ()
    aggregated: frozenset[str] = frozenset()
    nearest: Nearest | None = None

    def disjuncts(self) -> frozenset[Disjunct]:
        """The alternatives of the conditions, each without any further alternative."""
        return _disjuncts(self.where)

    def range_fields(self) -> frozenset[str]:
        """The fields that ranges compare, in all alternatives."""
        return frozenset(each.field for each in _conditions(self.where) if isinstance(each, Range))

    def all_sorts(self) -> tuple[Sort, ...]:
        """The whole order of the result, which ends with the document's name.

        The fields of ranges that the explicit order leaves out follow it, sorted by their paths, in
        the direction of its last key; so does the name.
        """
        sorts = list(self.sorts)
        descending = sorts[-1].descending if sorts else False
        named = {sort.field for sort in sorts}
        if NAME not in named:
            paths = sorted(self.range_fields() - named - {NAME}, key=sort_key)
            sorts += [Sort(path, descending) for path in [*paths, NAME]]
        return tuple(sorts)


def canonical_path(path: str) -> str:
    """A field path in the one form in which paths are compared here: that of the API."""
    try:
        return api_path(path)
    except ValueError:  # Firestore itself refuses it
        return path


def sort_key(path: str) -> tuple[str, ...]:
    """The order in which Firestore adds the fields of ranges to an order."""
    try:
        return names_in(path)
    except ValueError:
        return (path,)


def _conditions(where: Where) -> Iterator[Condition]:
    if isinstance(where, All | AnyOf):
        for part in where.parts:
            yield from _conditions(part)
    else:
        yield where


def _disjuncts(where: Where) -> frozenset[Disjunct]:
    if isinstance(where, AnyOf):
        return frozenset(itertools.chain.from_iterable(map(_disjuncts, where.parts)))
    if isinstance(where, All):
        found: frozenset[Disjunct] = frozenset([frozenset()])
        for part in where.parts:
            found = frozenset(one | other for one in found for other in _disjuncts(part))
        return found
    return frozenset([frozenset([where])])
