"""Sizes of documents as Firestore counts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from onto_fn.errors import DocumentTooLarge
from onto_fn.firestore.documents import Fields, Reference, Value
from onto_fn.firestore.native import NATIVE, key_text, native

MAX_DOCUMENT_BYTES = 1024 * 1024


MAX_COMMIT_BYTES = 10 * MAX_DOCUMENT_BYTES


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
