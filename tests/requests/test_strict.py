"""What a form or patch takes: exactly what it declares, in Firestore's types."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, NaiveDatetime, create_model

from onto_fn import DomainModel, EmbeddedModel, Form, Patch, Ref, Request, Store, ViewModel, root
from onto_fn.access import owner, role
from onto_fn.errors import DeclarationError, InvalidRequest
from onto_fn.firestore import Reference


class Note(DomainModel, collection="notes"):
    text: str


class NoteStore(Store):
    note = root(Note)


class Page(ViewModel[NoteStore], path="users/{user_id}/pages/{note_id}"):
    @property
    def done(self) -> bool:
        return True

    @done.setter
    def done(self, value: bool) -> None: ...

    def targets(self) -> list[dict[str, str]]:
        return []


class PagePatch(
    Patch[Page], path="users/{user_id}/patches/{id}", target="note", create=owner("user_id")
):
    done: bool


class Size(Enum):
    SMALL = "s"


class Line(EmbeddedModel):
    number: int = 1


class NoteForm(Form, path="users/{user_id}/notes/{id}", create=owner("user_id")):
    done: bool | None = None
    number: int | None = None
    ratio: float | None = None
    text: str | None = None
    short: Annotated[str, Field(max_length=2)] | None = None
    at: datetime | None = None
    day: date | None = None
    lasts: timedelta | None = None
    price: Decimal | None = None
    key: UUID | None = None
    photo: bytes | None = None
    where: GeoPoint | None = None
    meaning: Vector | None = None
    note: Ref[Note] | None = None
    size: Size | None = None
    level: Literal[1, "high"] | None = None
    names: list[str] | None = None
    lines: list[Line] | None = None
    by_name: dict[str, float] | None = None
    pair: tuple[int, str] | None = None

    def submit(self, request: Request) -> list[Note]:
        return []


class SharedForm(NoteForm, path="shared/{user_id}/notes/{id}", create=owner("user_id") | role("a")):
    pass


def problems(fields: dict[str, Any], model: Any = NoteForm) -> list[str]:
    try:
        model.parsed(fields)
    except InvalidRequest as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("done", "yes"),
        ("done", 1),
        ("number", "1"),
        ("number", 1.0),
        ("number", True),
        ("ratio", "1.5"),
        ("text", 1),
        ("text", b"x"),
        ("text", "x" * 10_001),
        ("short", "abc"),
        ("at", "2026-01-02T00:00:00Z"),
        ("at", 0),
        ("day", 0),
        ("day", datetime(2026, 1, 2, tzinfo=UTC)),
        ("lasts", "PT1S"),
        ("price", 1.5),
        ("key", 1),
        ("photo", "text"),
        ("where", {"latitude": 1, "longitude": 2}),
        ("where", GeoPoint(90.5, 0)),
        ("where", GeoPoint(0, float("nan"))),
        ("meaning", [1.0]),
        ("note", 1),
        ("size", Size.SMALL),
        ("level", "1"),
        ("level", True),
        ("names", "Ada"),
        ("names", ["Ada", 1]),
        ("names", ["x"] * 1_001),
        ("lines", [{"number": "1"}]),
        ("lines", [{"more": 1}]),
        ("byName", {"a": "1"}),
        ("byName", dict.fromkeys(map(str, range(1_001)), 1)),
        ("pair", [1]),
        ("pair", ["1", "a"]),
    ],
)
def test_nothing_is_converted(name: str, value: Any) -> None:
    found = problems({name: value})

    assert found
    assert all(problem.startswith(name) for problem in found)


def test_an_integer_is_a_number_too() -> None:
    form = NoteForm.parsed({"ratio": 1, "lasts": 90, "byName": {"a": 2}})

    assert (form.ratio, form.lasts, form.by_name) == (1.0, timedelta(seconds=90), {"a": 2.0})


def test_what_is_not_declared_refuses_a_patch_too() -> None:
    assert problems({"note": "n", "done": True}, PagePatch) == []
    assert problems({"note": "n", "done": 1}, PagePatch) == [
        "done: Input should be a valid boolean"
    ]
    assert problems({"note": "n", "done": True, "admin": True}, PagePatch) == [
        "admin: Extra inputs are not permitted"
    ]
    assert problems({"done": True}, PagePatch) == ["note: Field required"]
    assert problems({"note": "n"}, PagePatch) == ["(document): sets none of done"]


@pytest.mark.parametrize("model", [NoteForm, PagePatch])
def test_the_id_of_a_request_has_at_most_128_characters(model: Any) -> None:
    assert model.request(f"users/ada/x/{'é' * 128}").doc_id == "é" * 128
    with pytest.raises(InvalidRequest, match="at most 128 characters"):
        model.request(f"users/ada/x/{'x' * 129}")


def test_the_user_is_known_where_only_the_owner_may_create_a_request_or_a_token_says_so() -> None:
    assert NoteForm.request("users/ada/notes/n").uid == "ada"
    assert SharedForm.request("shared/ada/notes/n").uid is None  # an administrator may be asking
    assert SharedForm.request("shared/ada/notes/n", "root").uid == "root"


MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("at", "2026-01-02T03:04:05Z", MOMENT),
        ("at", "2026-01-02T04:04:05+01:00", MOMENT),
        ("day", "2026-01-02", "2026-01-02"),
        ("photo", base64.b64encode(b"\0\xff").decode(), b"\0\xff"),
        ("where", {"latitude": 1, "longitude": 2.5}, GeoPoint(1, 2.5)),
        ("meaning", [1, 2.5], Vector([1.0, 2.5])),
        ("note", "notes/n", Reference("notes/n")),
        ("ratio", "Infinity", float("inf")),
        ("lines", [{"number": 2}, {}], [{"number": 2}, {}]),
        ("byName", {"a": "-Infinity"}, {"a": float("-inf")}),
    ],
)
def test_json_becomes_what_a_client_of_firestore_writes(name: str, sent: Any, stored: Any) -> None:
    fields: Any = NoteForm.written_shape().from_json({name: sent})

    assert fields == {name: stored}
    assert problems(fields) == []


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("at", "yesterday"),
        ("at", 5),
        ("photo", "no base64!"),
        ("where", {"latitude": "1", "longitude": 2}),
        ("where", {"latitude": 1}),
        ("meaning", ["1"]),
        ("note", "notes"),
        ("done", "true"),
        ("number", "Infinity"),
        ("more", [{"a": 1}]),
    ],
)
def test_json_that_is_of_another_type_stays_and_is_refused(name: str, sent: Any) -> None:
    fields: Any = NoteForm.written_shape().from_json({name: sent})

    assert fields == {name: sent} or name == "note"
    assert problems(fields) != []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


@given(fields=st.dictionaries(st.sampled_from(NoteForm.stored_names()), JSON))
def test_no_json_whatever_is_more_than_refused(fields: dict[str, Any]) -> None:
    check: Callable[[Any], Any] = NoteForm.written_shape().from_json

    problems(check(fields))


class Holiday(Enum):
    NEW_YEAR = date(2026, 1, 1)


class Code(str):
    pass


class Rank(Enum):
    FIRST = 1


class Base(Form):
    def submit(self, request: Request) -> list[Note]:
        return []


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Holiday, r"Asked\.field can be <Holiday.NEW_YEAR"),
        (Literal[Rank.FIRST], r"Asked\.field can be <Rank.FIRST: 1>"),
        (dict[Rank, int], r"Asked\.field is a map with keys of type Rank"),
        (Code, r"Asked\.field: Code is stored as a str"),
        (NaiveDatetime, r"Asked\.field accepts no time zone"),
        (Annotated[date, Field(strict=True)], r"Asked\.field is strict"),
    ],
    ids=str,
)
def test_a_field_that_would_refuse_every_request_is_refused_at_import(
    annotation: Any, message: str
) -> None:
    keywords = {"path": "users/{user_id}/asked/{id}", "create": owner("user_id")}
    with pytest.raises(DeclarationError, match=message):
        create_model("Asked", __base__=Base, __cls_kwargs__=keywords, field=(annotation, ...))
