"""The conditions that the fields of a request become."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from onto_fn import DeclarationError, DomainModel, EmbeddedModel, Ref
from onto_fn.generate.expressions import Allow, Match, literal
from onto_fn.generate.fields import fields_condition


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Point(EmbeddedModel):
    map_x: int


class Tree(BaseModel):
    left: Tree | None = None


class Leaf(DomainModel, collection="leaves"):
    name: str


def condition(kind: Any, default: Any = ...) -> list[str]:
    """The clauses that one field adds."""
    fields = create_model("Asked", value=(kind, default)).model_fields
    text = Match("/x", (), (Allow("create", fields_condition("Asked", fields)),)).lines()
    clauses = [line.strip().rstrip(";").removeprefix("&& ") for line in text[2:-1]]
    return [clause for clause in clauses if "hasAll(['value'])" not in clause]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, ["data.value is string", "data.value.size() <= 10000"]),
        (
            Annotated[str, Field(min_length=2, max_length=5)],
            ["data.value is string", "data.value.size() >= 2", "data.value.size() <= 5"],
        ),
        (
            Annotated[str, Field(max_length=5, pattern=r"^\d+$")],
            [
                "data.value is string",
                "data.value.size() <= 5",
                r"data.value.matches('^\\d+$')",
            ],
        ),
        (UUID, ["data.value is string", "data.value.size() <= 36"]),
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
        (int | str, ["(data.value is int", "|| data.value is string"]),
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
                "data.value is map",
                "data.value.keys().hasOnly(['mapX'])",
                "data.value.keys().hasAll(['mapX'])",
                "data.value.mapX is int",
            ],
        ),
        (Any, []),
    ],
)
def test_a_type_becomes_clauses(kind: Any, expected: list[str]) -> None:
    assert condition(kind)[: len(expected) or None] == expected


def test_an_optional_field_may_be_missing_or_null() -> None:
    assert condition(bool | None, None) == [
        "(!('value' in data)",
        "|| data.value is bool",
        "|| data.value == null)",
    ]


def test_a_field_with_a_default_may_be_missing_but_not_null() -> None:
    assert condition(bool, True) == ["(!('value' in data)", "|| data.value is bool)"]


def test_a_model_within_itself_is_checked_once() -> None:
    assert "|| data.value.left is map" in condition(Tree)


@pytest.mark.parametrize("pattern", ["a", "^a", "a$", r"^a\$", "^a|b$"])
def test_a_pattern_is_searched_for_as_pydantic_does(pattern: str) -> None:
    clauses = condition(Annotated[str, Field(pattern=pattern)])

    assert clauses[-1] == f"data.value.matches({literal(f'(?s).*(?:{pattern}).*')})"


def test_names_that_are_no_identifiers_are_quoted() -> None:
    fields = create_model("Asked", value=(int, Field(alias="it's"))).model_fields
    by_stored = {"it's": fields["value"], "size": fields["value"]}

    clauses = fields_condition("Asked", by_stored)

    assert r"data['it\'s'] is int" in clauses.parts  # pyright: ignore
    assert "data['size'] is int" in clauses.parts  # pyright: ignore


class Opaque:
    """No type that pydantic knows."""


@pytest.mark.parametrize("kind", [timedelta, Opaque])
def test_a_type_that_firestore_does_not_have_is_refused(kind: Any) -> None:
    config = ConfigDict(arbitrary_types_allowed=True)
    fields = create_model("Asked", __config__=config, value=(kind, ...)).model_fields

    with pytest.raises(DeclarationError, match=r"Asked\.value: security rules cannot tell"):
        fields_condition("Asked", fields)
