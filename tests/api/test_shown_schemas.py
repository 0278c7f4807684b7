"""Schemas of views: the JSON that is answered fits them, and each field is described."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import AnyUrl, BaseModel, Field, computed_field

from onto_fn import DomainModel, EmbeddedModel, Ref, Store, ViewModel, root
from onto_fn.api.rest.described.schemas import Components
from onto_fn.api.rest.described.shown import ShownSchemas
from onto_fn.firestore import Reference
from onto_fn.firestore.json import plain
from onto_fn.testing import build


class Note(DomainModel, collection="notes"):
    text: str = ""


class NoteStore(Store):
    note = root(Note)


class Size(Enum):
    SMALL = "s"


class Animal(EmbeddedModel, obj_type="Animal"):
    name: str
    parent: Animal | None = None


class Bird(Animal):
    wingspan: int = 1


class Plain(BaseModel):
    some_thing: int | None = None
    with_default: int = 3
    needed: int | None

    @computed_field
    @property
    def twice(self) -> int | None:
        return None if self.needed is None else 2 * self.needed


VALUES: dict[str, Any] = {}
"""What the fields of the view are, by name; those that are missing are None."""


class Everything(ViewModel[NoteStore], path="everything/{note_id}", typed=True):
    """A field of each type.

    And more.
    """

    @property
    def ratio(self) -> float | None:
        return VALUES.get("ratio")

    @property
    def positive(self) -> Annotated[float, Field(gt=0)] | None:
        """More than nothing."""
        return VALUES.get("positive")

    @property
    def whole(self) -> int | None:
        return VALUES.get("whole")

    @property
    def data(self) -> Annotated[bytes, Field(max_length=3)] | None:
        return VALUES.get("data")

    @property
    def at(self) -> datetime | None:
        return VALUES.get("at")

    @property
    def day(self) -> date | None:
        return VALUES.get("day")

    @property
    def hour(self) -> time | None:
        return VALUES.get("hour")

    @property
    def lasts(self) -> timedelta | None:
        return VALUES.get("lasts")

    @property
    def price(self) -> Decimal | None:
        return VALUES.get("price")

    @property
    def key(self) -> UUID | None:
        return VALUES.get("key")

    @property
    def link(self) -> AnyUrl | None:
        return VALUES.get("link")

    @property
    def note(self) -> Ref[Note] | None:
        return VALUES.get("note")

    @property
    def place(self) -> GeoPoint | None:
        return VALUES.get("place")

    @property
    def meaning(self) -> Vector | None:
        return VALUES.get("meaning")

    @property
    def size(self) -> Size | None:
        return VALUES.get("size")

    @property
    def level(self) -> Literal[1, "high"] | None:
        return VALUES.get("level")

    @property
    def tags(self) -> set[int] | None:
        return VALUES.get("tags")

    @property
    def pair(self) -> tuple[int, str] | None:
        return VALUES.get("pair")

    @property
    def by_day(self) -> dict[date, Animal] | None:
        return VALUES.get("by_day")

    @property
    def animal(self) -> Animal | None:
        return VALUES.get("animal")

    @property
    def parts(self) -> list[Plain]:
        return VALUES.get("parts", [])

    @property
    def anything(self) -> Any:
        return VALUES.get("anything")


COMPONENTS = Components()
REFERENCE = ShownSchemas([Everything], COMPONENTS).of(Everything)
SCHEMA = {**REFERENCE, "components": COMPONENTS.parts}
SCHEMAS = COMPONENTS.parts["schemas"]
SAMPLES: list[tuple[str, Any]] = [
    *(("ratio", value) for value in (1.5, 0.0, math.nan, math.inf, -math.inf)),
    *(("positive", value) for value in (1.5, math.inf)),
    ("whole", 2**62),
    ("data", b"\x00\xff\x01"),
    ("at", datetime(2026, 1, 2, 3, 4, 5, 6, UTC)),
    ("day", date(2026, 1, 2)),
    ("hour", time(3, 4, 5)),
    ("hour", time(3, 4, 5, 6, UTC)),
    ("lasts", timedelta(milliseconds=1500)),
    ("price", Decimal("12.50")),
    ("key", UUID(int=7)),
    ("link", AnyUrl("https://example.com/a?b=c")),
    ("note", Note.ref("a")),
    ("note", Reference("notes/a")),
    ("place", GeoPoint(48.25, 16.5)),
    ("meaning", Vector([1.0, 2.5, math.nan])),
    ("size", Size.SMALL),
    ("level", "high"),
    ("tags", {3, 1, 2}),
    ("pair", (1, "one")),
    ("by_day", {date(2026, 1, 2): Bird(name="Kea")}),
    ("animal", Animal(name="Tom", parent=Bird(name="Kea", wingspan=9))),
    ("parts", [Plain(needed=None), Plain(some_thing=1, needed=2)]),
    *(("anything", value) for value in (1, "a", [1, {"b": None}], {"c": b"\x00"})),
]


@pytest.mark.parametrize(("name", "value"), SAMPLES)
def test_an_answer_fits_the_schema_of_its_view(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VALUES, name, value)
    made = build(Everything, "n", [Note(doc_id="n")])
    (content,) = [plain(fields) for fields in made.values()]
    answer = json.loads(json.dumps(content, allow_nan=False))

    validator = Draft202012Validator(SCHEMA, format_checker=FormatChecker(["date", "uuid"]))
    validator.validate(answer)

    stored = Everything.Document.model_fields[name].alias or name
    assert stored in answer
    assert answer.keys() <= SCHEMAS["Everything"]["properties"].keys()


def test_a_field_is_required_if_it_is_always_there() -> None:
    assert SCHEMAS["Everything"]["required"] == ["doc_ref", "obj_type", "parts"]
    assert SCHEMAS["Plain"]["required"] == ["needed", "with_default"]
    assert {"type": "null"} in SCHEMAS["Plain"]["properties"]["needed"]["anyOf"]
    assert SCHEMAS["Plain"]["properties"]["some_thing"] == {"type": "integer", "format": "int64"}


def test_docstrings_describe_a_view_and_its_fields() -> None:
    assert SCHEMAS["Everything"]["description"] == "A field of each type.\n\nAnd more."
    assert SCHEMAS["Everything"]["properties"]["positive"]["description"] == "More than nothing."


def test_nothing_of_the_library_is_in_a_schema() -> None:
    assert '"x-' not in json.dumps(SCHEMAS)
    assert "doc_id" not in SCHEMAS["Everything"]["properties"]
