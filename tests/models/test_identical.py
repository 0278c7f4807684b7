"""Two values are identical if and only if no code can tell them apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from ipaddress import ip_address
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st

from onto_fn import EmbeddedModel, Ref
from onto_fn.models.identical import are_identical


class Colour(Enum):
    RED = 1
    BLUE = 2


class Box(EmbeddedModel):
    content: Any = None


@dataclass
class Size:
    width: Any


@dataclass(slots=True)
class Slotted:
    width: Any


class Pair(NamedTuple):
    left: Any
    right: Any


class Unknown:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALIKE: list[tuple[Any, Any]] = [  # `==` holds between them, or nearly
    (1, 1.0),
    (1, True),
    (0.0, -0.0),
    (Decimal("1.0"), Decimal("1.00")),
    ([1], [1.0]),
    ([1], (1,)),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ({1: "x"}, {True: "x"}),
    ({1}, {True}),
    ({1}, frozenset({1})),
    (NOON, NOON.astimezone(timezone(timedelta(hours=1)))),
    (NOON, NOON.date()),
    (Colour.RED, Colour.BLUE),
    (Box(content=1), Box(content=1.0)),
    (Box(content=None), Box()),  # which fields were set
    (Size(1), Size(True)),
    (Slotted(1), Slotted(True)),
    (Pair(1, 2), (1, 2)),
    (Ref[Any]("a/b"), Ref[Any]("a/c")),
    (GeoPoint(0.0, 0), GeoPoint(-0.0, 0)),
    (Vector([1.0]), Vector([2.0])),
    (Unknown(), Unknown()),
    ("a", "b"),
    (None, False),
    ({"a": None}, {}),
]
SAME: list[Any] = [
    None,
    "a",
    b"a",
    float("nan"),
    Decimal("1.0"),
    NOON,
    date(2026, 1, 1),
    timedelta(seconds=1),
    UUID(int=1),
    Colour.RED,
    ip_address("::1"),
    Ref[Any]("a/b"),
    GeoPoint(1, 2),
    Vector([1.0]),
    [{"a": ({1, 2}, [None])}],
    Box(content=[1]),
    Size([1]),
    Slotted([1]),
    Pair(1, [2]),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_values_that_code_can_tell_apart_are_not(one: Any, other: Any) -> None:
    assert not are_identical(one, other)
    assert not are_identical([one], [other])
    assert not are_identical({"x": one}, {"x": other})


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_a_value_is_identical_to_its_copy(value: Any) -> None:
    from copy import deepcopy

    copied = [deepcopy(value), {"in a map": deepcopy(value)}]
    assert are_identical([value, {"in a map": value}], copied)


scalars = st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.text(max_size=2)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=1) | st.integers(0, 2), inner, max_size=3)
        | st.builds(Size, inner)
    ),
    max_leaves=6,
)


@given(values, values)
def test_it_is_the_same_as_having_one_representation(one: Any, other: Any) -> None:
    assert are_identical(one, other) == (repr(one) == repr(other))
