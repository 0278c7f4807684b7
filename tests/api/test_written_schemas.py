"""Schemas of requests: they take what the strict check takes, and refuse what it refuses."""

from __future__ import annotations

import base64
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import Field

from onto_fn import DomainModel, EmbeddedModel, Form, Patch, Ref, Store, ViewModel, mirror, root
from onto_fn.access import owner
from onto_fn.api.rest.described.schemas import Components, portable
from onto_fn.api.rest.described.written import WrittenSchemas
from onto_fn.errors import InvalidValue
from onto_fn.firestore.values import encode_fields


class Note(DomainModel, collection="notes"):
    text: str
    rank: int = 0


class NoteStore(Store):
    note = root(Note)


class Page(ViewModel[NoteStore], path="users/{user_id}/pages/{note_id}"):
    text: str = mirror("note.text", setter=True)
    rank: int = mirror("note.rank", setter=True)

    def targets(self) -> list[dict[str, str]]:
        return []


class PagePatch(
    Patch[Page], path="users/{user_id}/patches/{id}", target="note", create=owner("user_id")
):
    text: str
    rank: int


class Size(Enum):
    SMALL = "s"
    LARGE = 2


class Line(EmbeddedModel):
    number: int = 1
    next: Line | None = None


class Animal(EmbeddedModel, obj_type="Animal"):
    name: str


class Bird(Animal):
    wingspan: int


class Everything(Form, path="users/{user_id}/forms/{id}", create=owner("user_id")):
    done: bool | None = None
    number: Annotated[int, Field(gt=-5, le=10)] | None = None
    large: int | None = None
    even: Annotated[int, Field(multiple_of=2)] | None = None
    ratio: float | None = None
    share: Annotated[float, Field(ge=0, lt=1)] | None = None
    text: str | None = None
    short: Annotated[str, Field(min_length=1, max_length=2)] | None = None
    code: Annotated[str, Field(pattern="^[a-c]+$")] | None = None
    day: date | None = None
    hour: time | None = None
    lasts: timedelta | None = None
    price: Decimal | None = None
    key: UUID | None = None
    data: bytes | None = None
    some: Annotated[bytes, Field(min_length=2, max_length=4)] | None = None
    few: Annotated[bytes, Field(min_length=3, max_length=5)] | None = None
    place: GeoPoint | None = None
    meaning: Vector | None = None
    size: Size | None = None
    level: Literal[1, "high", True] | None = None
    names: Annotated[list[str], Field(max_length=2)] | None = None
    lines: list[Line] | None = None
    animal: Animal | None = None
    by_name: Annotated[dict[str, float], Field(min_length=1)] | None = None
    pair: tuple[int, str] | None = None
    either: int | list[str] | None = None
    anything: Any = None

    def submit(self, request: Any) -> list[Note]:
        return []


def schema_of(model: Any) -> dict[str, Any]:
    components = Components()
    body = WrittenSchemas(components).body(model)
    return {**body, "components": components.parts}


EVERYTHING = Draft202012Validator(schema_of(Everything))
PATCH = Draft202012Validator(schema_of(PagePatch))


def is_taken(model: Any, fields: dict[str, Any]) -> bool:
    """By the check without the application's own validators, which pydantic runs after it."""
    shape = model.written_shape()
    content = shape.from_json(fields)
    if list(shape.problems(content)):
        return False
    try:
        encode_fields(content, documents="", where="fields")
    except InvalidValue:
        return False
    return True


# Python's `re` lets `$` be before a last line break, which JSON schema does not.
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=4)
# 1.0 is an integer for JSON schema, and a float where the check reads it.
floats = st.floats(-100, 100).filter(lambda number: not number.is_integer())
numbers = st.integers(-12, 12) | floats
scalars = st.none() | st.booleans() | numbers | texts
data = st.binary(max_size=7).map(lambda value: base64.b64encode(value).decode())
points = st.fixed_dictionaries({"latitude": numbers, "longitude": numbers}, optional={"x": texts})
maps = st.dictionaries(st.sampled_from(["a", "", "__a__", "_b", "name"]), scalars, max_size=2)
near = st.sampled_from(
    [
        *("NaN", "Infinity", "-Infinity", "s", 2, "high", "abc", "abd", "", "x" * 10_001),
        *("2026-01-02", "2026-1-2", "03:04:05", "03:04", "03:04:05.000001+01:00"),
        *("12.50", "1e5", "x1", str(UUID(int=7)), "AP8=", "A", "====", "AA A"),
        *([1, "a"], ["a", 1], [1, "a", 2], [[1]], [{"number": 1}], [{"number": "1"}]),
        *({"obj_type": "Bird", "name": "Kea", "wingspan": 9}, {"name": "Kea", "wingspan": 9}),
        *({"obj_type": "Animal", "name": "Kea"}, {"name": 1}, {"obj_type": "Cat", "name": "Tom"}),
        *([{"next": {"next": {"number": 2}}}], [{"next": {"next": {"number": "2"}}}]),
    ]
)
arrays = st.lists(scalars | maps | st.lists(scalars, max_size=1), max_size=3)
values = scalars | near | data | points | maps | arrays
NAMES = Everything.stored_names()


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*NAMES, "unknown"]), values, max_size=2))
def test_a_schema_takes_what_the_check_takes_and_nothing_else(fields: dict[str, Any]) -> None:
    assert EVERYTHING.is_valid(fields) == is_taken(Everything, fields), fields


