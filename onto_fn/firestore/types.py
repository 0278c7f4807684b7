"""The types table: how each Python type is stored, and how it looks in JSON, TypeScript and rules.

Firestore has few types. This table defines which of them stores the values of every other Python
type, so that a value has the same form everywhere: in a document, a query, an aggregate, a security
rule, a TypeScript interface and a request over HTTP. All of these read this table; none of them has
its own list of types.

A type that is not in the table has no stored form. Declaring a field of such a type is an error at
import, which `onto_fn.models.types` raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from ipaddress import IPv4Address
from typing import Any, Literal, cast
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from onto_fn.errors import InvalidValue
from onto_fn.firestore.documents import Reference

Stored = Literal[
    "null",
    "boolean",
    "integer",
    "double",
    "string",
    "bytes",
    "timestamp",
    "reference",
    "geopoint",
    "vector",
    "array",
    "map",
]
"""The types of Firestore's own values."""

MAX_EXACT_SECONDS = 2**32
"""Up to here (136 years) a number of seconds keeps the microseconds of a duration."""

DATE_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
TIME_PATTERN = rf"^{_CLOCK}:[0-5][0-9](\.[0-9]{{6}})?(Z|[+-]{_CLOCK})?$"
DECIMAL_PATTERN = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
UUID_PATTERN = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, eq=False)
class StoredType:
    """One row of the table.

    Attributes:
        name: the type's name in the documentation.
        classes: the classes whose values (and those of their subclasses) have this form, as dotted
            names: some come from modules that are not always imported.
        stored: Firestore's type.
        store: makes the stored value; it may raise `InvalidValue`.
        json_schema: JSON schema of its JSON form, which is the stored form written as JSON.
        typescript: the type of the value that the Firebase JS SDK reads.
        rule: condition of the security rules language, with `{value}` for the value.
        is_ordered: whether Firestore's order of the stored values is the order of the type, so that
            ranges, `order_by`, `minimum` and `maximum` mean what they say.
        is_number: whether values can be added up.
        key: makes the text that is the key of a map; None if the type cannot be a key.
        is_converted: whether the stored value is of another Python type, which reading converts
            back by the declared type.
        note: what else happens to a value, for the documentation.
        sample: a value; None where making one needs a module that is not always imported.
        more_samples: further values, whose stored form is another.
    """

    name: str
    classes: tuple[str, ...]
    stored: Stored
    json_schema: Mapping[str, Any]
    typescript: str
    rule: str
    sample: Any
    store: Callable[[Any], Any] = _same
    is_ordered: bool = True
    is_number: bool = False
    key: Callable[[Any], str] | None = None
    is_converted: bool = False
    note: str = ""
    more_samples: tuple[Any, ...] = ()
    firestore_class: str = field(default="")
    """The SDK's class in TypeScript, if it has one: it has to be imported."""


def _duration(value: timedelta) -> int | float:
    whole, rest = divmod(value, timedelta(seconds=1))
    if not rest:
        return whole
    seconds = value.total_seconds()
    if abs(seconds) > MAX_EXACT_SECONDS:
        raise InvalidValue(
            f"is a duration of {value}; a number of seconds cannot keep its microseconds. Round it "
            "to seconds"
        )
    return seconds


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise InvalidValue(f"is the Decimal {value}, which is not a number")
    return str(value)


def _text_of_bool(value: bool) -> str:
    return "true" if value else "false"


_TEXT: Mapping[str, Any] = {"type": "string"}

