"""Fields may be named like methods of our base classes and of pydantic's, or are refused at import.

All public names of the bases are tried, with warnings as errors: what is accepted is accepted
without a word, required, read and stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from onto_fn import (
    DeclarationError,
    DomainModel,
    EmbeddedModel,
    Form,
    Patch,
    Store,
    ViewModel,
    root,
)
from onto_fn.errors import InvalidDocument, InvalidRequest
from onto_fn.firestore.documents import Document, Fields
from onto_fn.testing import build

pytestmark = pytest.mark.filterwarnings("error")

# Names that data often has, whether or not a base class has them in some version of pydantic.
USUAL = {
    "at",
    "content",
    "ref",
    "all",
    "where",
    "family",
    "template",
    "owns",
    "copy",
    "json",
    "dict",
}
USUAL |= {"schema", "validate", "construct", "fields", "values", "items", "keys", "get", "update"}
USUAL |= {"id", "mro", "register", "parse_obj", "model_year", "model_dump_id"}


def names_of(*bases: type[Any]) -> list[str]:
    """The public names of classes, of what makes them, and the usual ones."""
    found = {
        name for base in (*bases, BaseModel) for part in (base, type(base)) for name in dir(part)
    }
    return sorted(USUAL | {name for name in found if not name.startswith("_")} - {"doc_id"})


class Room(DomainModel, collection="rooms"):
    title: str = ""


class RoomStore(Store):
    room = root(Room)


def declared(base: type[Any], name: str, **keywords: Any) -> Any:
    """A class of a base with one required text field."""

    def submit(self: Any, request: Any) -> list[Any]:
        return []

    members: dict[str, Any] = {"__annotations__": {name: str}, "__module__": __name__}
    if base is Form and name != "submit":
        members["submit"] = submit
    return type(base)("Declared", (base,), members, **keywords)


def read(model: Any, fields: Fields) -> Any:
    return model.from_document(Document("declared/a", fields, None))


def domain_model(name: str) -> None:
    model = declared(DomainModel, name, collection="declared")
    stored = {to_camel(name): "x"}

    found = read(model, stored)

    assert getattr(found, name) == "x"
    assert stored.items() <= DomainModel.doc_fields(found).items()
    with pytest.raises(InvalidDocument, match="Field required"):
        read(model, {})


def embedded_model(name: str) -> None:
    inner = declared(EmbeddedModel, name)
    members = {"__annotations__": {"inner": inner}, "__module__": __name__}
    model = type(DomainModel)("Outer", (DomainModel,), members, collection="declared")
    stored = {"inner": {to_camel(name): "x"}}

    found = read(model, stored)

    assert getattr(found.inner, name) == "x"
    assert stored.items() <= found.doc_fields().items()
    with pytest.raises(InvalidDocument, match="Field required"):
        read(model, {"inner": {}})


def form(name: str) -> None:
    model = declared(Form, name, path="declared/{id}")

    assert getattr(model.parsed({to_camel(name): "x"}), name) == "x"
    with pytest.raises(InvalidRequest, match="Field required"):
        model.parsed({})


def patch(name: str) -> None:
    model = declared(Patch, name)

    assert getattr(model.parsed({to_camel(name): "x"}), name) == "x"


def view(name: str) -> None:
    def getter(self: Any) -> str:
        return "x"

    getter.__annotations__["return"] = str

    class Page(ViewModel[RoomStore], path="pages/{id}"):
        locals()[name] = property(getter)

    [fields] = build(Page, root="rooms/a", documents={"rooms/a": {}}).values()

    assert fields == {to_camel(name): "x"}
    assert getattr(read(Page.Document, fields), name) == "x"


CASES = [
    pytest.param(check, name, id=f"{check.__name__}-{name}")
    for check, bases in {
        domain_model: (DomainModel,),
        embedded_model: (EmbeddedModel,),
        form: (Form,),
        patch: (Patch,),
        view: (ViewModel, DomainModel),
    }.items()
    for name in names_of(*bases)
]


@pytest.mark.parametrize(("check", "name"), CASES)
def test_a_field_has_its_name_or_is_refused_with_a_remedy(
    check: Callable[[str], None], name: str
) -> None:
    problem = refusal(check, name)

    if problem:
        assert name not in USUAL
        assert f".{name}: " in problem
        assert "another name" in problem


def refusal(check: Callable[[str], None], name: str) -> str:
    """Why a name is refused at import, "" if it is not."""
    try:
        check(name)
    except DeclarationError as error:
        return str(error)
    return ""


def test_a_field_that_hides_what_an_application_has_declared_still_warns() -> None:
    class Shape(DomainModel, collection="shapes"):
        def area(self) -> float:
            return 1.0

    with pytest.warns(UserWarning, match='"area" in "Square" shadows'):
        type(Shape)("Square", (Shape,), {"__annotations__": {"area": float}, "area": 1.0})
