"""Comparing stored documents with values, without decoding them."""

from __future__ import annotations

from typing import Any

from onto_fn.firestore.documents import Fields

_KINDS = {str: "string_value", bool: "boolean_value", int: "integer_value"}


def holds(message: Any, content: Fields) -> bool:
    """Whether a protobuf map of values has exactly this content.

    Only plain values are compared: texts, numbers, booleans, nulls, and lists and maps of them. A
    False may also mean that there are others, or that they are written in another form.

    Args:
        message: the fields of a stored document.
        content: Firestore values by name.
    """
    if len(message) != len(content):
        return False
    return all(name in message and _is(message[name], value) for name, value in content.items())


def _is(message: Any, value: Any) -> bool:
    kind = _KINDS.get(value.__class__)
    if kind is not None:
        return message.WhichOneof("value_type") == kind and getattr(message, kind) == value
    if value is None:
        return message.WhichOneof("value_type") == "null_value"
    if value.__class__ is float:  # -0.0 is not 0.0, and NaN is NaN
        is_double = message.WhichOneof("value_type") == "double_value"
        return is_double and message.double_value.hex() == value.hex()
    if value.__class__ is list:
        if message.WhichOneof("value_type") != "array_value":
            return False
        items = message.array_value.values
        return len(items) == len(value) and all(map(_is, items, value))
    if value.__class__ is dict:
        if message.WhichOneof("value_type") != "map_value":
            return False
        return holds(message.map_value.fields, value)
    return False
