"""Integers of more than 53 bits, as the protocol of callable functions writes them.

JSON's numbers are floats to many clients, so Firebase's SDKs send a large integer as text:
`{"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": "9007199254740993"}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from onto_fn.errors import InvalidRequest

_SIGNED = "type.googleapis.com/google.protobuf.Int64Value"
_UNSIGNED = "type.googleapis.com/google.protobuf.UInt64Value"
_NUMBER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_EXACT = 2**53  # up to which a float holds every integer
_MIN, _MAX = -(2**63), 2**63 - 1
_MAX_DEPTH = 100  # deeper values are refused later, by their field: Firestore allows 20 levels


def decoded(value: Any, where: str = "data", depth: int = 0) -> Any:
    """The data of a call, its large integers as such.

    Args:
        value: the data, or a part of it.
        where: the path of that part, for errors.
        depth: how deep it is.

    Raises:
        InvalidRequest: what is said to be an integer is none, or not one of 64 bits, signed.
    """
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, list):
        items = enumerate(cast("list[Any]", value))
        return [decoded(item, f"{where}[{index}]", depth + 1) for index, item in items]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if fields.get("@type") in {_SIGNED, _UNSIGNED}:
        return _integer(fields, where)
    return {
        name: decoded(item, name if where == "data" else f"{where}.{name}", depth + 1)
        for name, item in fields.items()
    }


def encoded(value: Any) -> Any:
    """An answer as the SDKs read it: its large integers as text."""
    if isinstance(value, int) and not isinstance(value, bool) and not -_EXACT <= value <= _EXACT:
        return {"@type": _SIGNED if value <= _MAX else _UNSIGNED, "value": str(value)}
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {name: encoded(item) for name, item in items}
    if isinstance(value, list):
        return [encoded(item) for item in cast("list[Any]", value)]
    return value


def _integer(fields: Mapping[str, Any], where: str) -> int:
    text = fields.get("value")
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    name = fields["@type"].rpartition(".")[2]
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise InvalidRequest([f"{where}: {text!r} is not the text of an {name}"])
    number = int(text)
    if not (0 if name == "UInt64Value" else _MIN) <= number <= _MAX:
        raise InvalidRequest(
            [f"{where}: {number} is out of range: Firestore's integers have 64 bits, signed"]
        )
    return number
