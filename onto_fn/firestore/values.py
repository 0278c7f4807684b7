"""Firestore values to Python values and back.

The protobuf classes differ between the Firestore API and the events (same fields, two packages),
so decoding goes by field name.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.types import Value as _ValueMessage
from google.cloud.firestore_v1.vector import Vector

from onto_fn.errors import DocumentTooLarge, InvalidValue
from onto_fn.firestore.canonical import ordered
from onto_fn.firestore.documents import Fields, Reference, Value
from onto_fn.firestore.native import NATIVE, key_text, native

MAX_DOCUMENT_BYTES = 1024 * 1024
MAX_COMMIT_BYTES = 10 * MAX_DOCUMENT_BYTES
MAX_DEPTH = 20
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 24 * 60 * 60
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
_LISTS = (list, tuple, set, frozenset, deque)
# A vector is stored as a map of these.
_TYPE, _VECTOR = "__type__", "__vector__"
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
_REFERENCE_PREFIX_SEGMENTS = 5  # projects/P/databases/D/documents
ANY_DATABASE = "projects/-/databases/-/documents"
"""What references begin with in values that are encoded for no database: it is left out again."""

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
    if kind == "string_value":
        return message.string_value
    if kind is None or kind == "null_value":
        return None
    if kind == "map_value":
        fields = message.map_value.fields
        if _TYPE in fields and fields[_TYPE].string_value == _VECTOR:
            return Vector([item.double_value for item in fields["value"].array_value.values])
        return decode_fields(fields, documents)
    if kind == "array_value":
        return [decode(item, documents) for item in message.array_value.values]
    if kind == "timestamp_value":
        return decode_time(message.timestamp_value)
    if kind == "reference_value":
        return decode_reference(message.reference_value, documents)
    if kind == "geo_point_value":
        return GeoPoint(message.geo_point_value.latitude, message.geo_point_value.longitude)
    return getattr(message, kind)


def decode_fields(fields: Any, documents: str) -> dict[str, Value]:
    """The Python values of a protobuf map of `Value`s; see `decode`."""
    return {name: decode(fields[name], documents) for name in fields}


def decode_reference(name: str, documents: str) -> Reference:
    """The reference of a document's resource name, which may be of another database."""
    if name.startswith(documents) and name[len(documents) : len(documents) + 1] == "/":
        return Reference.stored(name[len(documents) + 1 :])
    database, separator, path = name.partition("/documents/")
    return Reference.stored(path if separator else "", database)


def encode_reference(reference: Reference, documents: str) -> str:
    """The resource name of a reference's document; what `decode_reference` took."""
    if reference.database is None:
        return f"{documents}/{reference.path}"
    return str(reference) if reference.path else reference.database


def decode_time(message: Any) -> datetime:
    """The instant of a protobuf Timestamp, in UTC, to the microsecond."""
    return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def fill_time(message: Any, instant: datetime, where: str) -> None:
    """Put an instant into a protobuf Timestamp; one without a time zone counts as UTC.

    Raises:
        InvalidValue: it is outside of the years 1 to 9999 in UTC.
    """
    since = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - _EPOCH
    seconds = since.days * _DAY + since.seconds
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        raise InvalidValue(f"{where} is {instant}, outside of the years 1 to 9999 in UTC")
    message.seconds = seconds
    message.nanos = since.microseconds * 1000


def decode_path(resource_name: str) -> str:
    """`projects/p/databases/d/documents/users/a` -> `users/a`."""
    parts = resource_name.split("/", _REFERENCE_PREFIX_SEGMENTS)
    return parts[_REFERENCE_PREFIX_SEGMENTS] if len(parts) > _REFERENCE_PREFIX_SEGMENTS else ""


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
    for name, value in fields.items():
        _fill(target[_name(name, where)], value, documents, f"{where}: {name}", 1)


def encode(value: Value, *, documents: str, where: str) -> Any:
    """The protobuf `Value` of a Python value; see `encode_fields`."""
    message = _Proto()
    _fill(message, value, documents, where, 1)
    return message


