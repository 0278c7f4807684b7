"""Firestore values to Python values and back.

The protobuf classes differ between the Firestore API and the events (same fields, two packages),
so decoding goes by field name.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.types import Value as _ValueMessage
from google.cloud.firestore_v1.vector import Vector

from onto_fn.errors import InvalidValue
from onto_fn.firestore.canonical import ordered
from onto_fn.firestore.documents import Fields, Reference, Value, decode_reference, encode_reference
from onto_fn.firestore.native import NATIVE, key_text, native
from onto_fn.firestore.sizes import MAX_DOCUMENT_BYTES

MAX_DEPTH = 20
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 24 * 60 * 60
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_LISTS = (list, tuple, set, frozenset, deque)
# A vector is stored as a map of these.
_TYPE, _VECTOR = "__type__", "__vector__"
_DOUBTFUL = frozenset({"", "_"})
"""What names begin with that may have to be refused."""
_RESERVED = re.compile(r"__.+__\Z", re.DOTALL)
# Keys of maps that stand for values of further types, which Firestore's Enterprise edition has: a
# document that holds some must be written back as it was read.
_OF_TYPES = {
    _TYPE,
    "__binary__",
    "__decimal128__",
    "__int__",
    "__max__",
    "__min__",
    "__oid__",
    "__regex__",
    "__request_timestamp__",
}
MAX_DIMENSIONS = 2048
ANY_DATABASE = "projects/-/databases/-/documents"
"""What references begin with in values that are encoded for no database: it is left out again."""

_PLAIN = frozenset(
    {"string_value", "boolean_value", "integer_value", "double_value", "bytes_value"}
)
"""Kinds of values that are the same in protobuf and in Python."""

# Where a value is, for errors: a text, or where the value around it is and what leads from there.
_Where = str | tuple[Any, str]

# google-cloud-firestore's protobuf classes carry no types.
_Proto = cast(Any, _ValueMessage).pb()


def decode(message: Any, documents: str) -> Value:
    """The Python value of a protobuf `Value`.

    Args:
        message: the value.
        documents: resource name of the database that it is from,
            `projects/p/databases/d/documents`: by it references into another one are known.
    """
    kind = message.WhichOneof("value_type")
    if kind in _PLAIN:
        return getattr(message, kind)
    if kind == "map_value":
        fields = message.map_value.fields
        if _TYPE in fields and fields[_TYPE].string_value == _VECTOR:
            return Vector([item.double_value for item in fields["value"].array_value.values])
        return decode_fields(fields, documents)
    if kind == "array_value":
        return _decode_list(message.array_value.values, documents)
    if kind == "timestamp_value":
        return decode_time(message.timestamp_value)
    if kind == "reference_value":
        return decode_reference(message.reference_value, documents)
    if kind == "geo_point_value":
        return GeoPoint(message.geo_point_value.latitude, message.geo_point_value.longitude)
    return None


# These two loops are where most of an event's own time goes: each value that is read passes here.
# So what is frequent is done in them, without a call.


def decode_fields(fields: Any, documents: str) -> dict[str, Value]:
    """The Python values of a protobuf map of `Value`s; see `decode`."""
    found: dict[str, Value] = {}
    own = f"{documents}/"
    for name in fields:
        message = fields[name]
        text = message.string_value
        if text:  # most are, and an empty one is found below
            found[name] = text
            continue
        kind = message.WhichOneof("value_type")
        if kind == "timestamp_value":
            time = message.timestamp_value
            found[name] = instant(time.seconds, time.nanos)
        elif kind == "array_value":
            found[name] = _decode_list(message.array_value.values, documents)
        elif kind in _PLAIN:
            found[name] = getattr(message, kind)
        elif kind == "map_value" and _TYPE not in message.map_value.fields:
            found[name] = decode_fields(message.map_value.fields, documents)
        elif kind == "reference_value" and message.reference_value.startswith(own):
            found[name] = Reference.stored(message.reference_value[len(own) :])
        else:
            found[name] = decode(message, documents)
    return found


def _decode_list(messages: Any, documents: str) -> list[Value]:
    found: list[Value] = []
    own = f"{documents}/"
    for message in messages:
        text = message.string_value
        if text:
            found.append(text)
            continue
        kind = message.WhichOneof("value_type")
        if kind == "map_value" and _TYPE not in message.map_value.fields:
            found.append(decode_fields(message.map_value.fields, documents))
        elif kind == "reference_value" and message.reference_value.startswith(own):
            found.append(Reference.stored(message.reference_value[len(own) :]))
        elif kind in _PLAIN:
            found.append(getattr(message, kind))
        else:
            found.append(decode(message, documents))
    return found


def decode_time(message: Any) -> datetime:
    """The instant of a protobuf Timestamp, in UTC, to the microsecond."""
    return instant(message.seconds, message.nanos)


@lru_cache(maxsize=1024)
def instant(seconds: int, nanos: int) -> datetime:
    """The same of its parts.

    It is remembered: a document's version comes with the document, and in each record of a view
    that has read it.
    """
    return EPOCH + timedelta(0, seconds, nanos // 1000)


def fill_time(message: Any, instant: datetime, where: _Where) -> None:
    """Put an instant into a protobuf Timestamp; one without a time zone counts as UTC.

    Raises:
        InvalidValue: it is outside of the years 1 to 9999 in UTC.
    """
    since = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - EPOCH
    seconds = since.days * _DAY + since.seconds
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise InvalidValue(f"{_shown(where)} is {instant}, outside of the years 1 to 9999 in UTC")
    message.SetInParent()  # at the epoch, both are 0
    message.seconds = seconds
    message.nanos = since.microseconds * 1000


def encode_fields(fields: Fields, *, documents: str, where: str) -> dict[str, Any]:
    """Protobuf values by field name.

    Args:
        fields: Python values.
        documents: resource name that references begin with, `projects/p/databases/d/documents`.
        where: the document's path, for errors.

    Raises:
        InvalidValue: a value has no Firestore form; the message names document and field.
    """
    return {
        _name(name, where): encode(value, documents=documents, where=f"{where}: {name}")
        for name, value in fields.items()
    }


def fill_fields(target: Any, fields: Fields, *, documents: str, where: str) -> None:
    """Put Python values into a protobuf map of `Value`s; see `encode_fields`."""
    _fill_map(target, fields, documents, (where, ": "), 0)


def encode(value: Value, *, documents: str, where: str) -> Any:
    """The protobuf `Value` of a Python value; see `encode_fields`."""
    message = _Proto()
    _fill(message, value, documents, where, 1)
    return message


def _fill_map(
    target: Any, fields: Mapping[Any, Value], documents: str, where: _Where, depth: int
) -> None:
    """Put values into a protobuf map, in place: nothing is copied on the way up.

    Most values are text, maps or lists; these and other plain ones are put here, without a call.

    Args:
        target: the map.
        fields: the values.
        documents: resource name that references begin with.
        where: the map is, with what leads to its fields.
        depth: of the map in its document, from 0.
    """
    if depth > MAX_DEPTH:
        raise InvalidValue(
            f"{_outside(where)} is nested deeper than Firestore's {MAX_DEPTH} levels"
        )
    for key, value in fields.items():
        name = key
        if name.__class__ is not str or not name.isascii() or name[:1] in _DOUBTFUL:
            name = _name(key, _outside(where))
        kind: Any = value.__class__
        if kind is str and value.isascii():
            target[name].string_value = value
        elif kind is dict:
            inner = target[name].map_value
            inner.SetInParent()
            _fill_map(inner.fields, value, documents, ((where, name), "."), depth + 1)
        elif kind is bool:
            target[name].boolean_value = value
        elif value is None:
            target[name].null_value = 0
        elif kind is list:
            _fill_list(target[name].array_value, value, documents, (where, name), depth + 1)
        elif kind is datetime:
            fill_time(target[name].timestamp_value, value, (where, name))
        else:
            _fill(target[name], value, documents, (where, name), depth + 1)
    if len(target) < len(fields):
        keys = sorted(map(repr, fields))
        raise InvalidValue(f"{_outside(where)} has two keys of the same text: {keys}")


def _fill_list(message: Any, value: list[Value], documents: str, where: _Where, depth: int) -> None:
    message.SetInParent()
    values = message.values
    for index, item in enumerate(value):
        kind: Any = item.__class__
        if kind is str and item.isascii():
            values.add().string_value = item
        elif kind is dict:
            inner = values.add().map_value
            inner.SetInParent()
            _fill_map(inner.fields, item, documents, ((where, f"[{index}]"), "."), depth + 1)
        elif isinstance(item, _LISTS):
            at = _shown((where, f"[{index}]"))
            raise InvalidValue(f"{at} is a list in a list, which Firestore refuses")
        elif kind is Vector:
            at = _shown((where, f"[{index}]"))
            raise InvalidValue(f"{at} is a vector in a list, which Firestore refuses")
        else:
            _fill(values.add(), item, documents, (where, f"[{index}]"), depth + 1)


def _fill(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    """Put any value into a protobuf `Value`."""
    kind: Any = value.__class__
    if kind not in NATIVE:
        value = _native(value, _shown(where))
        kind = value.__class__
    _FILL[kind](message, value, documents, where, depth)


def _fill_text(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.string_value = value if value.isascii() else _text(value, _shown(where))


def _fill_inner(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.map_value.SetInParent()
    _fill_map(message.map_value.fields, value, documents, (where, "."), depth)


def _fill_array(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    _fill_list(message.array_value, value, documents, where, depth)


def _fill_null(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.null_value = 0


def _fill_bool(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.boolean_value = value


def _fill_int(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    if not _MIN_INT <= value <= _MAX_INT:
        raise InvalidValue(f"{_shown(where)} is an integer of more than 64 bits: {value}")
    message.integer_value = value


def _fill_float(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.double_value = value


def _fill_bytes(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.bytes_value = value


def _fill_time(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    fill_time(message.timestamp_value, value, where)


def _fill_reference(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.reference_value = encode_reference(value, documents)


def _fill_point(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    message.geo_point_value.SetInParent()
    message.geo_point_value.latitude = value.latitude
    message.geo_point_value.longitude = value.longitude


def _fill_vector(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    if not 1 <= len(value) <= MAX_DIMENSIONS:
        raise InvalidValue(
            f"{_shown(where)} is a vector of {len(value)} numbers; Firestore takes 1 to "
            f"{MAX_DIMENSIONS}"
        )
    fields = message.map_value.fields
    fields[_TYPE].string_value = _VECTOR
    numbers = fields["value"].array_value
    numbers.SetInParent()
    for number in value:
        numbers.values.add().double_value = number


def _fill_set(message: Any, value: Value, documents: str, where: _Where, depth: int) -> None:
    _fill_list(message.array_value, ordered(value), documents, where, depth)


# By the exact class.
_FILL: dict[type[Any], Callable[[Any, Value, str, _Where, int], None]] = {
    str: _fill_text,
    dict: _fill_inner,
    list: _fill_array,
    type(None): _fill_null,
    bool: _fill_bool,
    int: _fill_int,
    float: _fill_float,
    bytes: _fill_bytes,
    datetime: _fill_time,
    Reference: _fill_reference,
    GeoPoint: _fill_point,
    Vector: _fill_vector,
    frozenset: _fill_set,
}


def _shown(where: _Where) -> str:
    """Where a value is, as a text; it is put together for an error alone."""
    return where if isinstance(where, str) else f"{_shown(where[0])}{where[1]}"


def _outside(where: _Where) -> str:
    """Where a map is, without what leads to its fields."""
    return _shown(where[0])


def _native(value: Value, where: str) -> Value:
    try:
        return native(value)
    except InvalidValue as error:
        raise InvalidValue(f"{where} {error}") from None


def _name(name: object, where: str) -> str:
    if name.__class__ is not str:
        try:
            name = key_text(name)
        except InvalidValue as error:
            raise InvalidValue(f"{where} {error}") from None
    if not name:
        raise InvalidValue(f"{where} has an empty key, which Firestore refuses")
    text = cast(str, name)
    if text[0] == "_" and _RESERVED.match(text) and text not in _OF_TYPES:
        raise InvalidValue(f"{where} has the key {name!r}, which Firestore keeps for itself")
    return _text(text, where)


def _text(value: str, where: str) -> str:
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidValue(f"{where} is not valid Unicode: {value!r}") from error
    return value


def are_small(request: Any) -> bool:
    """Whether the writes of a commit are far from Firestore's limits of size, at a glance.

    By Firestore's rules a value has at most four times the bytes of its protobuf form (16 for a
    point at the equator, which takes 4), and a document 48 besides.

    Args:
        request: the protobuf request of the commit.
    """
    return 4 * request.ByteSize() + 48 * len(request.writes) <= MAX_DOCUMENT_BYTES
