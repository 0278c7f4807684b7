"""One text for each value, for comparing, hashing and ordering."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from onto_fn.errors import InvalidValue
from onto_fn.firestore.documents import Fields, Reference, Value
from onto_fn.firestore.native import key_text, native

# A value that contains itself has no canonical form to begin with.
_to_json = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=True, sort_keys=True, check_circular=False
).encode
_PLAIN = frozenset({str, bool, int, type(None)})


def canonical(value: Value, *, exact: bool = False) -> str:
    """A text that is the same for two values if and only if Firestore's `==` holds between them.

    Args:
        value: a Firestore value.
        exact: distinguish the integer 1 from the double 1.0, which Firestore's `==` does not.
    """
    return _to_json(_canonical(value, exact))


def digest(fields: Fields) -> str:
    """A digest of a document's content: equal if and only if Firestore would store the same."""
    return hashlib.blake2b(canonical(fields, exact=True).encode(), digest_size=16).hexdigest()


def ordered(values: Iterable[Value]) -> list[Value]:
    """The values as a list; a set's are sorted, so that the same set is always the same list."""
    if isinstance(values, set | frozenset):
        return sorted(cast("set[Value]", values), key=lambda item: canonical(item, exact=True))
    return list(values)


def _canonical(value: Value, exact: bool) -> Any:
    kind: Any = value.__class__
    if kind is dict:
        return {
            "map": {
                name if name.__class__ is str else _name(name): item
                if item.__class__ in _PLAIN
                else _canonical(item, exact)
                for name, item in cast("dict[Any, Value]", value).items()
            }
        }
    if kind is list:
        return [item if item.__class__ in _PLAIN else _canonical(item, exact) for item in value]
    if kind in _PLAIN:
        return value
    other = _OTHER.get(kind)
    if other is not None:
        return other(value, exact)
    try:
        value = native(value)
    except InvalidValue as error:
        raise InvalidValue(f"{value!r} {error}") from None
    return _canonical(value, exact)


def _number(value: float, exact: bool) -> Any:
    if value - value != 0:  # not a number, or infinite
        return {"number": str(value)}
    return int(value) if not exact and value.is_integer() else value


def _time(value: datetime, exact: bool) -> Any:
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        return {"time": aware.astimezone(UTC).isoformat(timespec="microseconds")}
    except OverflowError as error:
        raise InvalidValue(f"{value} is outside of the years 1 to 9999 in UTC") from error


def _point(value: Any, exact: bool) -> Any:
    return {"geo": [_coordinate(value.latitude, exact), _coordinate(value.longitude, exact)]}


def _coordinate(value: float, exact: bool) -> Any:
    # Firestore distinguishes a point at -0.0 from one at 0.0, although the doubles are equal.
    number = float(value)
    return number if number == 0 and math.copysign(1, number) < 0 else _number(number, exact)


_OTHER: dict[type[Any], Callable[[Any, bool], Any]] = {
    float: _number,
    bytes: lambda value, exact: {"bytes": value.hex()},
    datetime: _time,
    Reference: lambda value, exact: {"ref": str(value)},
    GeoPoint: _point,
    Vector: lambda value, exact: {"vector": [_number(number, exact) for number in value]},
    frozenset: lambda value, exact: [_canonical(item, exact) for item in ordered(value)],
}


def _name(key: object) -> str:
    if key.__class__ is str:
        return cast(str, key)
    try:
        return key_text(key)
    except InvalidValue as error:
        raise InvalidValue(f"a map {error}") from None
