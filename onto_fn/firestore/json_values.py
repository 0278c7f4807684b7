"""Firestore values as JSON, for those who receive a document's content without Firestore."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint

from onto_fn.errors import InvalidValue
from onto_fn.firestore.canonical import ordered
from onto_fn.firestore.documents import Fields, Reference, Value


def json_text(fields: Fields | None) -> str:
    """A document's content as JSON text; `null` if there is none.

    The same content is always the same text. Timestamps are ISO 8601 in UTC, bytes are base64, a
    reference is its path, a GeoPoint is `{"latitude": …, "longitude": …}`, and the numbers that
    JSON lacks are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, as in Firestore's REST API.

    Example:
        >>> json_text({"at": datetime(2026, 1, 2, tzinfo=UTC), "by": Reference("users/ada")})
        '{"at":"2026-01-02T00:00:00.000000Z","by":"users/ada"}'

    Raises:
        InvalidValue: a value has no Firestore form.
    """
    plain = None if fields is None else _plain(fields)
    return json.dumps(
        plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    )


def _plain(value: Value) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return value if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, Reference):
        return value.path
    if isinstance(value, GeoPoint):
        point = cast(Any, value)
        return {"latitude": _plain(point.latitude), "longitude": _plain(point.longitude)}
    if isinstance(value, Mapping):
        items = cast("Mapping[object, Value]", value).items()
        return {_plain(name): _plain(item) for name, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in ordered(cast("list[Value]", value))]
    raise InvalidValue(f"a {type(value).__name__} is not a Firestore value: {value!r}")


def iso_time(time: datetime) -> str:
    """An instant in ISO 8601, in UTC, to the microsecond."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    text = aware.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}Z"
