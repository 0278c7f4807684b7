"""Names that onto_fn needs itself are refused at import, by the class that gives them away."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pytest
from pydantic import Field

from onto_fn import (
    DeclarationError,
    DocumentSink,
    DomainModel,
    Form,
    Mediator,
    Patch,
    Store,
    ViewModel,
    owner,
    root,
)
from onto_fn import query as matching


class Room(DomainModel, collection="rooms"):
    title: str = ""


class RoomStore(Store):
    room = root(Room)


STORE_NAMES = ["root", "reads", "models", "source_collections", "aggregates", "shapes"]
STORE_NAMES += ["loaded", "put", "_values"]


@pytest.mark.parametrize("name", STORE_NAMES)
def test_a_store_keeps_the_names_of_its_methods(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"Rooms.{name}: Store keeps the name '{name}'"):
        type("Rooms", (Store,), {name: root(Room)})
    with pytest.raises(DeclarationError, match=f"keeps the name '{name}'"):
        type("Rooms", (RoomStore,), {name: matching(Room)})


def test_a_store_may_have_helpers_and_reads_of_any_other_name() -> None:
    class Rooms(Store):
        model = root(Room)
        store = matching(Room)
        read = matching(Room)

        @property
        def name(self) -> str:
            return self.model.title

    assert set(Rooms.reads()) == {"model", "store", "read"}


def getter(self: Any) -> str:
    return "x"


getter.__annotations__["return"] = str


@pytest.mark.parametrize("kind", [property, cached_property])
@pytest.mark.parametrize("name", ["store", "targets", "propagate", "definition", "Document"])
@pytest.mark.parametrize("where", ["view", "mixin"])
def test_a_view_keeps_the_names_that_it_is_built_with(name: str, kind: Any, where: str) -> None:
    members: dict[str, Any] = {name: kind(getter), "title": property(getter)}
    mixin = type("Mixin", (), members if where == "mixin" else {})

    with pytest.raises(DeclarationError, match=rf"Page\.{name}.*{name}"):

        class Page(mixin, ViewModel[RoomStore], path="pages/{id}"):  # type: ignore[misc]
            if where == "view":
                locals().update(members)

            @property
            def title(self) -> str:
                return ""


def test_a_view_keeps_its_own_helpers_names() -> None:
    for name in ("_build", "_forget", "_type_fields", "_origin"):
        with pytest.raises(DeclarationError, match=name):

            class Page(ViewModel[RoomStore], path="pages/{id}"):
                locals()[name] = property(getter)


def test_an_async_targets_is_refused() -> None:
    with pytest.raises(DeclarationError, match="must be a plain"):

        class Page(ViewModel[RoomStore], path="pages/{id}"):
            @property
            def title(self) -> str:
                return ""

            async def targets(self) -> Any:
                return []


def test_a_view_may_override_methods_and_inherit_a_view() -> None:
    class Page(ViewModel[RoomStore], path="pages/{id}"):
        @property
        def title(self) -> str:
            return ""

        @classmethod
        def definition(cls) -> Any:
            return super().definition()

    class Larger(Page, path="larger/{id}"):
        @property
        def size(self) -> int:
            return 1

    assert Larger.definition().name == "Larger"


FORM_NAMES = ["store", "submit", "request", "parsed", "is_declared", "store_type"]
MODEL_NAMES = ["model_fields", "model_dump", "model_validate", "model_fields_set", "model_extra"]


@pytest.mark.parametrize("name", FORM_NAMES + MODEL_NAMES)
@pytest.mark.parametrize("has_default", [True, False])
def test_a_form_keeps_the_names_that_it_is_read_with(name: str, has_default: bool) -> None:
    members: dict[str, Any] = {"__annotations__": {name: str}, "__module__": __name__}
    if has_default:
        members[name] = Field(default="")
    with pytest.raises(DeclarationError, match=rf"Ask\.{name}: .* keeps the name '{name}'"):
        type(Form)("Ask", (Form,), members, path="asks/{id}")


@pytest.mark.parametrize("name", FORM_NAMES[2:-1] + MODEL_NAMES)
def test_a_patch_keeps_the_names_that_it_is_read_with(name: str) -> None:
    members: dict[str, Any] = {"__annotations__": {name: str}, "__module__": __name__}
    with pytest.raises(DeclarationError, match=rf"Change\.{name}: .* keeps the name '{name}'"):
        type(Patch)("Change", (Patch,), members)


def test_a_form_may_name_any_other_field_and_store_it_under_a_kept_name() -> None:
    class Ask(Form, path="users/{user_id}/asks/{id}", create=owner("user_id")):
        request_: str = Field(alias="request")
        copy_of: str = ""
        model_year: int = 0

        def submit(self, request: Any) -> list[Room]:
            return [Room(title=self.request_)]

    assert Ask.parsed({"request": "a"}).submit(None)[0].title == "a"


@pytest.mark.parametrize("name", ["definition", "_run"])
def test_a_mediator_keeps_the_names_of_its_methods(name: str) -> None:
    members = {
        "source": Room,
        "sink": DocumentSink("copies/{id}"),
        "on_write": lambda self, source: None,
        name: "x",
    }
    with pytest.raises(DeclarationError, match=f"Copies.{name}: Mediator keeps the name '{name}'"):
        type("Copies", (Mediator,), members)


def test_a_mediator_hook_that_is_no_method_is_refused() -> None:
    with pytest.raises(DeclarationError, match="on_create"):

        class Copies(Mediator):
            source = Room
            sink = DocumentSink("copies/{id}")
            on_create = "x"  # type: ignore[assignment]
