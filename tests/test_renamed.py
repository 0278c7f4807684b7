"""Old names of arguments, fields and methods: they work for one version, and say the new one."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from onto_fn import (
    App,
    DocumentSink,
    DomainModel,
    Form,
    FormMediator,
    Mediator,
    Patch,
    PatchMediator,
    Request,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.errors import DeclarationError, NotWritable
from onto_fn.views import TaskDone


class Room(DomainModel, collection="rooms"):
    title: str = ""


class RoomStore(Store):
    room = root(Room)


class RoomPage(ViewModel[RoomStore], path="pages/{id}"):
    @property
    def title(self) -> str:
        return self.store.room.title

    @title.setter
    def title(self, value: str) -> None:
        self.store.room.title = value


class RoomForm(Form, path="forms/{id}"):
    title: str

    def submit(self, request: Request) -> list[Room]:
        return [Room(title=self.title)]


class RoomPatch(Patch[RoomPage], path="patches/{id}"):
    title: str


def warning(old: str, new: str) -> Any:
    return pytest.warns(DeprecationWarning, match=f"{old} is deprecated: use {new}")


def test_timeout_of_an_app_is_timeout_sec() -> None:
    arguments: dict[str, Any] = {"timeout": 90}
    with warning(r"App\(timeout=…\)", "`timeout_sec=`") as told:
        app = App([RoomPage], **arguments)

    assert app.options.timeout_sec == 90
    assert told[0].filename == __file__


def test_mediators_of_an_app_are_what_is_declared() -> None:
    arguments: dict[str, Any] = {"mediators": [ViewMediator(RoomPage)]}
    with warning(r"App\(mediators=…\)", "`declared=`"):
        assert len(App(**arguments).mediators) == 1


def test_an_old_name_beside_the_new_one_is_an_error() -> None:
    arguments: dict[str, Any] = {"timeout": 90, "timeout_sec": 60}
    with pytest.raises(TypeError, match="the old name of 'timeout_sec'"):
        App([RoomPage], **arguments)


@pytest.mark.parametrize(
    ("done", "mark"), [(TaskDone.set_field("seen"), "seen"), (TaskDone.delete(), None)]
)
def test_done_of_a_request_is_its_mark(done: TaskDone, mark: str | None) -> None:
    arguments: dict[str, Any] = {"done": done}
    with warning(r"FormMediator\(done=…\)", "`mark=`"):
        form = FormMediator(RoomForm, **arguments)
    with warning(r"PatchMediator\(done=…\)", "`mark=`"):
        patch = PatchMediator(RoomPatch, **arguments)

    assert form.definition().done.field == patch.definition().done.field == mark
    assert FormMediator(RoomForm, mark=mark).definition().done == form.definition().done


@pytest.mark.parametrize(
    ("done", "mark", "new"),
    [
        (TaskDone.set_field("seen"), "seen", "`mark = 'seen'`"),
        (TaskDone.delete(), None, "no `mark`"),
    ],
)
def test_done_of_a_task_is_its_mark(done: TaskDone, mark: str | None, new: str) -> None:
    members = {
        "source": Room,
        "sink": DocumentSink("seen/{id}"),
        "mode": "task",
        "on_create": lambda self, source: None,
        "done": done,
    }
    with warning(r"Seen\.done = TaskDone…", new):
        task: Any = type("Seen", (Mediator,), members)

    assert task().definition().done.field == task.mark == mark


def test_propagate_of_a_view_is_save() -> None:
    page: Any = RoomPage(RoomStore())
    with warning(r"RoomPage\.propagate", "`save`"), pytest.raises(NotWritable, match="not loaded"):
        page.propagate()


def test_to_fields_of_a_model_is_doc_fields() -> None:
    room: Any = Room(doc_id="a", title="A")
    with warning(r"Room\.to_fields", "`doc_fields`"):
        assert room.to_fields() == room.doc_fields()


def test_a_mark_is_the_name_of_a_field() -> None:
    arguments: dict[str, Any] = {"mark": 7}
    with pytest.raises(DeclarationError, match="RoomForm: mark is the name of a field, or None"):
        FormMediator(RoomForm, **arguments)


@pytest.mark.parametrize(
    ("module", "name", "place"),
    [
        ("onto_fn.instrumentation.otel", "OpenTelemetry", "onto_fn.observability"),
        ("onto_fn.functions.logs", "CloudHandler", "onto_fn.observability"),
    ],
)
def test_a_module_that_has_moved_gives_its_names_and_says_where_they_are(
    module: str, name: str, place: str
) -> None:
    sys.modules.pop(module, None)

    with pytest.warns(DeprecationWarning, match=place):
        before = importlib.import_module(module)

    assert getattr(before, name) is getattr(importlib.import_module(place), name)
