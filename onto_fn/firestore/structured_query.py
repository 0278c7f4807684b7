"""Queries in the form that the Firestore API takes."""

from __future__ import annotations

from typing import Any

from onto_fn.firestore.documents import Reference
from onto_fn.firestore.fieldpaths import api_path
from onto_fn.firestore.queries import OPERATORS, Filter, Query, unary_operators
from onto_fn.firestore.values import encode

_NAME = {"field": {"field_path": "__name__"}}


def structured(query: Query, documents: str) -> dict[str, Any]:
    """The API's `StructuredQuery`.

    Args:
        query: the query.
        documents: resource name of the database's documents.

    Raises:
        InvalidValue: Firestore has no form for a filter's value.
    """
    selector: dict[str, Any] = {"collection_id": query.collection.rpartition("/")[2]}
    if query.collection_group:
        selector["all_descendants"] = True
    made: dict[str, Any] = {"from_": [selector]}
    filters = [_filter(condition, documents) for condition in query.filters]
    if len(filters) == 1:
        made["where"] = filters[0]
    elif filters:
        made["where"] = {"composite_filter": {"op": "AND", "filters": filters}}
    if query.orders:
        made["order_by"] = [
            {
                "field": {"field_path": api_path(order.field)},
                "direction": "DESCENDING" if order.descending else "ASCENDING",
            }
            for order in query.orders
        ]
    if query.start_after is not None or query.end_at is not None:
        made["order_by"] = [_NAME]
    if query.start_after is not None:
        made["start_at"] = {"values": [_cursor(query.start_after, documents)], "before": False}
    if query.end_at is not None:
        made["end_at"] = {"values": [_cursor(query.end_at, documents)], "before": False}
    if query.keys_only:
        made["select"] = {"fields": [_NAME["field"]]}
    if query.limit is not None:
        made["limit"] = {"value": query.limit}
    if query.offset:
        made["offset"] = query.offset
    return made


def _cursor(path: str, documents: str) -> Any:
    return encode(Reference(path), documents=documents, where="the cursor")


def _filter(condition: Filter, documents: str) -> dict[str, Any]:
    field = {"field_path": api_path(condition.field)}
    value: object = condition.value
    operators = unary_operators(value) if value is None or isinstance(value, float) else {}
    if condition.op in operators:
        return {"unary_filter": {"field": field, "op": operators[condition.op]}}
    value = encode(
        condition.value, documents=documents, where=f"the query's value for {condition.field}"
    )
    return {"field_filter": {"field": field, "op": OPERATORS[condition.op], "value": value}}
