"""Conditions and orders of queries, checked against the fields that they are on.

A condition that Firestore does not allow, or that can never match, is refused when it is declared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter

from onto_fn.errors import DeclarationError, InvalidPath, InvalidValue
from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Reference, Value
from onto_fn.firestore.matching import is_nothing
from onto_fn.firestore.queries import OPERATORS, Filter, Operator, Order
from onto_fn.firestore.values import ANY_DATABASE, encode
from onto_fn.models.annotations import Alternative, without_null
from onto_fn.models.content import embedded_content
from onto_fn.models.fields import StoredField, is_open, items_of, stored_field
from onto_fn.models.references import as_reference, references_as_paths
from onto_fn.models.stored import StoredModel

_RANGES = {"<", "<=", ">", ">="}
_LISTS = {"in", "not-in", "array_contains_any"}
_ARRAYS = {"array_contains", "array_contains_any"}
_EXCLUSIONS = {"!=", "not-in"}
_AS_IT_IS = {type(None), bool, int, float, str, bytes, datetime}


def check_operator(op: str) -> Operator:
    """Return `op` if Firestore has it, else raise `DeclarationError`."""
    if op not in OPERATORS:
        raise DeclarationError(f"unknown operator {op!r}; there are {', '.join(OPERATORS)}")
    return cast(Operator, op)


def check_limit(count: int) -> int:
    """Return `count` if it can limit a query, else raise `DeclarationError`."""
    if count < 1:
        raise DeclarationError(f"limit must be 1 or more, got {count}")
    return count


def condition_field(model: type[StoredModel], name: str, op: Operator) -> StoredField:
    """The field that a condition is on.

    Raises:
        DeclarationError: the model has no such field, or the condition is a range of values that
            have no order.
    """
    field = stored_field(model, name)
    if op in _RANGES:
        _check_order(model, name, field, f"the range {op!r}")
    return field


def order_on(model: type[StoredModel], name: str, descending: bool) -> Order:
    """The order by a field.

    Raises:
        DeclarationError: the model has no such field, or its values have no order.
    """
    field = stored_field(model, name)
    _check_order(model, name, field, "order_by")
    return Order(field.path, descending)


def check_together(operators: Iterable[str], title: str) -> None:
    """Refuse conditions that Firestore does not allow in one query.

    Raises:
        DeclarationError: there are two conditions on lists, or two that exclude values.
    """
    asked = list(operators)
    for kind, ops in (("one condition on lists", _ARRAYS), ("one exclusion", _EXCLUSIONS)):
        found = [op for op in asked if op in ops]
        if len(found) > 1:
            raise DeclarationError(
                f"{title} has the conditions {' and '.join(map(repr, found))}; Firestore allows "
                f"{kind} per query. Leave one out, and filter the documents in Python"
            )


def check_constant(model: type[StoredModel], name: str, op: Operator, value: object) -> None:
    """Refuse the value of a condition that could match no document.

    Raises:
        DeclarationError: it has no stored form, or has another type than the field.
    """
    field = stored_field(model, name)
    try:
        stored = filter_value(model, field, op, value)
        encode(stored, documents=ANY_DATABASE, where="the value")
    except InvalidValue as error:
        raise DeclarationError(f"{model.__name__}.{name} {op} {value!r}: {error}") from error
    _check_type(model, name, field, op, stored)


def filter_value(
    model: type[StoredModel], field: StoredField, op: Operator, value: object
) -> Value:
    """A condition's value in the form in which the model stores its field.

    Raises:
        InvalidValue: it has none, or it is not a list although the operator needs one.
    """
    if op in _LISTS:
        if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping | Enum):
            raise InvalidValue(f"{op!r} needs a list of values, got {value!r}")
        stored: Value = [_plain(item, field) for item in cast("Collection[object]", value)]
    else:
        stored = _plain(value, field)
    return references_as_paths(stored) if model.__references__ == "path" else stored


def condition(model: type[StoredModel], name: str, op: str, value: object) -> Filter:
    """A condition with its value; see `condition_field` and `filter_value`."""
    operator = check_operator(op)
    field = condition_field(model, name, operator)
    try:
        return Filter(field.path, operator, filter_value(model, field, operator, value))
    except InvalidValue as error:
        raise InvalidValue(f"{model.__name__}.{name} {op} {value!r}: {error}") from error


def _plain(value: object, field: StoredField) -> Value:
    """A value without Python's own classes: models as maps or references, sets as lists."""
    if value.__class__ in _AS_IT_IS or isinstance(value, Reference):
        return value
    from google.cloud.firestore_v1 import DocumentReference

    if isinstance(value, DocumentReference):
        return as_reference(value)
    if isinstance(value, StoredModel) and not _embeds_domain(field.kinds):
        try:
            return as_reference(value)
        except (DeclarationError, InvalidPath) as error:  # it does not know where it is stored
            raise InvalidValue(str(error)) from error
    if isinstance(value, BaseModel):
        return embedded_content(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Any: of a class that is known here only.
        adapter: TypeAdapter[Any] = TypeAdapter(type(value))
        return _plain(adapter.dump_python(value, by_alias=True, exclude_none=True), field)
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {name: _plain(item, field) for name, item in items}
    if isinstance(value, set | frozenset):
        plain = [_plain(item, field) for item in cast("set[object]", value)]
        return sorted(plain, key=lambda item: canonical(item, exact=True))
    if isinstance(value, list | tuple):
        return [_plain(item, field) for item in cast("list[object]", value)]
    canonical(value)  # refuses what has no stored form
    return value


def _embeds_domain(kinds: Iterable[Alternative]) -> bool:
    return any(
        issubclass(kind.annotation, StoredModel)
        if kind.kind == "model"
        else kind.kind == "list" and _embeds_domain(items_of([kind]))
        for kind in kinds
    )


def _check_order(model: type[StoredModel], name: str, field: StoredField, what: str) -> None:
    for kind in field.kinds:
        row = kind.row
        if row is not None and not row.is_ordered:
            raise DeclarationError(
                f"{what} on {model.__name__}.{name}: values of {row.name} are stored as "
                f"{row.stored}s, which have a different order. {row.note}"
            )


def _check_type(
    model: type[StoredModel], name: str, field: StoredField, op: Operator, value: Value
) -> None:
    """Refuse a constant that can equal no value of the field because the types differ."""
    kinds = items_of(field.kinds) if op in _ARRAYS else field.kinds
    if is_open(kinds) or any(kind.row is not None and kind.row.name == "Ref" for kind in kinds):
        return  # a reference may be stored as a text: older data has both
    expected = {_stored(kind) for kind in kinds}
    for item in cast("list[Value]", value) if op in _LISTS else [value]:
        given = _stored_of(item)
        if is_nothing(item) or given in expected:
            continue
        raise DeclarationError(
            f"{model.__name__}.{name} {op} {item!r}: the field is stored as "
            f"{' or '.join(sorted(expected))} and the value as {given}, so no document could "
            "match; use a value of the field's type"
        )


def _stored(kind: Alternative) -> str:
    """How values of a kind are stored, as far as comparisons distinguish them."""
    if kind.row is not None:
        return "number" if kind.row.stored in {"integer", "double"} else kind.row.stored
    return "array" if kind.kind == "list" else "map"


def _stored_of(value: Value) -> str:
    plain: object = value.value if isinstance(value, Enum) else value
    return " or ".join(_stored(kind) for kind in without_null(type(plain)))
