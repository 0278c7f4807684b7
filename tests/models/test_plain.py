"""What is stored without asking pydantic is what pydantic would have stored."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    computed_field,
    create_model,
    field_serializer,
    model_validator,
)

from onto_fn import DomainModel, EmbeddedModel, Ref
from onto_fn.models import content
from onto_fn.models.content import embedded_content
from onto_fn.models.plain import NotPlain, content_writer, fields_writer
from onto_fn.views.view import ViewDocument


class Colour(Enum):
    RED = "red"


class Person(DomainModel, collection="people"):
    name: str


class Line(BaseModel):
    text: str
    size: int | None = None
    needed: float | None


class Wider(Line):
    more: str = "more"


class Address(EmbeddedModel):
    postal_code: str
    lines: list[Line] = Field(default_factory=list)
    owner: Ref[Person] | None = None


class Shape(EmbeddedModel, obj_type="Shape"):
    corners: int


class Square(Shape):
    side: float = 1.0


class Shouting(BaseModel):
    text: str

    @field_serializer("text")
    def _loud(self, text: str) -> str:
        return text.upper()


class Doubling(BaseModel):
    number: int

    @model_validator(mode="after")
    def _double(self) -> "Doubling":
        return self.model_copy(update={"number": 2 * self.number})


class Copied(BaseModel):
    model_config = ConfigDict(revalidate_instances="always")
    text: str


class Counted(BaseModel):
    items: list[int]

    @computed_field
    @property
    def count(self) -> int:
        return len(self.items)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    text: str


class Tree(BaseModel):
    name: str
    below: "list[Tree]" = []


class Hiding(BaseModel):
    shown: str
    hidden: str = Field("x", exclude=True)


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


TYPES: list[Any] = [
    *(str, int, float, bool, datetime, date, timedelta, UUID, Decimal, bytes, Any, Colour),
    *(str | None, float | None, int | str, Literal["a", 1]),
    *(list[str], list[float], list[Any], list[str | None], dict[str, int], dict[int, str]),
    *(tuple[int, ...], set[str], list[Line], list[Address], dict[str, Address], Line | None),
    *(Line, Address, Shape, Square, Shouting, Doubling, Copied, Counted, Open, Tree, Hiding),
    *(Person, list[Person], Ref[Person], Line | Address),
    Annotated[str, BeforeValidator(lower)],
    Annotated[str, PlainSerializer(str.upper, return_type=str)],
    Annotated[int, Field(ge=0)],
    Annotated[list[int], Field(max_length=1)],
]


class Text(str):
    """A text of a class of its own."""


def model_objects() -> st.SearchStrategy[Any]:
    texts, numbers = st.sampled_from(["a", "É", ""]), st.integers(-2, 2)
    needed = st.none() | st.floats(allow_nan=False)
    lines = st.builds(Line, text=texts, size=st.none() | numbers, needed=needed)
    wider = st.builds(Wider, text=texts, needed=needed)
    # As an application may make or change it, with values that are not valid.
    unchecked = st.builds(Line.model_construct, text=texts | numbers, needed=needed)
    addresses = st.builds(
        Address,
        postal_code=texts,
        lines=st.lists(lines | wider, max_size=2),
        owner=st.none() | st.just(Ref("people/a")),
    )
    return st.one_of(
        *(lines, wider, unchecked, addresses),
        st.builds(Shape, corners=numbers),
        st.builds(Square, corners=numbers),
        *(st.builds(model, text=texts) for model in (Shouting, Copied)),
        st.builds(Doubling, number=numbers),
        st.builds(Counted, items=st.lists(numbers, max_size=2)),
        st.builds(Open, text=texts, more=numbers),
        st.builds(lambda name: Tree(name=name, below=[Tree(name="b")]), texts),
        st.builds(Hiding, shown=texts),
        st.builds(lambda name: Person(doc_id="p", name=name), texts),
        st.builds(lambda name: Person(doc_id="p", name=name, extra=1), texts),
    )


def values() -> st.SearchStrategy[Any]:
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2),
        st.floats(),
        st.sampled_from(["a", "A", "1", "é", "\ud800", Text("a"), b"a", Colour.RED]),
        st.sampled_from([datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1)]),
        st.sampled_from([timedelta(1), UUID(int=1), Decimal("1.10"), Ref("people/a"), Ref("a/b")]),
    )
    one = scalars | model_objects()
    keys = st.sampled_from(["a", "b", 1, True, Text("a")])
    return st.one_of(
        one,
        st.lists(one, max_size=3),
        st.dictionaries(keys, one, max_size=2),
        st.tuples(one),
        st.frozensets(st.sampled_from(["a", "b"])),
    )


def slow(model: BaseModel) -> Any:
    return content._fields(model, content._dumped(model), None)  # pyright: ignore[reportPrivateUsage]


def document_of(kind: Any, default: Any = ...) -> type[ViewDocument]:
    return create_model(
        "V", __base__=ViewDocument, __cls_kwargs__={"collection": "vs"}, field_one=(kind, default)
    )


DOCUMENTS = [
    *(document_of(kind) for kind in TYPES),
    *(document_of(kind | None, None) for kind in TYPES if kind is not Any),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydantic warns of values that are not valid
@given(st.sampled_from(DOCUMENTS), values())
def test_a_view_field_is_stored_as_by_pydantic(document: type[ViewDocument], value: Any) -> None:
    write = fields_writer(document, without="doc_id")
    if write is None:
        return
    try:
        made = write({"field_one": value})
    except NotPlain:
        return
    expected = slow(document.model_validate({"doc_id": "x", "field_one": value}))
    del expected["doc_id"]
    assert repr(made) == repr(expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(model_objects())
def test_an_object_is_stored_as_pydantic_dumps_it(model: BaseModel) -> None:
    assert repr(embedded_content(model)) == repr(slow(model))


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (str, "é", "é"),
        (float, 1.5, 1.5),
        (bool, True, True),
        (int | None, 3, 3),
        (Literal["a", "b"], "a", "a"),
        (datetime, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
        (list[Line], [Line(text="a", needed=None)], [{"text": "a", "needed": None}]),
        (dict[str, Line], {"k": Line(text="a", needed=1)}, {"k": {"text": "a", "needed": 1.0}}),
        (Address, Address(postal_code="1"), {"postalCode": "1", "lines": []}),
        (Person, Person(doc_id="p", name="a"), {"doc_id": "p", "name": "a"}),
    ],
)
def test_common_fields_are_stored_without_pydantic(kind: Any, value: Any, stored: Any) -> None:
    """Else the tests above would say nothing."""
    write = fields_writer(document_of(kind), without="doc_id")
    assert write is not None
    assert write({"field_one": value}) == {"fieldOne": stored}


def test_a_literal_is_of_its_own_type() -> None:
    write = fields_writer(document_of(Literal["a", 1]), without="doc_id")
    assert write is not None
    with pytest.raises(NotPlain):  # True equals 1, and pydantic refuses it
        write({"field_one": True})


@pytest.mark.parametrize("model", [Line, Address, Person, Open])
def test_common_objects_are_stored_without_pydantic(model: type[BaseModel]) -> None:
    assert content_writer(model) is not None


@pytest.mark.parametrize("model", [Shouting, Counted, Tree, Hiding])
def test_what_a_class_decides_itself_is_left_to_pydantic(model: type[BaseModel]) -> None:
    assert content_writer(model) is None


@pytest.mark.parametrize("kind", [Doubling, Copied, Annotated[str, BeforeValidator(lower)]])
def test_what_validation_changes_is_left_to_pydantic(kind: Any) -> None:
    assert fields_writer(document_of(kind), without="doc_id") is None


def test_a_changed_object_is_stored_as_it_is_now() -> None:
    line = Line(text="a", needed=None)
    assert embedded_content(line) == {"text": "a", "needed": None}
    line.text = "b"
    assert embedded_content(line) == {"text": "b", "needed": None}
