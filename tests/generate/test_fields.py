"""The conditions that the fields of a request become."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum
from math import inf
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, create_model

from onto_fn import DeclarationError, DomainModel, EmbeddedModel, Ref
from onto_fn.firestore.types import DATE_PATTERN, UUID_PATTERN
from onto_fn.generate.costs import MAX_EXPRESSIONS, Cost, Function, cost_of
from onto_fn.generate.expressions import Allow, Match, literal, text_of
from onto_fn.generate.fields import Checks, checks_of
from onto_fn.generate.patterns import rules_pattern
from onto_fn.requests.declared import record_of


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Point(EmbeddedModel):
    map_x: int


class Tree(BaseModel):
    left: Tree | None = None


class Leaf(DomainModel, collection="leaves"):
    name: str


LONG = r"data.value.replace('[^\\x{0}-\\x{FFFF}]', '.').size() <= 10000"
ALL = "true && isAsked(data)"


def checks(**fields: Any) -> Checks:
    """The checks of a request with these fields."""
    config = ConfigDict(arbitrary_types_allowed=True)
    return checks_of(
        record_of(create_model("Asked", __config__=config, **fields)), "isAsked", ALL, {}
    )


def condition(kind: Any, default: Any = ...) -> list[str]:
    """The clauses that one field adds."""
    (whole, *_) = checks(value=(kind, default)).functions.values()
    text = Match("/x", (), (Allow("create", whole),)).lines()
    clauses = [line.strip().rstrip(";").removeprefix("&& ") for line in text[1:-1]]
    return [clause for clause in clauses if "hasOnly(['value'])" not in clause]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, [LONG]),
        (
            Annotated[str, Field(min_length=2, max_length=5)],
            ["data.value.matches('(?s).{2,5}')"],
        ),
        (
            Annotated[str, Field(max_length=5, pattern=r"^\d+$")],
            [r"data.value.matches('^\\p{Nd}+$')", "data.value.matches('(?s).{0,5}')"],
        ),
        (UUID, [f"data.value.matches({literal(UUID_PATTERN)})"]),
        (int, ["data.value is int"]),
        (
            Annotated[int, Field(gt=0, le=9, multiple_of=3)],
            ["data.value is int", "data.value > 0", "data.value <= 9", "data.value % 3 == 0"],
        ),
        (float, ["data.value is number"]),
        (Annotated[float, Field(ge=-1.5)], ["data.value is number", "data.value >= -1.5"]),
        (bool, ["data.value is bool"]),
        (datetime, ["data.value is timestamp"]),
        (bytes, ["data.value is bytes", "data.value.size() <= 10000"]),
        (Literal["a", "b"], ["data.value in ['a', 'b']"]),
        (Literal["a"], ["data.value == 'a'"]),
        (Literal[True, 2], ["data.value in [true, 2]"]),
        (Size, ["data.value in ['s', 'l']"]),
        (int | str, ["(data.value is int", f"|| {LONG})"]),
        (Ref[Leaf], ["(data.value is path", "|| data.value is string"]),
        (list[int], ["data.value is list", "data.value.size() <= 1000"]),
        (
            Annotated[list[Literal["a", "b"]], Field(min_length=1, max_length=9)],
            [
                "data.value is list",
                "data.value.size() >= 1",
                "data.value.size() <= 9",
                "data.value.hasOnly(['a', 'b'])",
            ],
        ),
        (
            Annotated[list[int], Field(max_length=1)],
            [
                "data.value is list",
                "data.value.size() <= 1",
                "(data.value.size() <= 0",
                "|| data.value[0] is int)",
            ],
        ),
        (
            tuple[int, bool],
            [
                "data.value is list",
                "data.value.size() == 2",
                "data.value[0] is int",
                "data.value[1] is bool",
            ],
        ),
        (dict[str, int], ["data.value is map", "data.value.size() <= 1000"]),
        (
            Point,
            [
                "data.value.keys().hasOnly(['mapX'])",
                "data.value.mapX is int",
            ],
        ),
        (Any, ["data.keys().hasAll(['value'])"]),
        (date, [f"data.value.matches({literal(DATE_PATTERN)})"]),
        (timedelta, ["data.value is number"]),
        (GeoPoint, ["data.value is latlng"]),
        (Vector, ["data.value is vector"]),
        (Annotated[float, Field(ge=0.00001)], ["data.value is number", "data.value >= 0.00001"]),
        (
            Annotated[float, Field(ge=-inf, lt=1e30)],
            ["data.value is number", f"data.value < {10**30}.0"],
        ),
        (Annotated[int, Field(ge=-(10**30), lt=10)], ["data.value is int", "data.value < 10"]),
        (Literal["a\r\n\t\0'\\é\u2028"], [r"data.value == 'a\r\n\t\u0000\'\\é\u2028'"]),
    ],
)
def test_a_type_becomes_clauses(kind: Any, expected: list[str]) -> None:
    assert condition(kind)[: len(expected) or None] == expected


def test_an_optional_field_may_be_missing_or_null() -> None:
    assert condition(bool | None, None) == [
        "(data.get('value', null) == null",
        "|| data.value is bool)",
    ]


def test_a_field_with_a_default_may_be_missing_but_not_null() -> None:
    assert condition(bool, True) == ["(!('value' in data)", "|| data.value is bool)"]


def test_a_model_within_itself_is_checked_once() -> None:
    assert "|| data.value.left is map)" in condition(Tree)
    assert checks(value=(Tree, ...)).left == (
        "the content of value.left, because its type contains itself",
    )


@pytest.mark.parametrize("pattern", ["a", "^a", "a$", r"^a\$", "^a|b$"])
def test_a_pattern_is_searched_for_as_pydantic_does(pattern: str) -> None:
    clauses = condition(Annotated[str, Field(pattern=pattern)])

    searched = literal(f"(?s:.*)(?:{pattern})(?s:.*)")
    assert clauses == [f"data.value.matches({searched})", LONG]


@pytest.mark.parametrize("pattern", [r"\bfoo", r"a{1001}", r"a++", r"[a&&b]"])
def test_a_pattern_that_rules_lack_is_left_to_the_function_by_name(pattern: str) -> None:
    found = checks(value=(Annotated[str, Field(pattern=pattern)], ...))

    assert found.left == ("the pattern of value, which rules cannot check",)
    assert ".matches(" not in str(found.functions)


def test_a_pattern_of_python_is_asked_only_where_it_means_the_same() -> None:
    assert rules_pattern("^[a-z]+", is_python=True) == "(?s:.*)(?:^[a-z]+)(?s:.*)"
    assert rules_pattern("^a$", is_python=True) is None  # also before a last line break


def test_a_text_that_validation_strips_is_not_measured_before() -> None:
    stripped = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2)]

    assert condition(stripped) == [LONG]


@pytest.mark.parametrize("name", ["it's", "size", "service", "match", "café", "a b", "true"])
def test_names_that_are_no_identifiers_are_quoted(name: str) -> None:
    found = checks(value=(int, Field(alias=name)))

    assert f"data[{literal(name)}] is int" in str(found.functions["isAsked(data)"].parts[1])  # pyright: ignore


class Opaque:
    """No type that pydantic knows."""


@pytest.mark.parametrize("kind", [Opaque, SecretStr])
def test_a_type_that_firestore_does_not_have_is_refused(kind: Any) -> None:
    with pytest.raises(DeclarationError, match=r"Asked.*security rules cannot check"):
        checks(value=(kind, ...))


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (Annotated[int, Field(ge=2**63)], "no 64-bit integer"),
        (Annotated[int, Field(lt=-(2**63))], "no 64-bit integer"),
    ],
)
def test_a_bound_that_nothing_is_within_is_refused(kind: Any, problem: str) -> None:
    with pytest.raises(DeclarationError, match=rf"Asked\.value: .*{problem}"):
        checks(value=(kind, ...))


def test_half_a_character_is_refused_by_name() -> None:
    with pytest.raises(DeclarationError, match="half a surrogate pair"):
        literal("a\ud800")


# The limits


class Line(EmbeddedModel):
    sku: Annotated[str, Field(max_length=20)]
    name: Annotated[str, Field(max_length=20)]
    note: str | None = None
    colour: Literal["red", "blue"]
    number: Annotated[int, Field(ge=1, le=99)]
    price: Annotated[int, Field(ge=0)]


def cost(found: Checks) -> Cost:
    functions = {h.partition("(")[0]: Function(text_of(c)) for h, c in found.functions.items()}
    return cost_of(ALL, functions)


def test_ten_items_of_six_fields_are_all_checked() -> None:
    found = checks(lines=(Annotated[list[Line], Field(max_length=10)], ...))

    assert found.left == ()
    assert 500 < cost(found).expressions <= MAX_EXPRESSIONS


@pytest.mark.parametrize("kind", [str, str | None, Annotated[str, Field(max_length=5)]])
def test_forty_eight_text_fields_are_all_checked(kind: Any) -> None:
    found = checks(**{f"field_{number}": (kind, ...) for number in range(48)})

    assert found.left == ()
    assert cost(found).fits


def test_what_does_not_fit_is_left_to_the_function_by_name_the_dearest_items_first() -> None:
    found = checks(
        lines=(Annotated[list[Line], Field(max_length=10)], ...),
        more_lines=(Annotated[list[Line], Field(max_length=9)], ...),
        title=(str, ...),
    )

    assert found.left[0].partition(" (")[0] == "each item of lines"
    assert len(found.left) == 1
    assert "expressions; Firestore evaluates at most 1,000" in found.left[0]
    assert cost(found).fits
    assert "isLine(data.more_lines[8])" in str(found.functions)


def test_two_hundred_text_fields_keep_as_many_checks_as_fit() -> None:
    found = checks(**{f"field_{number:03}": (str, ...) for number in range(200)})

    assert 900 < cost(found).expressions <= MAX_EXPRESSIONS
    assert found.left[0].count("field_") < 150


def test_more_fields_than_can_be_named_are_refused_with_their_cost() -> None:
    fields: dict[str, Any] = {f"field_{number}": (Any, ...) for number in range(600)}

    with pytest.raises(DeclarationError, match=r"would cost 1,2\d\d expressions"):
        checks(**fields)


def test_two_item_models_of_one_name_have_a_function_each() -> None:
    first = create_model("Item", number=(int, ...))
    second = create_model("Item", text=(str, ...))
    user = create_model("User", text=(bool, ...))

    found = checks(
        a=(Annotated[list[first], Field(max_length=2)], ...),  # pyright: ignore
        b=(Annotated[list[second], Field(max_length=2)], ...),  # pyright: ignore
        c=(Annotated[list[user], Field(max_length=2)], ...),  # pyright: ignore
    )

    assert list(found.functions) == [
        "isAsked(data)",
        "isItem(item)",
        "isItem2(item)",
        "isUser2(item)",
    ]
