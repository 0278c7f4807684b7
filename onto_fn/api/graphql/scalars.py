"""Scalars for what GraphQL lacks: large integers, times, bytes, maps."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, NoReturn

from graphql import GraphQLError, GraphQLScalarType, IntValueNode, StringValueNode, ValueNode
from graphql.utilities import value_from_ast_untyped

_MIN, _MAX = -(2**63), 2**63 - 1
INT_32 = (-(2**31), 2**31 - 1)
"""The integers that GraphQL's own Int has."""


def _fail(what: str, value: object) -> NoReturn:
    raise GraphQLError(f"{value!r:.100} is not {what}")


def _integer(value: object) -> int:
    if isinstance(value, float) and value.is_integer():  # a client may know floats alone
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not _MIN <= value <= _MAX:
        _fail("an integer of 64 bits", value)
    return value


def _integer_literal(node: ValueNode, _: Any = None) -> int:
    if not isinstance(node, IntValueNode):
        _fail("an integer of 64 bits", getattr(node, "value", node.kind))
    if len(node.value) > 20:
        _fail("an integer of 64 bits", node.value)
    return _integer(int(node.value))


def _time(value: object) -> str:
    try:
        if isinstance(value, str) and len(value) >= len("2026-01-02T03:04"):
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass
    _fail("a time in RFC 3339", value)


def _bytes(value: object) -> str:
    try:
        if isinstance(value, str):
            base64.b64decode(value, validate=True)
            return value
    except (binascii.Error, ValueError):
        pass
    _fail("base64", value)


def _text_literal(parse: Any, what: str) -> Any:
    def literal(node: ValueNode, _: Any = None) -> Any:
        if not isinstance(node, StringValueNode):
            _fail(what, getattr(node, "value", node.kind))
        return parse(node.value)

    return literal


def _same(value: Any) -> Any:
    return value


# What they serialize is in JSON's own types already; see `onto_fn.firestore.json`.
SAFE_INT = GraphQLScalarType(
    "SafeInt",
    serialize=_integer,
    parse_value=_integer,
    parse_literal=_integer_literal,
    description="An integer of 64 bits, as a number. JavaScript keeps it exactly up to 2^53.",
)
DATE_TIME = GraphQLScalarType(
    "DateTime",
    serialize=_same,
    parse_value=_time,
    parse_literal=_text_literal(_time, "a time in RFC 3339"),
    description="An instant by RFC 3339, to the microsecond: `2026-01-02T03:04:05.000678Z`.",
)
BYTES = GraphQLScalarType(
    "Bytes",
    serialize=_same,
    parse_value=_bytes,
    parse_literal=_text_literal(_bytes, "base64"),
    description="Bytes, in base64.",
)
JSON = GraphQLScalarType(
    "JSON",
    serialize=_same,
    parse_value=_same,
    parse_literal=value_from_ast_untyped,
    description="Any value in JSON: a map, or a value of which only the app knows the type.",
)
SCALARS = (SAFE_INT, DATE_TIME, BYTES, JSON)
