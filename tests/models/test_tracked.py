"""Tracked objects note what is read of them, and are otherwise the objects that they stand for."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pytest
from pydantic import BaseModel, Field, PrivateAttr, TypeAdapter, computed_field

from onto_fn import DomainModel, EmbeddedModel, Ref
from onto_fn.firestore import Document
from onto_fn.models.making import Template
from onto_fn.models.model_type import template_of
from onto_fn.models.tracked import ALL, MOST_NAMES, FieldsRead


class Home(EmbeddedModel):
    city: str


@dataclass
class Size:
    width: int
    parts: list[int] = field(default_factory=list)


class Guest(DomainModel, collection="guests"):
    first: str
    last: str = "Lee"
    tags: list[str] = Field(default_factory=list)
    home: Home | None = None
    size: Size | None = None
    friends: list[Ref[Guest]] = Field(default_factory=list)

    @computed_field
    @property
    def full(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def broken(self) -> str:
        raise AttributeError("of its own")

    @cached_property
    def costly(self) -> str:
        return self.first


class Outer(BaseModel):
    guests: list[Guest]


DOCUMENT = Document(
    "guests/a",
    {
        "first": "Ann",
        "tags": ["x"],
        "home": {"city": "Oslo"},
        "size": {"width": 1, "parts": [1]},
        "friends": [Ref[Any]("guests/b")],
        "nick": "A",
        "more": {"list": [1]},
    },
    datetime(2026, 1, 1, tzinfo=UTC),
)


def tracked(*, is_shared: bool = True) -> tuple[Guest, FieldsRead]:
    fields = FieldsRead()
    return fields.object_of(template(Guest, DOCUMENT, is_shared=is_shared)), fields


def template(cls: type[DomainModel], document: Document, *, is_shared: bool) -> Template:
    found = template_of(cls, document)
    found.copies = is_shared
    return found


def names(fields: FieldsRead) -> set[str]:
    return set(fields.names().get("Guest", ()))


def missing(guest: Any) -> Any:
    return getattr(guest, "nothing", None)


PARTS: list[tuple[str, Callable[[Any], Any], set[str]]] = [
    ("nothing", lambda guest: type(guest), set()),
    ("its id", lambda guest: guest.doc_id, set()),
    ("its reference", lambda guest: guest.doc_ref, set()),
    ("a field", lambda guest: guest.first, {"first"}),
    ("a field by getattr", lambda guest: getattr(guest, "last"), {"last"}),  # noqa: B009
    ("a list", lambda guest: guest.tags, {"tags"}),
    ("an embedded model", lambda guest: guest.home.city, {"home"}),
    ("a dataclass", lambda guest: guest.size.parts, {"size"}),
    ("references", lambda guest: guest.friends[0].path, {"friends"}),
    ("a computed field", lambda guest: guest.full, {"first", "last"}),
    ("an undeclared field", lambda guest: guest.nick, {"nick"}),
    ("an undeclared map", lambda guest: guest.more, {"more"}),
    ("a missing field", missing, {"nothing"}),
    ("validation from attributes", lambda guest: Copy.model_validate(guest), {"first"}),
    ("whether it has a field", lambda guest: hasattr(guest, "nothing"), {"nothing"}),
]
WHOLES: list[tuple[str, Callable[[Any], Any]]] = [
    ("a dump", lambda guest: guest.model_dump()),
    ("JSON", lambda guest: guest.model_dump_json()),
    ("a dump within another", lambda guest: Outer(guests=[guest]).model_dump()),
    ("a dump of a list", lambda guest: TypeAdapter(list[Guest]).dump_python([guest])),
    ("its content", lambda guest: guest.doc_fields()),
    ("vars", lambda guest: dict(vars(guest))),
    ("repr", repr),
    ("str", str),
    ("iteration", list),
    ("a copy", copy.copy),
    ("a deep copy", copy.deepcopy),
    ("a changed copy", lambda guest: guest.model_copy(update={"last": "Ray"})),
    ("a pickle", lambda guest: pickle.loads(pickle.dumps(guest))),
    ("comparing", lambda guest: guest == Guest.from_document(DOCUMENT)),
    ("being compared", lambda guest: Guest.from_document(DOCUMENT) == guest),
    ("its undeclared fields", lambda guest: guest.model_extra),
    ("which fields were set", lambda guest: guest.model_fields_set),
    ("its version", lambda guest: guest.doc_update_time),
    ("a cached property", lambda guest: guest.costly),
]


class Copy(BaseModel, from_attributes=True, extra="allow"):
    first: str


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize(("use", "expected"), [p[1:] for p in PARTS], ids=[p[0] for p in PARTS])
def test_a_use_of_parts_is_the_same_and_counts_as_these_parts(
    use: Callable[[Any], Any], expected: set[str], is_shared: bool
) -> None:
    guest, fields = tracked(is_shared=is_shared)

    assert use(guest) == use(Guest.from_document(DOCUMENT))
    assert use(guest) == use(Guest.from_document(DOCUMENT)), "the second time"
    assert names(fields) == expected


@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("use", [w[1] for w in WHOLES], ids=[w[0] for w in WHOLES])
def test_a_use_of_the_whole_is_the_same_and_counts_as_everything(
    use: Callable[[Any], Any], is_shared: bool
) -> None:
    guest, fields = tracked(is_shared=is_shared)
    _ = guest.last, guest.tags

    assert use(guest) == use(Guest.from_document(DOCUMENT))
    assert names(fields) == {ALL}


def test_an_object_keeps_its_class_and_the_order_of_its_fields() -> None:
    guest, _ = tracked()
    _ = guest.home, guest.first

    assert type(guest) is Guest
    assert list(guest.model_dump()) == list(Guest.from_document(DOCUMENT).model_dump())


def test_what_a_build_changes_no_other_build_sees() -> None:
    shared = template(Guest, DOCUMENT, is_shared=True)
    first, second = (FieldsRead().object_of(shared) for _ in "12")
    assert first.home is not None
    assert first.size is not None

    first.tags.append("changed")
    first.home.city = "changed"
    first.size.parts.append(9)
    first.friends.clear()
    first.last = "changed"
    more: Any = first
    more.more["list"].append(2)

    assert first.tags == ["x", "changed"]
    assert more.more == {"list": [1, 2]}
    assert (first.home.city, first.last) == ("changed", "changed")
    assert second == Guest.from_document(DOCUMENT) == shared.object()
    assert first != shared.object()


def test_what_was_changed_is_in_a_later_dump() -> None:
    guest, _ = tracked()
    guest.tags.append("changed")

    assert guest.model_dump()["tags"] == ["x", "changed"]


def test_objects_of_which_the_same_fields_are_read_have_own_values() -> None:
    fields, shared = FieldsRead(), template(Guest, DOCUMENT, is_shared=True)
    guests = [fields.object_of(shared) for _ in range(3)]

    for guest in guests:
        assert (guest.first, guest.last, guest.tags) == ("Ann", "Lee", ["x"])
        guest.tags.append("its own")

    assert names(fields) == {"first", "last", "tags"}
    assert fields.paths("Guest") == {"guests/a"}


def test_an_error_of_a_property_is_its_own() -> None:
    guest, _ = tracked()

    with pytest.raises(AttributeError, match="of its own"):
        _ = guest.broken


def test_very_many_names_are_recorded_as_all() -> None:
    guest, fields = tracked()
    for number in range(MOST_NAMES + 1):
        getattr(guest, f"unknown{number}", None)

    assert names(fields) == {ALL}


class Base:
    colour: str = "none"


class Shadowing(Base, DomainModel, collection="a"):
    colour: str = "red"


class Private(DomainModel, collection="b"):
    colour: str = "red"
    _seen: list[str] = PrivateAttr(default_factory=list)


class Hooked(DomainModel, collection="c"):
    colour: str = "red"

    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


class Prepared(DomainModel, collection="d"):
    colour: str = "red"

    def model_post_init(self, context: Any, /) -> None:
        self.colour = self.colour.upper()


class Method(DomainModel, collection="e"):
    copy: str = "red"  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]


@pytest.mark.parametrize("cls", [Shadowing, Private, Hooked, Prepared, Method])
@pytest.mark.parametrize("is_shared", [True, False])
def test_a_class_whose_accesses_cannot_be_noted_counts_as_read_whole(
    cls: type[DomainModel], is_shared: bool
) -> None:
    document = Document(f"{cls.template()}/x", {"colour": "blue", "copy": "blue"}, None)
    fields, own = FieldsRead(), template(cls, document, is_shared=is_shared)
    made = fields.object_of(own)

    assert made == cls.from_document(document)
    assert (made is own.object()) is not is_shared
    assert fields.names() == {cls.__name__: {ALL}}


def test_two_classes_of_one_name_are_taken_together() -> None:
    def another() -> type[DomainModel]:
        class Guest(DomainModel, collection="others"):
            room: int = 1

        return Guest

    guest, fields = tracked()
    other: Any = fields.object_of(template_of(another(), Document("others/o", {}, None)))
    _ = guest.first, other.room

    assert fields.names() == {"Guest": {"first", "room"}}
    assert fields.paths("Guest") == {"guests/a", "others/o"}
