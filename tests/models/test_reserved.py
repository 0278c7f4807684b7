"""Names that onto_fn needs itself are refused at import, by the class that gives them away."""

from __future__ import annotations

from functools import cached_property
from types import new_class
from typing import Any

import pytest
from pydantic import Field

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    Form,
    Mediator,
    Patch,
    Store,
    ViewModel,
    mirror,
    one,
    root,
)
from onto_fn import query as matching
from onto_fn.access import owner
from onto_fn.errors import InvalidRequest
from onto_fn.generate.rules import rules_text
from onto_fn.generate.typescript import typescript
from onto_fn.testing import build, edit
from onto_fn.testing import submit as submitted


class Room(DomainModel, collection="rooms"):
    title: str = ""


class RoomStore(Store):
    room = root(Room)


FREE_IN_A_STORE = ["root", "reads", "models", "source_collections", "aggregates", "shapes"]
STORE_NAMES = ["loaded", "put"]


@pytest.mark.parametrize("name", STORE_NAMES)
def test_a_store_keeps_the_names_of_its_methods(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"Rooms.{name}: Store reserves the name '{name}'"):
        type("Rooms", (Store,), {name: root(Room)})
    with pytest.raises(DeclarationError, match=f"reserves the name '{name}'"):
        type("Rooms", (RoomStore,), {name: matching(Room)})


@pytest.mark.parametrize("name", FREE_IN_A_STORE)
def test_a_read_may_be_named_like_what_the_class_of_a_store_can_say(name: str) -> None:
    members = {"room": root(Room), name: matching(Room)} if name != "root" else {name: root(Room)}
    rooms: Any = type("Rooms", (Store,), members)
    later: Any = type("Later", (rooms,), {"others": one(Room, lambda store: getattr(store, name))})

    class Page(ViewModel[rooms], path="pages/{id}"):
        @property
        def shown(self) -> str:
            found = getattr(self.store, name)
            return found.title if name == "root" else ",".join(each.title for each in found)

    assert list(rooms.reads()) == list(members)
    assert list(later.reads()) == [*members, "others"]
    assert rooms.root().name == next(iter(members))
    assert rooms.models() == {Room}
    assert rooms.aggregates() == []
    assert len(rooms.shapes()) == len(members) - 1
    assert build(Page, "a", [Room(doc_id="a", title="A")]) == {"pages/a": {"shown": "A"}}


@pytest.mark.parametrize("name", FREE_IN_A_STORE)
def test_what_is_no_read_cannot_hide_what_the_class_of_a_store_can_say(name: str) -> None:
    mixin = type("Mixin", (), {name: property(lambda self: 1)})
    with pytest.raises(DeclarationError, match=f"reserves the name '{name}'"):
        type("Rooms", (Store,), {"room": root(Room), name: property(lambda self: 1)})
    with pytest.raises(DeclarationError, match=f"reserves the name '{name}'"):
        type("Rooms", (mixin, Store), {"room": root(Room)})


def test_a_store_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError, match="RoomStore has no read 'nonsense'"):
        _ = RoomStore().nonsense  # type: ignore[attr-defined]


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
@pytest.mark.parametrize("name", ["store", "targets", "save", "Document"])
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

        def targets(self) -> Any:
            return super().targets()

    class Larger(Page, path="larger/{id}"):
        @property
        def size(self) -> int:
            return 1

    assert Larger.definition().name == "Larger"


