"""What an `Rpc` refuses when it is declared, and which methods there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    Form,
    Request,
    Store,
    ViewModel,
    mirror,
    root,
)
from onto_fn.access import owner, public
from onto_fn.api import Api, Live, Rest, Rpc, Streams, by
from onto_fn.api.rest.problem import STATUS
from onto_fn.api.rpc.offered import CODES, methods_of


class Part(DomainModel, collection="parts"):
    name: str


class PartStore(Store):
    part = root(Part)


class PartPage(ViewModel[PartStore], path="partPages/{part_id}", read=public()):
    name: str = mirror("part.name")


class Plain(ViewModel[PartStore], path="plain/{part_id}", read=public()):
    name: str = mirror("part.name")


class Called(ViewModel[PartStore], path="rpc/{part_id}", read=public()):
    name: str = mirror("part.name")


class Nested(ViewModel[PartStore], path="v1/rpc/{group}/{part_id}", read=public()):
    name: str = mirror("part.name")

    def targets(self) -> Iterable[dict[str, str]]:
        return []


class Ordered(ViewModel[PartStore], path="orders/{order}/parts/{part_id}", read=public()):
    name: str = mirror("part.name")

    def targets(self) -> Iterable[dict[str, str]]:
        return []


class After(ViewModel[PartStore], path="afters/{after}", read=public()):
    name: str = mirror("part.name")


class PartForm(Form, path="users/{user_id}/partForms/{id}", create=owner("user_id")):
    name: str

    def submit(self, request: Request) -> list[Part]:
        return []


MODELS: list[Any] = [PartPage, Plain, Called, Nested, Ordered, After, PartForm]
WRONG: dict[str, tuple[Any, str]] = {
    "the root": (lambda: Api(rpc=Rpc("/")), r"Rpc\('/'\)"),
    "a path with a slash at its end": (lambda: Api(rpc=Rpc("/rpc/")), "without a slash"),
    "a path without a slash": (lambda: Api(rpc=Rpc("rpc")), "without a slash"),
    "the address of a list": (
        lambda: Api(views=[Called], rpc=Rpc()),
        "the list of Called would be at '/rpc' as well",
    ),
    "an address that a variable could have": (
        lambda: Api(views=[PartPage], rpc=Rpc("/partPages/rpc")),
        "PartPage would be at '/partPages/rpc' as well",
    ),
    "the address of a request": (
        lambda: Api(requests=[PartForm], rpc=Rpc("/users/rpc/partForms/x")),
        "PartForm would be at",
    ),
    "an address under the prefix of REST": (
        lambda: Api(views=[Called], rest=Rest("/v1"), rpc=Rpc("/v1/rpc")),
        "the list of Called",
    ),
    "the OpenAPI document": (lambda: Api(rpc=Rpc("/openapi.json")), "the OpenAPI document"),
    "the documentation": (lambda: Api(rpc=Rpc("/docs")), "the documentation"),
    "the streams": (
        lambda: Api(views=[PartPage], streams=Streams(), rpc=Rpc("/stream")),
        "the streams",
    ),
    "a variable that is a parameter of lists": (
        lambda: Api(views=[Ordered], rpc=Rpc()),
        "the variable 'order'",
    ),
    "a variable that is a parameter of gets": (
        lambda: Api(views=[After], rpc=Rpc()),
        "the variable 'after'",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_refuses(what: str) -> None:
    make, message = WRONG[what]
    with pytest.raises(DeclarationError, match=message):
        App(MODELS, api=make())


def test_what_would_be_ambiguous_by_json_rpc_alone_is_fine_without_it() -> None:
    App(MODELS, api=Api(views=[Called, Nested, Ordered, After], requests=[PartForm]))
    App(MODELS, api=Api(views=[Called], rest=Rest("/v1"), rpc=Rpc()))
    App(MODELS, api=Api(views=[PartPage], rest=Rest(docs=False), rpc=Rpc("/docs")))


def test_views_and_requests_are_methods_with_places_for_their_arguments() -> None:
    app = App(
        MODELS,
        api=Api(
            views=[PartPage, Plain, Live(Ordered)],
            requests=[PartForm],
            rest=Rest(lists={PartPage: [by("name"), by(where=["name"])]}),
        ),
    )
    assert app.api is not None
    found = {m.name: (m.params, m.required) for m in methods_of(app.api.offers(app.mediators))}
    assert found == {
        "PartPage.get": (("part_id", "after"), ("part_id",)),
        "PartPage.list": (("limit", "cursor", "order", "where"), ()),
        "Plain.list": (("limit", "cursor"), ()),
        "Plain.get": (("part_id", "after"), ("part_id",)),
        "Ordered.get": (("order", "part_id", "after"), ("order", "part_id")),
        "PartForm": (("id", "fields", "params"), ("id", "fields")),
        "rpc.discover": ((), ()),
    }


def test_every_refusal_of_the_gate_has_a_code() -> None:
    assert CODES.keys() == STATUS.keys()