TABLE: tuple[StoredType, ...] = (
    StoredType(
        "bool",
        ("builtins.bool",),
        "boolean",
        {"type": "boolean"},
        "boolean",
        "{value} is bool",
        True,
        key=_text_of_bool,
    ),
    StoredType(
        "int",
        ("builtins.int",),
        "integer",
        {"type": "integer"},
        "number",
        "{value} is int",
        7,
        int.__int__,
        is_number=True,
        key=int.__repr__,
        note="64 bits; a larger one is an `InvalidValue`. JavaScript rounds beyond 2^53.",
    ),
    StoredType(
        "float",
        ("builtins.float",),
        "double",
        {"type": "number"},
        "number",
        "{value} is number",
        1.5,
        float.__float__,
        is_number=True,
        note="NaN and the infinities as well; in JSON they are texts.",
    ),
    StoredType(
        "str",
        ("builtins.str",),
        "string",
        _TEXT,
        "string",
        "{value} is string",
        "text",
        str.__str__,
        key=str.__str__,
    ),
    StoredType(
        "bytes",
        ("builtins.bytes",),
        "bytes",
        {"type": "string", "format": "binary"},
        "Bytes",
        "{value} is bytes",
        b"\x00\xff",
        bytes,
        firestore_class="Bytes",
        note="Base64 in JSON.",
    ),
    StoredType(
        "datetime",
        ("datetime.datetime",),
        "timestamp",
        {"type": "string", "format": "date-time"},
        "Timestamp",
        "{value} is timestamp",
        datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
        firestore_class="Timestamp",
        note="To the microsecond, read in UTC; one without a time zone counts as UTC.",
    ),
    StoredType(
        "date",
        ("datetime.date",),
        "string",
        {"type": "string", "format": "date", "pattern": DATE_PATTERN},
        "string",
        "{value} is string",
        date(2026, 1, 2),
        date.isoformat,
        key=date.isoformat,
        is_converted=True,
        note="`2026-01-02`",
    ),
    StoredType(
        "time",
        ("datetime.time",),
        "string",
        {"type": "string", "format": "time", "pattern": TIME_PATTERN},
        "string",
        "{value} is string",
        time(3, 4, 5),
        time.isoformat,
        is_converted=True,
        note="`03:04:05`, `03:04:05.000678`; the order is that of times without a zone.",
    ),
    StoredType(
        "timedelta",
        ("datetime.timedelta",),
        "double",
        {"type": "number", "minimum": -86_399_999_913_600, "maximum": 86_399_999_999_999},
        "number",
        "{value} is number",
        timedelta(hours=1),
        _duration,
        is_number=True,
        is_converted=True,
        note="Seconds: an integer if they are whole. Microseconds are kept up to 2^32 seconds; "
        "a longer duration with a fraction of a second is an `InvalidValue`.",
        more_samples=(timedelta(milliseconds=1500),),
    ),
    StoredType(
        "Decimal",
        ("decimal.Decimal",),
        "string",
        {"type": "string", "pattern": DECIMAL_PATTERN},
        "string",
        "{value} is string",
        Decimal("12.50"),
        _decimal,
        is_ordered=False,
        is_converted=True,
        note="Digit for digit, `12.50`. Texts have no numeric order and no sums: "
        "store an `int` of the smallest unit where you need them.",
    ),
    StoredType(
        "UUID",
        ("uuid.UUID",),
        "string",
        {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "string",
        "{value} is string",
        UUID("12345678-1234-5678-1234-567812345678"),
        str,
        key=str,
        is_converted=True,
    ),
    StoredType(
        "Url",
        (
            "pydantic.networks._BaseUrl",
            "pydantic.networks._BaseMultiHostUrl",
            "pydantic_core._pydantic_core.Url",
            "pydantic_core._pydantic_core.MultiHostUrl",
        ),
        "string",
        {"type": "string", "format": "uri"},
        "string",
        "{value} is string",
        None,
        str,
        is_converted=True,
        note="As pydantic normalises it: `https://example.com/`.",
    ),
    StoredType(
        "IPv4Address, IPv6Address, networks, interfaces",
        (
            "ipaddress._BaseAddress",
            "ipaddress._BaseNetwork",
            "pydantic.networks.IPvAnyAddress",
            "pydantic.networks.IPvAnyInterface",
            "pydantic.networks.IPvAnyNetwork",
        ),
        "string",
        {"type": "string"},
        "string",
        "{value} is string",
        IPv4Address("192.0.2.1"),
        str,
        is_ordered=False,
        is_converted=True,
        note="Texts do not have the order of addresses.",
    ),
    StoredType(
        "Path",
        ("pathlib.PurePath", "pathlib._local.PurePath"),
        "string",
        {"type": "string"},
        "string",
        "{value} is string",
        None,
        str,
        is_converted=True,
    ),
    StoredType(
        "Ref",
        ("onto_fn.firestore.documents.Reference",),
        "reference",
        {"type": "string", "format": "document-path"},
        "DocumentReference",
        "{value} is path",
        Reference("users/tijuana"),
        firestore_class="DocumentReference",
        key=lambda value: cast(Reference, value).path,
        note='A text with `references="path"`. In JSON its path.',
    ),
    StoredType(
        "GeoPoint",
        ("google.cloud.firestore_v1._helpers.GeoPoint",),
        "geopoint",
        {
            "type": "object",
            "properties": {"latitude": {"type": "number"}, "longitude": {"type": "number"}},
            "required": ["latitude", "longitude"],
            "additionalProperties": False,
        },
        "GeoPoint",
        "{value} is latlng",
        GeoPoint(48.25, 16.5),
        firestore_class="GeoPoint",
        note="`from google.cloud.firestore import GeoPoint`",
    ),
    StoredType(
        "Vector",
        ("google.cloud.firestore_v1.vector.Vector",),
        "vector",
        {"type": "array", "items": {"type": "number"}},
        "VectorValue",
        "{value} is vector",
        Vector([1.0, 2.5]),
        is_ordered=False,
        firestore_class="VectorValue",
        note="`from google.cloud.firestore_v1.vector import Vector`. A list of numbers in JSON.",
    ),
)
"""Every type of which one class stands for a stored form. Containers (list, tuple, set, dict,
models), `Enum`, `Literal`, `Union` and `Any` are made of these; see `docs/types.md`."""

_BY_NAME = {name: row for row in TABLE for name in row.classes}


@cache
def row_of(kind: type[Any]) -> StoredType | None:
    """The row of a class: its own, or that of its nearest base class in the table."""
    for base in kind.__mro__:
        row = _BY_NAME.get(f"{base.__module__}.{base.__qualname__}")
        if row is not None:
            return row
    return None
