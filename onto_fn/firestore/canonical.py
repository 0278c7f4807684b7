"""One text for each value, for comparing, hashing and ordering."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint

from onto_fn.errors import InvalidValue
from onto_fn.firestore.documents import Fields, Reference, Value

_to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
_PLAIN = frozenset({str, bool, int, type(None)})


def canonical(value: Value, *, exact: bool = False) -> str:
    """A text that is the same for two values exactly if Firestore's `==` holds between them.

    Args:
        value: a Firestore value.
        exact: tell the integer 1 from the double 1.0, which Firestore's `==` does not.
    """
    return _to_json(_canonical(value, exact))


def digest(fields: Fields) -> str:
    """A digest of a document's content: equal exactly if Firestore would store the same."""
    return hashlib.blake2b(canonical(fields, exact=True).encode(), digest_size=16).hexdigest()


def ordered(values: Iterable[Value]) -> list[Value]:
    """The values as a list; a set's are sorted, so that the same set is always the same list."""
    if isinstance(values, set | frozenset):
        return sorted(cast("set[Value]", values), key=lambda item: canonical(item, exact=True))
    return list(values)


def _canonical(value: Value, exact: bool) -> Any:
    # Most values are told by their exact class; the checks below are for subclasses as well.
    kind: Any = value.__class__
    if kind in _PLAIN:
        return value
    if kind is dict:
        return _canonical_map(value, exact)
    if kind is list:
        return [_canonical(item, exact) for item in value]
    if isinstance(value, Enum):
        return _canonical(value.value, exact)
    if isinstance(value, str | int):
        return value
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return {"number": str(value)}
        return int(value) if value.is_integer() and not exact else value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        try:
            return {"time": aware.astimezone(UTC).isoformat(timespec="microseconds")}
        except OverflowError as error:
            raise InvalidValue(f"{value} is outside of the years 1 to 9999 in UTC") from error
    if isinstance(value, Reference):
        return {"ref": value.path}
    if isinstance(value, GeoPoint):
        point = cast(Any, value)
        return {"geo": [_canonical(point.latitude, exact), _canonical(point.longitude, exact)]}
    if isinstance(value, Mapping):
        return _canonical_map(cast("Mapping[object, Value]", value), exact)
    if isinstance(value, list | tuple | set | frozenset):
        return [_canonical(item, exact) for item in ordered(cast("list[Value]", value))]
    raise InvalidValue(
        f"a {type(value).__name__} is not a Firestore value: {value!r}. Use None, bool, int, "
        "float, str, bytes, datetime, GeoPoint, a reference, a list or a dict."
    )


def _canonical_map(value: Mapping[object, Value], exact: bool) -> dict[str, Any]:
    named = {_name(name): _canonical(item, exact) for name, item in value.items()}
    return {"map": {name: named[name] for name in sorted(named)}}


def _name(key: object) -> str:
    if key.__class__ is str:
        return cast(str, key)
    name: object = key.value if isinstance(key, Enum) else key
    if not isinstance(name, str):
        raise InvalidValue(f"a map has the key {name!r}; Firestore's keys are strings")
    return name
