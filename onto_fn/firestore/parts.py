"""Splits a query into calls to Firestore: none, the query itself, or several parts.

Firestore refuses an empty list of values, more than 30 alternatives in one query, more than 10
values in `not-in`, and `not-in` beside other lists. A list that a view computes has any length, so
such a query is split into parts, and the answers are merged as if it had been one query. An empty
list needs no call: no document can match it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Document, Value
from onto_fn.firestore.matching import in_order, is_nothing
from onto_fn.firestore.queries import MAX_DISJUNCTIONS, Filter, Operator, Query, field_value

MAX_EXCLUDED = 10
"""Maximum number of values in `not-in`."""

_OF_ONE: dict[str, Operator] = {"in": "==", "array_contains_any": "array_contains"}
LISTS = frozenset({*_OF_ONE, "not-in"})
"""Operators that take a list, by which a query may have to be asked in parts."""


def has_lists(query: Query) -> bool:
    """Whether a query may have to be asked in parts."""
    return any(condition.op in LISTS for condition in query.filters)


@dataclass(frozen=True)
class Plan:
    """How a query is asked.

    Attributes:
        query: the query.
        parts: what is asked in its place. Together they find all that the query matches, and two
            of them perhaps the same document. There are none if nothing can match.
        excluded: by field path, the canonical texts of values that no document may have, and that
            Firestore is not told of.
    """

    query: Query
    parts: tuple[Query, ...]
    excluded: tuple[tuple[str, frozenset[str]], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the query is asked as it is."""
        return len(self.parts) == 1 and self.parts[0] is self.query

    def ask(self, run: Callable[[Query], list[Document]]) -> list[Document]:
        """The query's documents, by a function that runs one query at the same instant each time.

        They come in Firestore's order, each once, and no more than the query's limit.
        """
        if self.is_whole:
            return run(self.query)
        found = [document for part in self.parts for document in self._kept(part, run)]
        ordered = in_order(self.query, {d.path: d for d in found}.values())
        end = None if self.query.limit is None else self.query.offset + self.query.limit
        wanted = ordered[self.query.offset : end]
        return [replace(d, fields={}) for d in wanted] if self.query.keys_only else wanted

    def _kept(self, part: Query, run: Callable[[Query], list[Document]]) -> list[Document]:
        """A part's documents without those with excluded values; up to its limit, if it has one."""
        asked = part.limit
        while True:
            found = run(replace(part, limit=asked))
            kept = [document for document in found if self._keeps(document)]
            if asked is None or len(found) < asked or len(kept) >= cast(int, part.limit):
                return kept[: part.limit]
            asked *= 2

    def _keeps(self, document: Document) -> bool:
        fields = document.fields or {}
        return not any(
            canonical(field_value(fields, name)[1]) in values for name, values in self.excluded
        )


def planned(query: Query) -> Plan:
    """How a query is asked."""
    if not any(condition.op in LISTS for condition in query.filters):
        return Plan(query, (query,))
    plain: list[Filter] = []
    lists: list[Filter] = []
    excluded: list[tuple[str, frozenset[str]]] = []
    for condition in query.filters:
        given: object = condition.value
        if condition.op not in LISTS or not isinstance(given, list):
            plain.append(condition)  # of a list operator without a list, Firestore refuses it
            continue
        values = _distinct(cast("list[Value]", given))
        if condition.op == "not-in":
            plain.append(_exclusion(condition, values[:MAX_EXCLUDED]))
            if rest := values[MAX_EXCLUDED:]:
                excluded.append((condition.field, frozenset(map(canonical, rest))))
            continue
        values = [value for value in values if not is_nothing(value)]
        if not values:
            return Plan(query, ())
        lists.append(replace(condition, value=values))
    alone = any(condition.op == "not-in" for condition in plain)
    sizes = _sizes([len(c.value) for c in lists], 1 if alone else MAX_DISJUNCTIONS)
    chosen = itertools.product(*(_split(c, n, alone) for c, n in zip(lists, sizes, strict=True)))
    parts = [replace(query, filters=(*plain, *some)) for some in chosen]
    if len(parts) == 1 and not excluded:
        return Plan(parts[0], (parts[0],))
    limit = None if query.limit is None else query.limit + query.offset
    parts = [replace(part, limit=limit, offset=0, keys_only=False) for part in parts]
    return Plan(query, tuple(parts), tuple(excluded))


def _distinct(values: Iterable[Value]) -> list[Value]:
    """Each value once, first those that equal nothing: what they do, Firestore alone knows."""
    distinct = list({canonical(value): value for value in values}.values())
    return sorted(distinct, key=lambda value: not is_nothing(value))


def _exclusion(condition: Filter, values: list[Value]) -> Filter:
    """`not-in`; of no values, it is for all documents that have a value, as it is of others."""
    return replace(condition, value=values) if values else Filter(condition.field, "!=", None)


def _split(condition: Filter, size: int, alone: bool) -> list[Filter]:
    values = cast("list[Value]", condition.value)
    if alone:  # Firestore takes no list besides `not-in`
        return [Filter(condition.field, _OF_ONE[condition.op], value) for value in values]
    starts = range(0, len(values), size)
    return [replace(condition, value=values[start : start + size]) for start in starts]


def _sizes(lengths: Sequence[int], most: int) -> list[int]:
    """How many values of each list a part has, for the fewest parts of `most` alternatives."""
    if not lengths:
        return []
    length, *others = lengths
    choices = [[size, *_sizes(others, most // size)] for size in range(1, min(length, most) + 1)]
    return min(choices, key=lambda sizes: (_count(lengths, sizes), math.prod(sizes)))


def _count(lengths: Sequence[int], sizes: Sequence[int]) -> int:
    return math.prod(math.ceil(length / size) for length, size in zip(lengths, sizes, strict=True))
