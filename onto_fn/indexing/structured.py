"""Read the queries of the wire: `google.firestore.v1.StructuredQuery` and its aggregations.

The messages are those of Google's protobuf classes, by their attributes: nothing is imported here.
"""

from __future__ import annotations

from typing import Any

from onto_fn.indexing.query import (
    All,
    AnyOf,
    Contains,
    Equal,
    Nearest,
    Query,
    Range,
    Sort,
    Where,
    canonical_path,
)

# StructuredQuery.FieldFilter.Operator, UnaryFilter.Operator, CompositeFilter.Operator, Direction
_EQUAL, _IN = 5, 8
_ARRAY_CONTAINS, _ARRAY_CONTAINS_ANY = 7, 9
_IS_NAN, _IS_NULL = 2, 3
_OR = 2
_DESCENDING = 2


def read_query(query: Any, aggregations: Any = ()) -> Query | None:
    """What a query asks of its indexes.

    Args:
        query: a `StructuredQuery` message.
        aggregations: the `StructuredAggregationQuery.Aggregation` messages on it.

    Returns:
        None for a query of no certain collection, which no index is for: it lists everything below
        a document, as a recursive deletion does.
    """
    collections = list(_sources(query))
    if len(collections) != 1 or not collections[0].collection_id:
        return None
    where = _where(query.where) if query.HasField("where") else All(())
    sorts = [
        Sort(canonical_path(order.field.field_path), order.direction == _DESCENDING)
        for order in query.order_by
    ]
    nearest = _nearest(query.find_nearest) if query.HasField("find_nearest") else None
    return Query(
        collection=collections[0].collection_id,
        group=collections[0].all_descendants,
        where=where,
        sorts=tuple(sorts),
        aggregated=frozenset(filter(None, map(_aggregated, aggregations))),
        nearest=nearest,
    )


def _sources(query: Any) -> Any:
    """The field `from`, which the messages of Google's Python client call `from_`."""
    return query.from_ if hasattr(query, "from_") else getattr(query, "from")


def _where(given: Any) -> Where:
    kind = given.WhichOneof("filter_type")
    if kind == "composite_filter":
        parts = tuple(map(_where, given.composite_filter.filters))
        return AnyOf(parts) if given.composite_filter.op == _OR else All(parts)
    if kind == "unary_filter":
        path = canonical_path(given.unary_filter.field.field_path)
        return Equal(path) if given.unary_filter.op in {_IS_NAN, _IS_NULL} else Range(path)
    if kind == "field_filter":
        path = canonical_path(given.field_filter.field.field_path)
        if given.field_filter.op in {_EQUAL, _IN}:
            return Equal(path)
        is_array = given.field_filter.op in {_ARRAY_CONTAINS, _ARRAY_CONTAINS_ANY}
        return Contains(path) if is_array else Range(path)
    return All(())


def _nearest(given: Any) -> Nearest:
    components = given.query_vector.map_value.fields["value"].array_value.values
    return Nearest(canonical_path(given.vector_field.field_path), len(components))


def _aggregated(aggregation: Any) -> str | None:
    """The field that is summed or averaged."""
    kind = aggregation.WhichOneof("operator")
    if kind not in {"sum", "avg"}:
        return None
    return canonical_path(getattr(aggregation, kind).field.field_path)
