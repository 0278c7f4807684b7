"""Whether two values of fields are identical: whether any code could tell them apart."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic import BaseModel

from onto_fn.firestore import Reference

_BY_TEXT = frozenset(
    {
        *(str, bytes, bool, int, float, complex, Decimal, UUID),
        *(date, datetime, time, timedelta),
    }
)
_TEXT_MODULES = frozenset(
    {"ipaddress", "pathlib", "pydantic.networks", "pydantic_core._pydantic_core"}
)
"""The values of classes in these are told apart by their texts."""


def are_identical(one: Any, other: Any) -> bool:
    """Whether two values are of the same types and content, at every depth and in the same order.

    This is stricter than `==`, which holds between 1, 1.0 and True. It is False where that is not
    certain, such as for two objects of an unknown class.
    """
    if one is other:
        return True
    kind: Any = one.__class__
    return kind is other.__class__ and _are_alike(kind, one, other)


def _are_alike(kind: Any, one: Any, other: Any) -> bool:
    """The same of two objects of one class."""
    if kind in _BY_TEXT or kind.__module__ in _TEXT_MODULES:
        return repr(one) == repr(other)
    if kind is list or (issubclass(kind, tuple) and not hasattr(one, "__dict__")):
        return len(one) == len(other) and all(map(are_identical, one, other))
    if kind is dict:
        return _are_pairs_identical(one, other)
    if kind is set or kind is frozenset:
        return _are_sets_identical(one, other)
    if issubclass(kind, Enum):
        return False  # each member is one object
    if issubclass(kind, Reference):
        return bool(one == other)
    if kind is GeoPoint:
        return are_identical((one.latitude, one.longitude), (other.latitude, other.longitude))
    if kind is Vector:
        return are_identical(list(one), list(other))
    if issubclass(kind, BaseModel):
        return all(are_identical(getattr(one, name), getattr(other, name)) for name in _PARTS)
    if dataclasses.is_dataclass(cast(Any, kind)):
        names = [field.name for field in dataclasses.fields(cast(Any, kind))]
        return are_identical(
            getattr(one, "__dict__", None), getattr(other, "__dict__", None)
        ) and all(are_identical(getattr(one, name), getattr(other, name)) for name in names)
    return False


_PARTS = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")


def _are_pairs_identical(one: dict[Any, Any], other: dict[Any, Any]) -> bool:
    return len(one) == len(other) and all(
        are_identical(key, other_key) and are_identical(value, other[other_key])
        for (key, value), other_key in zip(one.items(), other, strict=True)
    )


def _are_sets_identical(one: set[Any] | frozenset[Any], other: set[Any] | frozenset[Any]) -> bool:
    items = {item: item for item in other}
    return len(one) == len(other) and all(
        item in items and are_identical(item, items[item]) for item in one
    )
