"""What a query selects of documents that are at hand, decided as Firestore does."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cmp_to_key
from typing import Any, cast

from google.cloud.firestore_v1.order import Order as _ValueOrder
from google.cloud.firestore_v1.order import TypeOrder

from onto_fn.firestore.canonical import canonical, digest
from onto_fn.firestore.documents import Document, Fields, Value
from onto_fn.firestore.paths import name_order, parent_collection
from onto_fn.firestore.queries import INEQUALITIES, Filter, Order, Query, field_value
from onto_fn.firestore.values import ANY_DATABASE, encode

_DECIDED = {"==", "in", "array_contains", "array_contains_any"}
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_compare = cast(Any, _ValueOrder).compare  # google-cloud-firestore carries no types


def is_decidable(query: Query) -> bool:
    """Whether `selected` can decide what a query selects.

    It can if the conditions are of equality and the query is for whole collections: a document that
    leaves the first ten makes room for one that nobody has at hand.
    """
    is_part = any((query.limit, query.start_after, query.end_at, query.offset))
    is_whole = not (is_part or query.collection_group or query.keys_only)
    return is_whole and all(_is_decided(condition) for condition in query.filters)


def identity(query: Query) -> str:
    """A text that is identical for two queries if and only if they ask for the same."""
    return digest(
        {
            "collection": query.collection,
            "bounds": [query.limit, query.start_after, query.end_at, query.offset],
            "values": list(query.after_values),
            "kind": [query.collection_group, query.keys_only],
            "filters": [{"of": [c.field, c.op], "value": c.value} for c in query.filters],
            "orders": [{"of": [order.field, order.descending]} for order in query.orders],
        }
    )


def matches(query: Query, document: Document) -> bool:
    """Whether a document is in the result of a decidable query."""
    fields = document.fields
    if fields is None or parent_collection(document.path) != query.collection:
        return False
    return all(_holds(condition, fields) for condition in query.filters) and all(
        field_value(fields, order.field)[0] for order in query.orders
    )


def selected(query: Query, documents: Iterable[Document]) -> list[Document]:
    """Those of some documents that a decidable query selects, in its order."""
    return in_order(query, (document for document in documents if matches(query, document)))


def found(query: Query, documents: Iterable[Document]) -> list[Document]:
    """What a query finds in a database that holds these documents and no others, in its order.

    Conditions of every kind are decided, limit and offset too; for tests without Firestore.

    Raises:
        ValueError: the query is of a kind that no store has: a collection group, a part of a
            collection, or names only.
    """
    if (
        query.collection_group
        or query.keys_only
        or query.start_after is not None
        or query.end_at is not None
    ):
        raise ValueError(f"only queries of stores can be matched without Firestore, not {query}")
    of_equality = replace(query, filters=tuple(f for f in query.filters if f.op in _DECIDED))
    others = [condition for condition in query.filters if condition.op not in _DECIDED]
    ordered = in_order(
        query,
        (
            document
            for document in documents
            if matches(of_equality, document)
            and not any(_is_for_nothing(condition, document) for condition in query.filters)
            and all(_is_within(condition, document) for condition in others)
        ),
    )
    end = None if query.limit is None else query.offset + query.limit
    return ordered[query.offset : end]


def in_order(query: Query, documents: Iterable[Document]) -> list[Document]:
    """The documents that a query has found, in its order."""
    orders = _orders(query)
    falling = bool(orders) and orders[-1].descending
    found = sorted(documents, key=lambda document: name_order(document.path), reverse=falling)
    for order in reversed(orders):
        found.sort(key=_sort_key(order), reverse=order.descending)
    return found


def is_nothing(value: Value) -> bool:
    """Whether a value equals nothing, itself included: None and NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _orders(query: Query) -> list[Order]:
    """The orders that Firestore sorts by: after those of the query, the fields of inequalities."""
    orders = list(query.orders)
    if query.start_after is not None or query.end_at is not None:
        return orders  # there are none, and the order is that of the names
    falling = bool(orders) and orders[-1].descending
    known = {order.field for order in orders}
    ranges = {condition.field for condition in query.filters if condition.op in INEQUALITIES}
    return orders + [Order(name, falling) for name in sorted(ranges - known)]


def _is_decided(condition: Filter) -> bool:
    # What a list of values does about null and NaN, which equal nothing, Firestore alone knows.
    if condition.op not in _DECIDED:
        return False
    if condition.op == "==":
        return True
    value = condition.value
    if condition.op == "array_contains":
        return not is_nothing(value)
    if not isinstance(value, list):
        return False  # which Firestore refuses
    return not any(map(is_nothing, cast("list[Value]", value)))


def _holds(condition: Filter, fields: Fields) -> bool:
    found, value = field_value(fields, condition.field)
    if not found:
        return False
    if condition.op in {"==", "in"}:
        held = {canonical(value)}
    elif isinstance(value, list):
        held = {canonical(item) for item in cast("list[Value]", value)}
    else:
        return False
    wanted = condition.value if condition.op in {"in", "array_contains_any"} else [condition.value]
    return any(canonical(item) in held for item in wanted)


def _is_for_nothing(condition: Filter, document: Document) -> bool:
    """Whether a condition that null or NaN fulfils by its text cannot be, as they equal nothing.

    Only `==` asks for them as such.
    """
    if condition.op == "array_contains":
        return is_nothing(condition.value)
    if condition.op not in {"in", "array_contains_any"}:
        return False
    values = [v for v in cast("list[Value]", condition.value) if not is_nothing(v)]
    return not _holds(replace(condition, value=values), document.fields or {})


def _is_within(condition: Filter, document: Document) -> bool:
    """Whether a document fits an inequality, which holds among values of one kind only."""
    found, value = field_value(document.fields or {}, condition.field)
    if not found or value is None:
        return False
    if condition.op == "!=":
        return canonical(value) != canonical(condition.value)
    if condition.op == "not-in":
        excluded = cast("list[Value]", condition.value)
        texts = {canonical(item) for item in excluded if not is_nothing(item)}
        return None not in excluded and canonical(value) not in texts
    if is_nothing(value) or is_nothing(condition.value):
        return False
    ours, theirs = (
        encode(item, documents=ANY_DATABASE, where=document.path)
        for item in (value, condition.value)
    )
    if _kind(ours) != _kind(theirs):
        return False
    return _COMPARED[condition.op](_compare(ours, theirs), 0)


def _kind(message: Any) -> Any:
    return cast(Any, TypeOrder).from_value(message)


def _sort_key(order: Order) -> Any:
    by_value = cmp_to_key(_compare)

    def key(document: Document) -> Any:
        _, value = field_value(document.fields or {}, order.field)
        return by_value(encode(value, documents=ANY_DATABASE, where=document.path))

    return key