def _fill(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    """Put a value into a protobuf `Value`, in place: nothing is copied on the way up.

    Most values are text, maps or lists, which are asked for first.
    """
    kind: Any = value.__class__
    if kind not in NATIVE:
        value = _native(value, where)
        kind = value.__class__
    if kind is str:
        message.string_value = _text(value, where)
    elif kind is dict:
        _fill_map(message.map_value, value, documents, where, depth)
    elif kind is list:
        _fill_list(message.array_value, value, documents, where, depth)
    else:
        _FILL[kind](message, value, documents, where, depth)


def _fill_map(
    message: Any, value: Mapping[object, Value], documents: str, where: str, depth: int
) -> None:
    if depth > MAX_DEPTH:
        raise InvalidValue(f"{where} is nested deeper than Firestore's {MAX_DEPTH} levels")
    message.SetInParent()
    fields = message.fields
    for key, item in value.items():
        name = _name(key, where)
        _fill(fields[name], item, documents, f"{where}.{name}", depth + 1)
    if len(fields) < len(value):
        raise InvalidValue(f"{where} has two keys of the same text: {sorted(map(repr, value))}")


def _fill_list(message: Any, value: list[Value], documents: str, where: str, depth: int) -> None:
    message.SetInParent()
    values = message.values
    for index, item in enumerate(value):
        if isinstance(item, _LISTS):
            raise InvalidValue(f"{where}[{index}] is a list in a list, which Firestore refuses")
        if item.__class__ is Vector:
            raise InvalidValue(f"{where}[{index}] is a vector in a list, which Firestore refuses")
        _fill(values.add(), item, documents, f"{where}[{index}]", depth + 1)


def _fill_null(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.null_value = 0


def _fill_bool(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.boolean_value = value


def _fill_int(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    if not _MIN_INT <= value <= _MAX_INT:
        raise InvalidValue(f"{where} is an integer of more than 64 bits: {value}")
    message.integer_value = value


def _fill_float(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.double_value = value


def _fill_bytes(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.bytes_value = value


def _fill_time(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.timestamp_value.SetInParent()
    fill_time(message.timestamp_value, value, where)


def _fill_reference(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.reference_value = encode_reference(value, documents)


def _fill_point(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    message.geo_point_value.SetInParent()
    message.geo_point_value.latitude = value.latitude
    message.geo_point_value.longitude = value.longitude


def _fill_vector(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    if not 1 <= len(value) <= MAX_DIMENSIONS:
        raise InvalidValue(
            f"{where} is a vector of {len(value)} numbers; Firestore takes 1 to {MAX_DIMENSIONS}"
        )
    fields = message.map_value.fields
    fields[_TYPE].string_value = _VECTOR
    numbers = fields["value"].array_value
    numbers.SetInParent()
    for number in value:
        numbers.values.add().double_value = number


def _fill_set(message: Any, value: Value, documents: str, where: str, depth: int) -> None:
    _fill_list(message.array_value, ordered(value), documents, where, depth)


# By the exact class; `str`, `dict` and `list` are in `_fill`.
_FILL: dict[type[Any], Callable[[Any, Value, str, str, int], None]] = {
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


def are_small(messages: Iterable[Any]) -> bool:
    """Whether protobuf writes are far from Firestore's limits of size; this is known at a glance.

    By Firestore's rules a value has at most four times the bytes of its protobuf form (16 for a
    point at the equator, which takes 4), and a document 48 besides.
    """
    return sum(4 * message.ByteSize() + 48 for message in messages) <= MAX_DOCUMENT_BYTES


def check_size(path: str, fields: Fields) -> int:
    """The size of a document in bytes, by Firestore's own rules for storage size.

    Raises:
        DocumentTooLarge: it is above 1 MiB.
    """
    size = 16 + sum(_text_size(part) for part in path.split("/")) + 32
    size += sum(_text_size(name) + _size(value) for name, value in fields.items())
    if size > MAX_DOCUMENT_BYTES:
        largest = max(fields, key=lambda name: _size(fields[name]))
        raise DocumentTooLarge(
            f"{path} would have {size} bytes, Firestore allows {MAX_DOCUMENT_BYTES}; its largest "
            f"field is {largest!r} with {_size(fields[largest])} bytes. Split the view."
        )
    return size


def _text_size(text: str) -> int:
    if text.isascii():
        return len(text) + 1
    return len(text.encode("utf-8", "surrogatepass")) + 1


def _size(value: Value) -> int:
    kind: Any = value.__class__
    if kind not in NATIVE:
        value = native(value)
        kind = value.__class__
    if kind is str:
        return _text_size(value)
    if kind is dict:
        fields = cast("dict[Any, Value]", value)
        return sum(_text_size(key_text(name)) + _size(item) for name, item in fields.items())
    if kind is list or kind is frozenset:
        return sum(_size(item) for item in value)
    measure = _SIZES.get(kind)
    return measure(value) if measure else 8


_SIZES: dict[type[Any], Callable[[Any], int]] = {
    type(None): lambda value: 1,
    bool: lambda value: 1,
    bytes: len,
    Reference: lambda value: 16 + sum(_text_size(part) for part in str(value).split("/")),
    GeoPoint: lambda value: 16,
    Vector: lambda value: 9 + 11 + 6 + 8 * len(value),  # as the map that stores it
}
