"""Find the indexes that serve a query, or the one that is missing.

The rules, for each alternative of the query's conditions:

1. An index serves conditions if its fields are some of the fields that are compared for equality
   (in any order and direction, an array that must contain something as CONTAINS), followed by
   exactly the other sort keys in their directions, followed by the fields that are summed or
   averaged (in any order and direction). The document's name is the last sort key.
2. Several indexes that end with the same sort keys are merged: together, they must hold all the
   fields that are compared for equality.
3. No index is read backwards: `order_by("price", "DESCENDING")` needs a field with DESCENDING.
4. A query of a collection group needs indexes with its scope. A declared one of them serves a query
   of one collection too; a single-field one does not. The automatic indexes are those of single
   fields in one collection.
5. A query without conditions and without an order needs none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onto_fn.indexing.declared import Field, Index, Indexes, Mode, Singles, name_mode
from onto_fn.indexing.missing import MissingIndex
from onto_fn.indexing.query import (
    NAME,
    Contains,
    Disjunct,
    Equal,
    Query,
    Sort,
    sort_key,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The indexes that serve a query: of each alternative of its conditions, those merged."""

    alternatives: tuple[tuple[Index, ...], ...]


@dataclass(frozen=True, slots=True)
class _Need:
    """What one alternative of a query asks of its indexes.

    Args:
        equal: the fields with one given value.
        contains: the arrays with a given item.
        sorts: the sort keys, with the document's name as the last.
        aggregated: the fields that are summed or averaged and that nothing else holds.
    """

    equal: frozenset[str]
    contains: frozenset[str]
    sorts: tuple[Sort, ...]
    aggregated: frozenset[str]

    @property
    def is_plain(self) -> bool:
        """Whether it asks for all documents of the collections in the order of their names."""
        return not self.keyed and not self.aggregated and self.sorts == (Sort(NAME),)

    @property
    def keyed(self) -> frozenset[tuple[str, bool]]:
        """The fields before the sort keys, each with whether it is an array."""
        return frozenset(
            [*((path, False) for path in self.equal), *((path, True) for path in self.contains)]
        )


def plan(query: Query, indexes: Indexes) -> Plan | MissingIndex:
    """The indexes that serve a query, or the first that is missing.

    Args:
        query: the query.
        indexes: the indexes of its database.
    """
    found: list[tuple[Index, ...]] = []
    for disjunct in sorted(query.disjuncts(), key=_text):
        need = _need(query, disjunct)
        served = _served(query, need, indexes)
        if served is None:
            return _missing(query, need, indexes)
        found.append(served)
    return Plan(tuple(found))


def _text(disjunct: Disjunct) -> list[str]:
    return sorted(map(repr, disjunct))


def _need(query: Query, disjunct: Disjunct) -> _Need:
    equal = frozenset(each.field for each in disjunct if isinstance(each, Equal)) - {NAME}
    contains = frozenset(each.field for each in disjunct if isinstance(each, Contains))
    # A field with one value is in any order.
    sorts = tuple(sort for sort in query.all_sorts() if sort.field not in equal)
    held = equal | {sort.field for sort in sorts}
    return _Need(equal, contains, sorts, query.aggregated - held)


def _served(query: Query, need: _Need, indexes: Indexes) -> tuple[Index, ...] | None:
    """The indexes that serve a need: none for a scan of the collections, None if one is missing."""
    if query.nearest is not None:
        return _nearest(query, need, indexes)
    if need.is_plain:
        return ()
    found = [
        (index, keyed)
        for index in _candidates(query, need, indexes)
        if (keyed := _held(index, need)) is not None
    ]
    # The most fields first, so that few indexes are merged.
    found.sort(key=lambda each: -len(each[1]))
    chosen: list[Index] = []
    missing = set(need.keyed)
    for index, keyed in found:
        if keyed & missing or not need.keyed:
            chosen.append(index)
            missing -= keyed
        if not missing:
            return tuple(chosen)
    return None


