"""Types that have one value: the rows of the types table, enumerations, constrained fields."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from emulator_tests.fuzz import drawing
from emulator_tests.fuzz.drawing import Draw, one_of
from onto_fn.firestore import Reference


@dataclass(frozen=True)
class Sample:
    """A value of a type.

    Attributes:
        stored: as a document has it; it may hold what no model declares.
        kept: what a model makes of it, in its stored form.
    """

    stored: Any
    kept: Any

    @classmethod
    def of(cls, value: Any) -> Sample:
        return cls(value, value)


@dataclass(frozen=True)
class Type:
    """A type that a field is declared with.

    Attributes:
        kind: its row in the table of what was covered.
        source: the annotation.
        value: draws a value.
        stored: Firestore's types of its values; empty if they may be of any.
        classes: the source of the classes that it needs, those first that others need.
        parts: the types that it is made of.
        features: what else is covered.
        refused: why a model with such a field is refused; empty if it is not.
        literal: the source of a value, from its stored form.
        identity: of values that can be in a set or be keys: equal for those that are.
        key: of values that can be the key of a map: the text of one.
        is_list: whether a value may be stored as a list, so that a list cannot hold it.
        declares: of an embedded class, the stored names of its fields.
        fields: of an embedded class, its fields.
    """

    kind: str
    source: str
    value: Callable[[Draw], Sample]
    stored: frozenset[str] = frozenset()
    classes: tuple[str, ...] = ()
    parts: tuple[Type, ...] = ()
    features: frozenset[str] = frozenset()
    refused: str = ""
    literal: Callable[[Any], str] | None = None
    identity: Callable[[Any], Any] | None = None
    key: Callable[[Any], str] | None = None
    is_list: bool = False
    declares: frozenset[str] = frozenset()
    fields: tuple[Any, ...] = ()

    def walk(self) -> list[Type]:
        """This type and all that it is made of."""
        return [self, *(inner for part in self.parts for inner in part.walk())]


def _leaf(
    kind: str,
    source: str,
    values: st.SearchStrategy[Any],
    stored: str,
    *,
    literal: str | None = None,
    identity: Callable[[Any], Any] | None = None,
    key: Callable[[Any], str] | None = None,
    features: frozenset[str] = frozenset(),
    kept: Callable[[Any], Any] = lambda value: value,
) -> Type:
    def value(draw: Draw) -> Sample:
        drawn = draw(values)
        return Sample(drawn, kept(drawn))

    return Type(
        kind,
        source,
        value,
        frozenset(stored.split()),
        literal=None if literal is None else literal.format,
        identity=identity,
        key=key,
        features=features,
    )


def _same(value: Any) -> Any:
    return value


def _seconds(value: timedelta) -> int | float:
    whole = value // timedelta(seconds=1)
    return whole if value == timedelta(seconds=whole) else value.total_seconds()


_plain_floats = st.one_of(
    drawing.floats,
    st.integers(-(2**53), 2**53),  # as a client in JavaScript writes a whole number
)
_durations = st.timedeltas(timedelta(days=-40000), timedelta(days=40000)).map(_seconds)
_decimals = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
    st.decimals(allow_nan=False, allow_infinity=False),
).map(str)
_hosts = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_urls = st.builds("https://{}.example/{}".format, _hosts, _hosts)

SCALARS: tuple[Type, ...] = (
    _leaf("bool", "bool", st.booleans(), "boolean", literal="{!r}", identity=_same),
    _leaf("int", "int", drawing.integers, "integer", literal="{!r}", identity=_same, key=str),
    _leaf("float", "float", _plain_floats, "double integer", kept=float),
    _leaf("str", "str", drawing.texts, "string", literal="{!r}", identity=_same, key=_same),
    _leaf("bytes", "bytes", drawing.byte_texts, "bytes", literal="{!r}", identity=_same),
    _leaf(
        "datetime",
        "datetime",
        drawing.times,
        "timestamp",
        literal='datetime.fromisoformat("{}")',
        identity=_same,
    ),
    _leaf(
        "date",
        "date",
        st.dates().map(date.isoformat),
        "string",
        literal="date.fromisoformat({!r})",
        identity=_same,
        key=_same,
    ),
    _leaf(
        "time",
        "time",
        st.one_of(st.times(), st.times(timezones=st.just(drawing.UTC))).map(time.isoformat),
        "string",
        literal="time.fromisoformat({!r})",
    ),
    _leaf(
        "timedelta", "timedelta", _durations, "double integer", literal="timedelta(seconds={!r})"
    ),
    _leaf("Decimal", "Decimal", _decimals, "string", literal="Decimal({!r})", identity=Decimal),
    _leaf(
        "UUID",
        "UUID",
        st.uuids().map(str),
        "string",
        literal="UUID({!r})",
        identity=_same,
        key=_same,
    ),
    _leaf("Url", "AnyUrl", _urls, "string", literal="AnyUrl({!r})", identity=_same),
    _leaf("Url", "HttpUrl", _urls, "string", literal="HttpUrl({!r})", identity=_same),
    _leaf("IP address", "IPv4Address", st.ip_addresses(v=4).map(str), "string", identity=_same),
    _leaf("IP address", "IPv6Address", st.ip_addresses(v=6).map(str), "string", identity=_same),
    _leaf("IP address", "IPvAnyAddress", st.ip_addresses().map(str), "string"),
    _leaf(
        "IP address",
        "IPv4Network",
        st.ip_addresses(v=4).map(lambda address: f"{address}/32"),
        "string",
    ),
    _leaf("Path", "Path", _hosts.map(lambda host: f"a/{host}"), "string"),
    _leaf("GeoPoint", "GeoPoint", drawing.points, "geopoint"),
    _leaf("Vector", "Vector", drawing.vectors, "vector"),
    _leaf("Any", "Any", drawing.raw, ""),
)

ITEMS = (
    *(kind for kind in SCALARS if kind.kind not in {"Any", "Vector"}),
    _leaf("Any", "Any", drawing.raw_items, ""),
)
"""What a list can hold."""

CONSTRAINED: tuple[Type, ...] = (
    _leaf(
        "str",
        "Annotated[str, Field(min_length=1, max_length=5)]",
        st.text(st.characters(codec="utf-8", max_codepoint=0xFFFF), min_size=1, max_size=5),
        "string",
        features=frozenset({"constraint: length"}),
    ),
    _leaf(
        "str",
        'Annotated[str, Field(pattern="^[a-z]{2,4}$")]',
        st.text(string.ascii_lowercase, min_size=2, max_size=4),
        "string",
        features=frozenset({"constraint: pattern"}),
    ),
    _leaf(
        "str",
        r'Annotated[str, Field(pattern=r"\d+-[A-Z\']")]',
        st.builds("{}-{}".format, st.integers(0, 999), st.sampled_from("AZ'")),
        "string",
        features=frozenset({"constraint: pattern"}),
    ),
    _leaf(
        "int",
        "Annotated[int, Field(ge=-5, lt=100)]",
        st.integers(-5, 99),
        "integer",
        features=frozenset({"constraint: bounds"}),
    ),
    _leaf(
        "int",
        "Annotated[int, Field(multiple_of=3)]",
        st.integers(-50, 50).map(lambda number: number * 3),
        "integer",
        features=frozenset({"constraint: multiple"}),
    ),
    _leaf(
        "float",
        "Annotated[float, Field(ge=0.00001, le=1e20)]",
        st.floats(0.00001, 1e20),
        "double integer",
        features=frozenset({"constraint: bounds"}),
    ),
)


def reference(place: str, collection: str) -> Type:
    """A `Ref`; now and then it leads into another database."""

    def value(draw: Draw) -> Sample:
        path = f"{collection}/{draw(drawing.ids)}"
        is_foreign = drawing.chance(draw, 15)
        stored = Reference.stored(path, drawing.FOREIGN) if is_foreign else Reference(path)
        return Sample.of(stored)

    return Type(
        "Ref",
        f"Ref[{place}]",
        value,
        frozenset({"reference", "string"}),
        features=frozenset({"foreign references"}),
        identity=_same,
    )


_TEXT_VALUES = ("red", "a'b", "größe", "", 'say "x"', "back\\slash", "a\nb", "null")


def enumeration(draw: Draw, name: str) -> Type:
    """An Enum of texts or numbers."""
    base = one_of(draw, ["Enum: str", "Enum: int", "IntEnum", "StrEnum", "str, Enum", "int, Enum"])
    is_text = base in {"Enum: str", "StrEnum", "str, Enum"}
    values: list[Any]
    if is_text:
        values = draw(st.lists(st.sampled_from(_TEXT_VALUES), min_size=1, max_size=3, unique=True))
    else:
        values = draw(st.lists(st.integers(-2, 9), min_size=1, max_size=3, unique=True))
    members = "".join(f"\n    M{place} = {value!r}" for place, value in enumerate(values))
    # A key of another type than text has to be made again of its text.
    is_key = (is_text and "" not in values) or base == "IntEnum"
    return Type(
        f"Enum ({base.removeprefix('Enum: ')})",
        name,
        lambda draw: Sample.of(one_of(draw, values)),
        frozenset({"string" if is_text else "integer"}),
        classes=(f"class {name}({base.partition(':')[0]}):{members}",),
        literal=f"{name}({{!r}})".format,
        identity=_same,
        key=(lambda value: str(value)) if is_key and base not in {"int, Enum"} else None,
    )


def literal(draw: Draw) -> Type:
    """A Literal of texts, numbers or both."""
    numbers = st.integers(-2, 9)
    options = st.one_of(st.sampled_from(_TEXT_VALUES), numbers)
    chosen = one_of(draw, [st.sampled_from(_TEXT_VALUES), numbers, options])
    values = draw(st.lists(chosen, min_size=1, max_size=3, unique=True))
    stored = {"string" if isinstance(value, str) else "integer" for value in values}
    return Type(
        "Literal",
        f"Literal[{', '.join(map(repr, values))}]",
        lambda draw: Sample.of(one_of(draw, values)),
        frozenset(stored),
        literal=repr,
        identity=_same,
    )
