"""Firestore values as JSON, for those who receive a document's content without Firestore."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from onto_fn.firestore.canonical import ordered
from onto_fn.firestore.documents import Fields, Reference, Value
from onto_fn.firestore.native import key_text, native


def json_text(fields: Fields | None) -> str:
    """A document's content as JSON text; `null` if there is none.

    The same content is always the same text. Timestamps are ISO 8601 in UTC, bytes are base64, a
    reference is its path (its full name, if it is into another database), a GeoPoint is
    `{"latitude": …, "longitude": …}`, a vector is a list of numbers, and the numbers that JSON
    lacks are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, as in Firestore's REST API.

    Example:
        >>> json_text({"at": datetime(2026, 1, 2, tzinfo=UTC), "by": Reference("users/ada")})
        '{"at":"2026-01-02T00:00:00.000000Z","by":"users/ada"}'

    Raises:
        InvalidValue: a value has no Firestore form.
    """
    content = None if fields is None else plain(fields)
    return json.dumps(
        content, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
    )


def plain(value: Value) -> Any:
    """A value in JSON's own types; see `json_text`."""
    value = native(value)
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if math.isnan(value):
                return "NaN"
            return value if math.isfinite(value) else f"{'-' if value < 0 else ''}Infinity"
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return iso_time(value)
        case Reference():
            return str(value)
        case GeoPoint():
            point = cast(Any, value)
            return {"latitude": plain(point.latitude), "longitude": plain(point.longitude)}
        case dict():
            items = cast("dict[object, Value]", value).items()
            return {key_text(name): plain(item) for name, item in items}
        case Vector():
            return [plain(number) for number in cast("Iterable[float]", value)]
        case _:
            return [plain(item) for item in ordered(cast("list[Value]", value))]


def iso_time(time: datetime) -> str:
    """An instant in ISO 8601, in UTC, to the microsecond."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    text = aware.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return f"{text}Z"