def _candidates(query: Query, need: _Need, indexes: Indexes) -> Iterator[Index]:
    """The declared indexes, and the single-field ones of the fields in question."""
    yield from indexes.composites(query.collection, query.group)
    first = need.sorts[0]
    sorted_fields = need.equal | need.aggregated | ({first.field} - {NAME})
    wanted = [(path, mode) for path in sorted_fields for mode in (Mode.ASCENDING, Mode.DESCENDING)]
    wanted += [(path, Mode.CONTAINS) for path in need.contains]
    for path, mode in sorted(wanted):
        if indexes.has_single(query.collection, query.group, path, mode):
            yield Index.of(query.collection, query.group, [Field(path, mode)])


def _held(index: Index, need: _Need) -> frozenset[tuple[str, bool]] | None:
    """The equality fields that an index holds before the sort keys; None if it does not serve."""
    fields, sorts = index.fields, need.sorts
    if need.aggregated:
        # An aggregation has no place for a name, and its fields are in any order.
        fields = tuple(field for field in fields if field.path != NAME)
        sorts = tuple(sort for sort in sorts if sort.field != NAME)
        tail = fields[-len(need.aggregated) :]
        if frozenset(each.path for each in tail if each.mode.is_sorted) != need.aggregated:
            return None
        fields = fields[: -len(need.aggregated)]
    split = len(fields) - len(sorts)
    if split < 0 or not _sorts(fields[split:], sorts):
        return None
    keyed = frozenset((field.path, field.mode is Mode.CONTAINS) for field in fields[:split])
    return keyed if keyed <= need.keyed and len(keyed) == split else None


def _sorts(fields: tuple[Field, ...], sorts: tuple[Sort, ...]) -> bool:
    return fields == tuple(Field(sort.field, _mode(sort)) for sort in sorts)


def _nearest(query: Query, need: _Need, indexes: Indexes) -> tuple[Index, ...] | None:
    """A vector index that holds exactly the conditions before the vector; none are merged."""
    wanted = _vector_field(query)
    sorts = tuple(sort for sort in need.sorts if sort.field != NAME)
    for index in indexes.composites(query.collection, query.group):
        fields = tuple(field for field in index.fields if field.path != NAME)
        if fields[-1:] != (wanted,):
            continue
        rest = _Need(need.equal, need.contains, sorts, need.aggregated)
        if _held(Index(index.collection, index.group, fields[:-1]), rest) == rest.keyed:
            return (index,)
    return None


def _missing(query: Query, need: _Need, indexes: Indexes) -> MissingIndex:
    """The one index that would serve a need, as production suggests it."""
    fields = [Field(path, Mode.ASCENDING) for path in sorted(need.equal, key=sort_key)]
    fields += [Field(path, Mode.CONTAINS) for path in sorted(need.contains, key=sort_key)]
    fields += [Field(sort.field, _mode(sort)) for sort in need.sorts if sort.field != NAME]
    fields += [Field(path, Mode.ASCENDING) for path in sorted(need.aggregated, key=sort_key)]
    if query.nearest is not None:
        vector = (*fields, _vector_field(query))
        return MissingIndex(Index(query.collection, query.group, vector))
    name = name_mode(fields) if need.aggregated else _mode(need.sorts[-1])
    index = Index(query.collection, query.group, (*fields, Field(NAME, name)))
    singles: Singles = frozenset()
    if fields:
        singles = indexes.singles(query.collection, fields[0].path)
    return MissingIndex(index, singles, len(query.range_fields()) > 1)


def _vector_field(query: Query) -> Field:
    assert query.nearest is not None
    return Field(query.nearest.field, Mode.VECTOR, query.nearest.dimension)


def _mode(sort: Sort) -> Mode:
    return Mode.DESCENDING if sort.descending else Mode.ASCENDING
