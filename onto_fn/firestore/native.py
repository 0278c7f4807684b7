"""Values in the form that Firestore stores, by the types table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from onto_fn.errors import InvalidValue
from onto_fn.firestore.documents import Reference, Value
from onto_fn.firestore.types import StoredType, row_of

# The classes that the encoder and its like know by themselves. `set` is one of them: the order of
# its items needs the canonical text of each.
NATIVE: frozenset[type[Any]] = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        str,
        bytes,
        datetime,
        Reference,
        GeoPoint,
        Vector,
        list,
        dict,
        frozenset,
    }
)


def native(value: Value) -> Value:
    """The stored form of a value, of exactly one of the classes in `NATIVE`.

    Only the value itself is converted, not what a list or a map holds.

    Raises:
        InvalidValue: the value has no stored form. The text goes on from the value's place:
            "is a …".
    """
    kind = cast("type[Any]", value.__class__)
    return value if kind in NATIVE else _converter(kind)(value)


@cache
def _converter(kind: type[Any]) -> Callable[[Any], Any]:
    if issubclass(kind, Enum):
        return lambda value: native(value.value)
    row = row_of(kind)
    if row is not None:
        return _as(row)
    if issubclass(kind, Mapping):
        return lambda value: dict(value.items())
    if issubclass(kind, set | frozenset):
        return frozenset
    if issubclass(kind, list | tuple) or f"{kind.__module__}.{kind.__qualname__}" == _DEQUE:
        return lambda value: list[Any](value)
    return _refuse


_DEQUE = "collections.deque"


def _as(row: StoredType) -> Callable[[Any], Any]:
    """Subclasses become the class itself, so that one dispatch by class is enough."""
    match row.stored:
        case "timestamp":
            return _plain_datetime
        case "reference":
            return Reference.copy
        case "geopoint":
            return lambda value: GeoPoint(value.latitude, value.longitude)
        case "vector":
            return lambda value: Vector(list(value))
        case _:
            return row.store


def _plain_datetime(value: datetime) -> datetime:
    return datetime.combine(value.date(), value.timetz()).replace(fold=value.fold)


def _refuse(value: object) -> Value:
    text = f"is a {type(value).__name__}, which has no stored form"
    if hasattr(value, "model_dump"):
        raise InvalidValue(f"{text}; use its fields, as in `value.model_dump(by_alias=True)`")
    raise InvalidValue(f"{text}; docs/types.md lists the types that have one")


def key_text(key: object) -> str:
    """The text of a map's key.

    Raises:
        InvalidValue: its type has no text that reading could turn back into it.
    """
    if key.__class__ is str:
        return cast(str, key)
    if isinstance(key, Enum):
        return key_text(key.value)
    row = row_of(cast("type[Any]", key.__class__))
    if row is None or row.key is None:
        raise InvalidValue(
            f"has the key {key!r}; a key is a text, a whole number, a bool, a date, a UUID, a "
            "reference or an Enum of these"
        )
    return row.key(key)
