"""What an App takes: declared classes, and mediators where options are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from firebase_functions import firestore_fn, options
from firebase_functions.private.serving import functions_as_yaml
from pydantic import BaseModel

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    EmbeddedModel,
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
from onto_fn.firestore import Database
from onto_fn.messaging import TopicSink
from onto_fn.observability import Outcome, Result


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


class BaseForm(Form):
    title: str

    def submit(self, request: Request) -> list[Room]:
        return [Room(title=self.title)]


class RoomPatch(Patch[RoomPage], path="patches/{id}"):
    title: str


class BasePatch(Patch[RoomPage]):
    title: str


class Copies(Mediator):
    source = Room
    sink = DocumentSink("copies/{id}")

    def on_write(self, source: Room) -> Any:
        return self.sink.document({"title": source.title}, id=source.doc_id)


class Counted(Copies):
    def __init__(self, first: int) -> None:
        self.first = first


class Part(EmbeddedModel):
    title: str


class Plain(BaseModel):
    title: str


class Stranger:
    pass


def shape(app: App) -> Any:
    return yaml.safe_load(functions_as_yaml(app.functions()))


def test_a_declared_class_is_its_mediator_without_options() -> None:
    plain = App([RoomPage, RoomPatch, RoomForm, Copies])
    wrapped = App(
        [ViewMediator(RoomPage), PatchMediator(RoomPatch), FormMediator(RoomForm), Copies()]
    )

    assert [type(mediator) for mediator in plain.mediators] == [
        type(mediator) for mediator in wrapped.mediators
    ]
    assert shape(plain) == shape(wrapped)
    assert list(plain.engine.definitions) == ["RoomPage", "RoomPatch", "RoomForm", "Copies"]
    for name, definition in plain.engine.definitions.items():
        assert definition.fingerprint == wrapped.engine.definitions[name].fingerprint


def test_classes_and_mediators_with_options_go_together() -> None:
    app = App([ViewMediator(RoomPage, sends=[TopicSink("rooms")]), RoomForm])

    assert sorted(app.functions()) == [
        "on_forms_written",
        "on_onto_outbox_written",
        "on_rooms_written",
    ]


@pytest.mark.parametrize(
    ("declared", "remedy"),
    [
        (ViewModel, "derive a class from it"),
        (Form, "derive a class from it"),
        (Patch, "derive a class from it"),
        (Mediator, "derive a class from it"),
        (BaseForm, "BaseForm has no path; declare it with `path="),
        (BasePatch, "BasePatch has no path; declare it with `path="),
        (Room, "Room cannot be in an App by itself: .* pass the view models, forms"),
        (RoomPage.Document, "it is the class of a view's documents; pass the view"),
        (RoomStore, r"pass the view, a `ViewModel\[RoomStore\]`"),
        (Part, "it is part of other models"),
        (Plain, "it is part of other models"),
        (Stranger, r"declare it as one of them, such as `class Stranger\(ViewModel"),
        (Counted, r"it needs arguments \(.*first.*\): pass an instance, `Counted\(…\)`"),
        ("RoomPage", "takes view models, forms, patches and mediators, got 'RoomPage'"),
        (None, "takes view models, forms, patches and mediators, got None"),
    ],
)
def test_what_cannot_stand_alone_is_refused_with_the_remedy(declared: Any, remedy: str) -> None:
    with pytest.raises(DeclarationError, match=remedy):
        App([declared])


@pytest.mark.parametrize("twice", [[RoomPage, RoomPage], [ViewMediator(RoomPage), RoomPage]])
def test_a_class_that_is_given_twice_is_refused(twice: list[Any]) -> None:
    with pytest.raises(DeclarationError, match="RoomPage is in the App 2 times; pass it once"):
        App(twice)


@pytest.mark.parametrize("declared", [RoomPage, "RoomPage", None])
def test_an_app_takes_a_list(declared: Any) -> None:
    with pytest.raises(DeclarationError, match=r"an App takes a list, `App\(\["):
        App(declared)


def test_a_mediator_may_be_there_twice_under_two_names() -> None:
    class Named(Copies):
        name = "Other"
        sink = DocumentSink("others/{id}")

    App([Copies, Named])


# What operates an app


class Operated:
    """Stands for the engine, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def rebuild(self, database: Database, definition: str, path: str) -> Outcome:
        self.asked.append(("rebuild", database, definition, path))
        return Outcome(definition, path, Result.COMMITTED)

    def letters(self, database: Database, definition: str | None = None) -> Iterator[Any]:
        self.asked.append(("letters", database, definition))
        return iter(())

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.asked.append((name, *given))


