"""What an `Api` refuses when it is declared, and what a deployment sees of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    Form,
    FormMediator,
    Store,
    ViewModel,
    mirror,
    root,
)
from onto_fn.access import members, owner, public
from onto_fn.api import Api, Live, Rest, Streams, by


class Thing(DomainModel, collection="things"):
    name: str


class Other(DomainModel, collection="others"):
    name: str


class ThingStore(Store):
    thing = root(Thing)


class ThingPage(ViewModel[ThingStore], path="thingPages/{thing_id}", read=public()):
    @property
    def name(self) -> str:
        return self.store.thing.name

    @property
    def anything(self) -> dict[str, str]:
        return {}


class Closed(ViewModel[ThingStore], path="closed/{thing_id}"):
    @property
    def name(self) -> str:
        return self.store.thing.name


class Fixed(ViewModel[ThingStore], path="users/{user_id}/of/{thing_id}/pages/page", read=public()):
    @property
    def name(self) -> str:
        return self.store.thing.name

    def targets(self) -> Iterable[dict[str, str]]:
        return [{"user_id": "u", "thing_id": self.store.thing.doc_id}]


class Docs(ViewModel[ThingStore], path="docs/{thing_id}", read=public()):
    @property
    def name(self) -> str:
        return self.store.thing.name


class Same(ViewModel[ThingStore], path="thingPages/{other_id}", read=public()):
    @property
    def name(self) -> str:
        return self.store.thing.name


class ThingForm(Form, path="users/{user_id}/thingForms/{id}", create=owner("user_id")):
    name: str

    def submit(self, request: Any) -> list[Thing]:
        return []


class ClosedForm(Form, path="closedForms/{id}"):
    name: str

    def submit(self, request: Any) -> list[Thing]:
        return []


WRONG: dict[str, tuple[Any, str]] = {
    "a view that nothing keeps up to date": (lambda: Api(views=[Docs]), "Docs is not in the app"),
    "a view that nobody may read": (lambda: Api(views=[Closed]), "Closed has no read="),
    "what is no view": (lambda: Api(views=[Thing]), "takes view models"),
    "a live view whose root is not known": (lambda: Api(views=[Live(Fixed)]), "roots="),
    "a root that is no variable": (
        lambda: Api(views=[Live(Fixed)], roots={Fixed: "thing"}),
        "no such variable",
    ),
    "a list of a view that is not offered": (
        lambda: Api(rest=Rest(lists={ThingPage: [by("name")]})),
        "not among its views",
    ),
    "a list of a live view": (
        lambda: Api(views=[Live(ThingPage)], rest=Rest(lists={ThingPage: [by("name")]})),
        "cannot be listed",
    ),
    "an order by no field": (
        lambda: Api(views=[ThingPage], rest=Rest(lists={ThingPage: [by("rank")]})),
        "no field 'rank'",
    ),
    "a condition that no text can be": (
        lambda: Api(views=[ThingPage], rest=Rest(lists={ThingPage: [by(where=["anything"])]})),
        "ThingPage.anything has no single type",
    ),
    "a request that is not carried out": (lambda: Api(requests=[Same]), "takes forms and patches"),
    "a request that nobody may send": (lambda: Api(requests=[ClosedForm]), "no create="),
    "two views at one address": (lambda: Api(views=[ThingPage, Live(Same)]), "both be at"),
    "an origin with a path": (lambda: Api(origins=["https://app.example/"]), "origin"),
    "an origin that is no list": (lambda: Api(origins="*"), "list of origins"),
    "a request of more than an hour": (lambda: Api(timeout_sec=3601), "3600 seconds"),
    "a path with a slash at its end": (lambda: Api(rest=Rest("/v1/")), "without a slash"),
    "a wait of minutes": (lambda: Api(rest=Rest(max_wait_sec=61)), "60 seconds"),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_refuses(what: str) -> None:
    make, message = WRONG[what]
    with pytest.raises(DeclarationError, match=message):
        App([ThingPage, Closed, Fixed, ThingForm, ClosedForm], api=make())


def test_a_list_that_is_narrowed_for_members_takes_no_condition_on_another_list() -> None:
    class Team(ViewModel[ThingStore], path="teamPages/{thing_id}", read=members("who")):
        @property
        def who(self) -> list[str]:
            return []

        @property
        def tags(self) -> list[str]:
            return []

    with pytest.raises(DeclarationError, match="members are found by another one, who"):
        App([Team], api=Api(views=[Team], rest=Rest(lists={Team: [by(where=["tags"])]})))


def test_no_path_opens_documents_of_something_else() -> None:
    class Anything(ThingPage, path="{thing_id}/a/b/{other}", read=public()):
        def targets(self) -> Iterable[dict[str, str]]:
            return []

    class AtThings(Form, path="thingPages/{id}", create=public()):
        def submit(self, request: object) -> list[Other]:
            return []

    with pytest.raises(DeclarationError, match="would open collections of onto_fn"):
        App([Anything], api=Api(views=[Anything]))
    for api in (Api(views=[ThingPage]), Api(requests=[AtThings])):
        with pytest.raises(DeclarationError, match="ThingPage and AtThings are both at"):
            App([ThingPage, AtThings], api=api)
    App([Fixed, ThingPage, AtThings], api=Api(views=[Fixed]))  # which has neither


def test_the_list_of_a_view_may_not_hide_the_documentation() -> None:
    with pytest.raises(DeclarationError, match=r"Rest\(docs=False\)"):
        App([Docs], api=Api(views=[Docs]))
    App([Docs], api=Api(views=[Docs], rest=Rest(docs=False)))


def test_the_list_of_a_view_may_not_hide_where_documents_are_watched() -> None:
    class Streamed(ViewModel[ThingStore], path="stream/{thing_id}", read=public()):
        name: str = mirror("thing.name")

    with pytest.raises(DeclarationError, match="the list of Streamed would be at 'stream'"):
        App([Streamed], api=Api(views=[Streamed], streams=Streams()))
    App([Streamed], api=Api(views=[Streamed]))


def test_a_request_whose_mark_is_nowhere_could_be_carried_out_twice() -> None:
    with pytest.raises(DeclarationError, match="use `mark="):
        App([FormMediator(ThingForm, mark=None)], api=Api(requests=[ThingForm]))


def test_it_becomes_one_more_function_with_its_own_limits() -> None:
    api = Api(views=[ThingPage], timeout_sec=900, memory=1024)
    app = App([ThingPage], region="europe-west1", memory=256, timeout_sec=120, api=api)

    functions = app.functions()

    endpoint: Any = functions["onto_api"].__dict__["__firebase_endpoint__"]
    assert endpoint.httpsTrigger == {}
    assert (endpoint.timeoutSeconds, endpoint.availableMemoryMb) == (900, 1024)
    assert endpoint.region == ["europe-west1"]
    event: Any = functions["on_things_written"].__dict__["__firebase_endpoint__"]
    assert (event.timeoutSeconds, event.availableMemoryMb) == (120, 256)


def test_an_app_without_an_api_serves_none() -> None:
    app = App([ThingPage])
    assert "onto_api" not in app.functions()
    with pytest.raises(DeclarationError, match="has no API"):
        app.asgi()