@pytest.mark.parametrize("name", [*NAMES, "unknown"])
@given(values | st.integers(-12, 12) | texts)
def test_each_field_takes_what_the_check_takes(name: str, value: Any) -> None:
    assert EVERYTHING.is_valid({name: value}) == is_taken(Everything, {name: value}), value


@given(st.dictionaries(st.sampled_from(["note", "text", "rank", "x"]), scalars | near, max_size=3))
def test_a_patch_names_its_target_and_sets_at_least_one_field(fields: dict[str, Any]) -> None:
    expected = is_taken(PagePatch, fields) and bool(fields.keys() & {"text", "rank"})
    assert PATCH.is_valid(fields) == expected, fields


def test_a_patch_that_sets_nothing_is_refused() -> None:
    assert not PATCH.is_valid({"note": "a"})
    assert not PATCH.is_valid({"rank": 1})
    assert PATCH.is_valid({"note": "a", "rank": 1})


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, -(2**63), -(2**63) - 1])
def test_an_integer_has_64_bits(number: int) -> None:
    expected = -(2**63) <= number < 2**63
    assert EVERYTHING.is_valid({"large": number}) == is_taken(Everything, {"large": number})
    assert EVERYTHING.is_valid({"large": number}) == expected
    # Among any values, JSON schema cannot tell one that is too large from 1e300.
    assert is_taken(Everything, {"anything": number}) == expected


@pytest.mark.parametrize("name", ["..", ".", "__a__", "a/b", "", "x" * 1501])
def test_a_target_that_is_no_id_is_refused(name: str) -> None:
    assert not PATCH.is_valid({"note": name, "rank": 1})
    assert PATCH.is_valid({"note": "__a", "rank": 1})


class Linked(Form, path="users/{user_id}/linked/{id}", create=owner("user_id")):
    note: Ref[Note]

    def submit(self, request: Any) -> list[Note]:
        return []


@pytest.mark.parametrize(
    ("path", "is_valid"),
    [("notes/a", True), ("notes/a/b/c", False), ("others/a", False), ("notes/..", False)],
)
def test_a_reference_leads_into_its_collection(path: str, is_valid: bool) -> None:
    assert Draft202012Validator(schema_of(Linked)).is_valid({"note": path}) == is_valid


@pytest.mark.parametrize(
    ("pattern", "is_python", "is_portable"),
    [
        ("^[a-z0-9_-]+$", False, True),
        ("^[a-z0-9_-]+$", True, False),
        ("(ab|c){1,3}?", False, True),
        (r"^\d{3}$", False, False),
        (r"\w", False, False),
        (r"a.b", False, False),
        (r"(?i)a", False, False),
        (r"(?P<a>b)", False, False),
        (r"[a&&b]", False, False),
        (r"[[:alpha:]]", False, False),
        (r"\Aa\z", False, False),
        (r"\p{L}", False, False),
    ],
)
def test_a_pattern_is_in_the_schema_only_if_it_means_the_same_there(
    pattern: str, is_python: bool, is_portable: bool
) -> None:
    assert portable(pattern, is_python=is_python) == is_portable


class Coded(Form, path="users/{user_id}/coded/{id}", create=owner("user_id")):
    code: Annotated[str, Field(pattern=r"^\d{3}$", description="Three digits.")]

    def submit(self, request: Any) -> list[Note]:
        return []


def test_any_other_pattern_is_described() -> None:
    code = schema_of(Coded)["components"]["schemas"]["Coded"]["properties"]["code"]
    assert "pattern" not in code
    assert "Three digits." in code["description"]
    assert r"`^\d{3}$`" in code["description"]


def test_a_number_that_javascript_writes_without_a_point_is_a_float() -> None:
    shape = Everything.written_shape()
    fields: Any = shape.from_json({"ratio": 10**20, "meaning": [10**20, 1]})
    assert fields["ratio"] == 1e20
    assert isinstance(fields["ratio"], float)
    assert list(fields["meaning"]) == [1e20, 1.0]


@pytest.mark.parametrize("name", ["ratio", "large", "meaning", "place", "anything", "number"])
def test_a_number_of_hundreds_of_digits_is_refused(name: str) -> None:
    large = 10**400
    value: Any = {"meaning": [large], "place": {"latitude": large, "longitude": 1}}.get(name, large)
    assert not is_taken(Everything, {name: value})
