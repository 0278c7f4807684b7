"""Types of fields with valid values of each, and values that are nearly valid."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import strategies as st
from pydantic import Field

from onto_fn import DomainModel, EmbeddedModel, Ref
from onto_fn.firestore import Reference


class Leaf(DomainModel, collection="leaves"):
    name: str


class Size(Enum):
    SMALL = "s"
    NUMBER = 2


class Line(EmbeddedModel):
    sku: Annotated[str, Field(min_length=1, max_length=3)]
    number: Annotated[int, Field(ge=1)] = 1
    note: str | None = None


class Animal(EmbeddedModel, obj_type="Animal"):
    name: Annotated[str, Field(max_length=3)]


class Bird(Animal):
    wings: int


KEY = "12345678-1234-5678-1234-567812345678"
LINE: dict[str, Any] = {"sku": "a"}
KINDS: list[tuple[Any, list[Any]]] = [
    (str, ["", "x" * 10_000, "😀" * 10_000]),
    (Annotated[str, Field(min_length=2, max_length=3)], ["ab", "😀😀😀"]),
    (Annotated[str, Field(pattern=r"^\d+$")], ["1", "٣"]),
    (Annotated[str, Field(pattern=r"\w-\s", max_length=9)], ["é- ", "xa-\n"]),
    (int, [-(2**63), 2**63 - 1]),
    (Annotated[int, Field(gt=0, le=3, multiple_of=3)], [3]),
    (float, [1, 1.5, float("nan"), float("-inf")]),
    (Annotated[float, Field(ge=-1.5, lt=2)], [-1.5, 1]),
    (bool, [True, False]),
    (bytes, [b"", b"\0"]),
    (Annotated[bytes, Field(min_length=1, max_length=2)], [b"\0\xff"]),
    (datetime, [datetime(2026, 1, 2, tzinfo=UTC)]),
    (date, ["2026-01-02"]),
    (time, ["03:04:05", "03:04:05.000678"]),
    (timedelta, [90, 1.5]),
    (Decimal, ["12.50", "-1e5"]),
    (UUID, [KEY]),
    (Ref[Leaf], [Reference("leaves/a"), "leaves/a"]),
    (GeoPoint, [GeoPoint(1.5, -2.0)]),
    (Vector, [Vector([1.0, 2.0])]),
    (Size, ["s", 2]),
    (Literal["a", 1, True], ["a", 1, True]),
    (Literal["only"], ["only"]),
    (int | str, [1, "1"]),
    (int | None, [None, 1]),
    (Annotated[str, Field(max_length=2)] | int | None, ["😀😀", 5, None]),
    (list[Literal["a", "b"]], [[], ["a", "b", "a"]]),
    (Annotated[list[int], Field(min_length=1, max_length=2)], [[1], [1, 2]]),
    (Annotated[list[Line], Field(max_length=2)], [[], [LINE, LINE | {"note": None}]]),
    (Annotated[list[int | None], Field(max_length=2)], [[None, 1]]),
    (tuple[int, str], [[1, "a"]]),
    (Annotated[dict[str, Any], Field(max_length=2)], [{}, {"a": 1, "b": [None]}]),
    (Line, [LINE, LINE | {"number": 1, "note": "x"}]),
    (Line | None, [None, LINE]),
    (Animal, [{"name": "a"}, {"name": "a", "wings": 2, "obj_type": "Bird"}]),
    (Annotated[list[Animal], Field(max_length=2)], [[{"name": "a", "obj_type": "Animal"}]]),
]


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.sampled_from(
        [
            *("", "a", "b", "s", "only", "true", "yes", "1", "12", "٣", "1\n", "é- ", "a-b"),
            *("😀", "😀😀", "😀😀😀", "😀😀😀😀", "users/a"),
            *("2026-01-02", "03:04:05", "12.5", "1e5", KEY),
            *("x" * 10_000, "x" * 10_001, "😀" * 10_000),
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0.0, -0.0, 1.0, 1.5, -1.5, 2.0, float("inf"), float("-inf"), float("nan")]),
    st.floats(-3, 3),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.binary(max_size=3),
    st.just(datetime(2026, 1, 2, tzinfo=UTC)),
    st.just(GeoPoint(1.5, -2.0)),
    st.just(Vector([1.0, 2.0])),
    st.just(Reference("leaves/a")),
)
KEYS = st.sampled_from(["sku", "number", "note", "name", "wings", "obj_type", "other"])
LINES = st.fixed_dictionaries(
    {"sku": TEXTS},
    optional={"number": NUMBERS, "note": st.one_of(st.none(), TEXTS, NUMBERS), "more": NUMBERS},
)
ANIMALS = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={"wings": NUMBERS, "obj_type": st.sampled_from(["Animal", "Bird", "Cat"])},
)
MAPS = st.one_of(LINES, ANIMALS, st.dictionaries(KEYS, SCALARS, max_size=3))
# No document has a vector in a list.
ITEMS = st.one_of(SCALARS, MAPS).filter(lambda item: not isinstance(item, Vector))
VALUES = st.one_of(SCALARS, MAPS, st.lists(ITEMS, max_size=3))