def test_an_app_operates_on_its_own_database_or_on_another() -> None:
    app: Any = App([RoomPage])
    engine = app.engine = Operated()
    own: Any = object()
    other: Any = object()
    app.database = lambda: own

    app.rebuild(RoomPage, Room.ref("a"))
    app.rebuild("RoomPage", "rooms/a", other)
    app.replay("letter")
    app.letters()
    app.letters("RoomPage", other)
    app.reconcile(other)
    app.drop("OldPage")

    assert engine.asked == [
        ("rebuild", own, "RoomPage", "rooms/a"),
        ("rebuild", other, "RoomPage", "rooms/a"),
        ("replay", own, "letter"),
        ("letters", own, None),
        ("letters", other, "RoomPage"),
        ("reconcile", other),
        ("drop", own, "OldPage"),
    ]


# Options, beside those of firebase-functions

CONNECTED: dict[str, Any] = {
    "region": "europe-west1",
    "memory": 512,
    "timeout_sec": 60,
    "vpc_connector": "projects/p/locations/europe-west1/connectors/c",
    "ingress": "ALLOW_INTERNAL_ONLY",
}


@pytest.mark.parametrize(
    "given",
    [
        CONNECTED,
        {**CONNECTED, "vpc_connector_egress_settings": "ALL_TRAFFIC"},
        {
            "vpc_connector": "c",
            "vpc_connector_egress_settings": options.VpcEgressSetting.PRIVATE_RANGES_ONLY,
            "ingress": options.IngressSetting.ALLOW_INTERNAL_AND_GCLB,
        },
    ],
)
def test_options_are_in_the_manifest_as_firebase_functions_writes_them(
    given: dict[str, Any],
) -> None:
    theirs = {
        "ingress": options.IngressSetting(given["ingress"]),
        **(
            {
                "vpc_connector_egress_settings": options.VpcEgressSetting(
                    given["vpc_connector_egress_settings"]
                )
            }
            if "vpc_connector_egress_settings" in given
            else {}
        ),
    }

    @firestore_fn.on_document_written(document="rooms/{doc_id}", **{**given, **theirs})
    def on_rooms_written(event: Any) -> None: ...

    [wanted] = yaml.safe_load(functions_as_yaml({"on_rooms_written": on_rooms_written}))[
        "endpoints"
    ].values()
    [found] = shape(App([RoomPage], **given))["endpoints"].values()

    set_by_us = {name for name in found if name not in {"eventTrigger", "platform"}}
    assert {"vpc", "ingressSettings"} <= set_by_us
    if "vpc" in wanted:  # theirs resets what is not given; ours leaves it to the platform
        wanted["vpc"] = {key: value for key, value in wanted["vpc"].items() if value is not None}
    assert {name: found[name] for name in set_by_us} == {name: wanted[name] for name in set_by_us}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ingress": "internal"}, "ingress must be one of 'ALLOW_ALL', .*, got 'internal'"),
        (
            {"vpc_connector": "c", "vpc_connector_egress_settings": "ALL"},
            "vpc_connector_egress_settings must be one of 'PRIVATE_RANGES_ONLY', 'ALL_TRAFFIC'",
        ),
        ({"vpc_connector_egress_settings": "ALL_TRAFFIC"}, "name the connector, `vpc_connector=`"),
    ],
)
def test_a_setting_that_the_platform_does_not_have_is_refused(
    given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        App([RoomPage], **given)