NAMES_OF_FIELDS = ["content", "ref", "where", "all", "at", "family", "template", "owns", "name"]
NAMES_OF_FIELDS += ["definition", "parsed", "request", "is_declared", "store_type", "stored_names"]
NAMES_OF_FIELDS += ["written_shape", "path", "type"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", NAMES_OF_FIELDS)
def test_models_views_patches_and_forms_may_have_a_field_of_any_other_name(name: str) -> None:
    annotations = {"__annotations__": {name: str}, "__module__": __name__}
    model: Any = type(DomainModel)("Item", (DomainModel,), dict(annotations), collection="items")
    store: Any = type("ItemStore", (Store,), {"item": root(model)})
    fields = {"__annotations__": {name: str}, name: mirror(f"item.{name}", setter=True)}
    view: Any = new_class(
        "Page", (ViewModel[store],), {"path": "pages/{id}"}, lambda body: body.update(fields)
    )
    patch: Any = new_class(
        "Change", (Patch[view],), {"path": "changes/{id}"}, lambda body: body.update(annotations)
    )
    submit = {"submit": lambda self, request: [model(doc_id="b", **{name: getattr(self, name)})]}
    form: Any = new_class(
        "Ask", (Form,), {"path": "asks/{id}"}, lambda body: body.update(annotations | submit)
    )
    later: Any = new_class("Later", (form,), {"path": "later/{id}"}, lambda body: None)
    item = model(doc_id="a", **{name: "x"})
    stored = next(iter(set(item.doc_fields()) - {"doc_id", "doc_ref", "obj_type"}))

    app = App([view, patch, form, later])

    assert build(view, "a", [item]) == {"pages/a": {stored: "x"}}
    assert edit(view, "a", {name: "y"}, [item])["items/a"][stored] == "y"
    for request in (form, later):
        made = submitted(request, {stored: "z"})
        assert made["items/b"][stored] == "z"
        with pytest.raises(InvalidRequest, match=stored):
            request.parsed({})
    assert type(patch).parsed(patch, {stored: "y"}).model_fields_set == {name}
    assert "changes/" in rules_text(app)
    assert "interface Change" in typescript(app)


FORM_NAMES = ["store", "submit"]
MODEL_NAMES = ["model_fields", "model_dump", "model_validate", "model_fields_set", "model_extra"]


@pytest.mark.parametrize("name", FORM_NAMES + MODEL_NAMES)
@pytest.mark.parametrize("has_default", [True, False])
def test_a_form_keeps_the_names_that_it_is_read_with(name: str, has_default: bool) -> None:
    members: dict[str, Any] = {"__annotations__": {name: str}, "__module__": __name__}
    if has_default:
        members[name] = Field(default="")
    with pytest.raises(DeclarationError, match=rf"Ask\.{name}: .* reserves the name '{name}'"):
        type(Form)("Ask", (Form,), members, path="asks/{id}")


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_patch_keeps_the_names_that_it_is_read_with(name: str) -> None:
    members: dict[str, Any] = {"__annotations__": {name: str}, "__module__": __name__}
    with pytest.raises(DeclarationError, match=rf"Change\.{name}: .* reserves the name '{name}'"):
        type(Patch)("Change", (Patch,), members)


def test_a_form_may_name_any_other_field_and_store_it_under_a_kept_name() -> None:
    class Ask(Form, path="users/{user_id}/asks/{id}", create=owner("user_id")):
        store_: str = Field(alias="store")
        copy_of: str = ""
        model_year: int = 0

        def submit(self, request: Any) -> list[Room]:
            return [Room(title=self.store_)]

    assert Ask.parsed({"store": "a"}).submit(None)[0].title == "a"


@pytest.mark.parametrize("name", ["definition", "_run"])
def test_a_mediator_keeps_the_names_of_its_methods(name: str) -> None:
    members = {
        "source": Room,
        "sink": DocumentSink("copies/{id}"),
        "on_write": lambda self, source: None,
        name: "x",
    }
    with pytest.raises(
        DeclarationError, match=f"Copies.{name}: Mediator reserves the name '{name}'"
    ):
        type("Copies", (Mediator,), members)


def test_a_mediator_hook_that_is_no_method_is_refused() -> None:
    with pytest.raises(DeclarationError, match="on_create"):

        class Copies(Mediator):
            source = Room
            sink = DocumentSink("copies/{id}")
            on_create = "x"  # type: ignore[assignment]
