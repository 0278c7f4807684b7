"""The schema of what an Api offers, and what has no form in GraphQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from graphql import GraphQLObjectType, GraphQLUnionType
from pydantic import Field

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    EmbeddedModel,
    Form,
    Patch,
    Ref,
    Store,
    ViewModel,
    mirror,
    root,
)
from onto_fn.access import owner, public, signed_in
from onto_fn.api import Api, GraphQL, Live, Rest, Streams, by, declared
from onto_fn.api.graphql.names import field_of, plural_of
from onto_fn.api.graphql.schema import schema_of
from onto_fn.functions import on_api


class Level(Enum):
    LOW = "low"
    HIGH = "high"


class Shape(EmbeddedModel):
    name: str


class Circle(Shape):
    radius: float


class Node(EmbeddedModel):
    value: int
    children: list[Node] = Field(default_factory=list)


class City(DomainModel, collection="graphCities"):
    name: str = ""
    level: Level = Level.LOW


class CityStore(Store):
    city = root(City)


class CityPage(ViewModel[CityStore], path="cityPages/{city_id}", read=public()):
    name: str = mirror("city.name", setter=True)
    level: Level = mirror("city.level", setter=True)

    @property
    def state(self) -> Literal["in-session", "closed"]:
        return "closed"

    @property
    def kind(self) -> Literal["town", "village"] | None:
        return None

    @property
    def small(self) -> Annotated[int, Field(ge=0, lt=10)]:
        return 0

    @property
    def large(self) -> Annotated[int, Field(ge=0)]:
        return 0

    @property
    def at(self) -> datetime | None:
        return None

    @property
    def data(self) -> bytes:
        return b""

    @property
    def place(self) -> GeoPoint | None:
        return None

    @property
    def vector(self) -> Vector:
        return Vector([1.0])

    @property
    def other(self) -> Ref[City]:
        return City.ref("a")

    @property
    def shapes(self) -> list[Shape]:
        return []

    @property
    def tree(self) -> Node:
        return Node(value=1)

    @property
    def counts(self) -> dict[str, int]:
        return {}

    @property
    def anything(self) -> Any:
        return None

    @property
    def pair(self) -> tuple[str, str | None]:
        return "", None

    @property
    def mixed(self) -> tuple[str, int]:
        return "", 1


class CityPatch(Patch[CityPage], path="cityPages/{city_id}/patches/{patch}", create=signed_in()):
    name: str
    level: Level


class CityForm(Form, path="users/{user_id}/cityForms/{form}", create=owner("user_id")):
    name: str
    tags: list[str] = Field(default_factory=list)
    place: GeoPoint | None = None
    at: datetime | None = None
    count: Annotated[int, Field(ge=1, le=9)] = 1
    total: int = 0
    shape: Node | None = None
    extra: dict[str, int] = Field(default_factory=dict)

    def submit(self, request: Any) -> list[City]:
        return []


class Empty(Form, path="users/{user_id}/empties/{form}", create=owner("user_id")):
    def submit(self, request: Any) -> list[City]:
        return []


def schema(*declared: Any, streams: bool = False, **more: Any) -> Any:
    views = [one for one in declared if not issubclass(one, Form | Patch)]
    requests = [one for one in declared if issubclass(one, Form | Patch)]
    api = Api(views=views, requests=requests, **more)
    return schema_of(api.offers(App(list(declared)).mediators), streams=streams)


def types_of(kind: Any) -> dict[str, str]:
    return {name: str(field.type) for name, field in kind.fields.items()}


def test_fields_have_the_types_of_what_is_stored() -> None:
    made = schema(CityPage)
    assert types_of(made.type_map["CityPage"]) == {
        "name": "String!",
        "level": "Level!",
        "state": "String!",
        "kind": "CityPageKind",
        "small": "Int!",
        "large": "SafeInt!",
        "at": "DateTime",
        "data": "Bytes!",
        "place": "GeoPoint",
        "vector": "[Float!]!",
        "other": "String!",
        "shapes": "[AnyShape!]!",
        "tree": "Node!",
        "counts": "JSON!",
        "anything": "JSON",
        "pair": "[String]!",
        "mixed": "[JSON!]!",
    }
    assert types_of(made.type_map["Node"]) == {"value": "SafeInt!", "children": "[Node!]!"}
    assert set(made.type_map["CityPageKind"].values) == {"town", "village"}


def test_a_class_with_subclasses_is_a_union_of_them() -> None:
    made = schema(CityPage)
    union = made.type_map["AnyShape"]
    assert isinstance(union, GraphQLUnionType)
    assert {member.name for member in union.types} == {"Shape", "Circle"}
    assert all(isinstance(member, GraphQLObjectType) for member in union.types)


def test_what_is_sent_has_the_types_that_are_checked() -> None:
    made = schema(CityPage, CityForm, CityPatch, Empty)
    assert types_of(made.type_map["CityFormInput"]) == {
        "name": "String!",
        "tags": "[String!]",
        "place": "GeoPointInput",
        "at": "DateTime",
        "count": "Int",
        "total": "SafeInt",
        "shape": "NodeInput",
        "extra": "JSON",
    }
    assert types_of(made.type_map["NodeInput"]) == {"value": "SafeInt!", "children": "[NodeInput!]"}
    assert types_of(made.type_map["CityPatchInput"]) == {"name": "String", "level": "Level"}
    mutations = made.mutation_type.fields
    assert {name: str(a.type) for name, a in mutations["cityForm"].args.items()} == {
        "userId": "ID",
        "id": "ID!",
        "fields": "CityFormInput!",
    }
    assert {name: str(a.type) for name, a in mutations["cityPatch"].args.items()} == {
        "cityId": "ID!",
        "id": "ID!",
        "fields": "CityPatchInput!",
    }
    assert set(mutations["empty"].args) == {"userId", "id"}
    assert set(made.type_map["CityPatchResult"].fields) == {
        *("id", "path", "state", "after", "cityPage"),
    }
    assert "cityPage" not in made.type_map["CityFormResult"].fields


def test_lists_have_the_declared_orders_and_conditions() -> None:
    lists = [by("-name"), by("level", "-name", where=["state"]), by(where=["level"])]
    made = schema(CityPage, rest=Rest(lists={CityPage: lists}), streams=True)
    arguments = {name: str(a.type) for name, a in made.query_type.fields["cityPages"].args.items()}
    assert arguments == {
        "first": "Int",
        "after": "String",
        "order": "CityPageOrder",
        "where": "CityPageWhere",
    }
    assert set(made.type_map["CityPageOrder"].values) == {"name_DESC", "level_ASC_name_DESC"}
    assert types_of(made.type_map["CityPageWhere"]) == {"state": "String", "level": "CityPageLevel"}
    assert set(made.subscription_type.fields["cityPages"].args) == {"first"}


def test_a_live_view_is_neither_listed_nor_watched() -> None:
    api = Api(views=[Live(CityPage)])
    made = schema_of(api.offers([]), streams=True)
    assert set(made.query_type.fields) == {"cityPage"}
    assert made.subscription_type is None


def test_requests_alone_have_a_schema_too() -> None:
    made = schema(Empty)
    assert set(made.query_type.fields) == {"version"}
    assert set(made.mutation_type.fields) == {"empty"}


@pytest.mark.parametrize(
    ("name", "field", "plural"),
    [
        ("MeetingSession", "meetingSession", "meetingSessions"),
        ("City", "city", "cities"),
        ("Day", "day", "days"),
        ("Address", "address", "addresses"),
        ("URLPage", "urlPage", "urlPages"),
        ("URL", "url", "urls"),
        ("Box2", "box2", "box2s"),
    ],
)
def test_fields_are_named_after_classes(name: str, field: str, plural: str) -> None:
    assert (field_of(name), plural_of(field)) == (field, plural)


# What has no form


def page(name: str, path: str = "{city_id}", /, **getters: Any) -> type[ViewModel[Any]]:
    """A view with fields of given types."""
    from types import new_class

    def getter(kind: Any) -> property:
        def get(self: Any) -> Any:
            return None

        get.__annotations__["return"] = kind
        return property(get)

    body: dict[str, Any] = {name: getter(kind) for name, kind in getters.items()}
    body |= {"__module__": __name__, "targets": lambda self: []}
    options = {"path": f"graph{name}/{path}", "read": public()}
    return new_class(name, (ViewModel[CityStore],), options, lambda space: space.update(body))


def embedded(stored: str) -> type[EmbeddedModel]:
    class Part(EmbeddedModel):
        text: str = Field("", alias=stored)

    return Part


@pytest.mark.parametrize(
    ("views", "told"),
    [
        ([page("Query", name=str)], "the type 'Query'"),
        ([page("Größe", name=str)], "'Größe' is no name in GraphQL"),
        ([page("Odd", größe=str)], "Odd.größe: 'größe' is no name in GraphQL"),
        ([page("Parted", part=embedded("a-b"))], "Part.a-b: 'a-b' is no name in GraphQL"),
        ([page("Parted2", part=embedded("__a"))], "Part.__a: '__a' is no name"),
        ([page("One", part=embedded("a")), page("Two", part=embedded("b"))], "the type 'Part'"),
        ([page("Page", name=str), page("PageItem", name=str)], "the type 'PageItem'"),
        ([page("News", name=str), page("Newses", name=str)], "the field 'newses'"),
        ([page("Paged", "{first}/x/{city_id}", name=str)], "the argument 'first'"),
        ([page("Twice", "{user_id}/x/{userId}", name=str)], "the argument 'userId'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_form_is_refused_with_its_place_and_a_remedy(
    views: Iterable[Any], told: str
) -> None:
    with pytest.raises(DeclarationError, match=r"[Rr]ename") as caught:
        schema(*views)
    assert told in str(caught.value)


def test_two_fields_may_be_enums_of_one_name_only_with_the_same_values() -> None:
    first = page("Lamp", colourKind=Literal["red", "blue"])
    assert "LampColourKind" in schema(first).type_map
    other = page("LampColour", kind=Literal["warm", "cold"])
    with pytest.raises(DeclarationError, match="LampColourKind"):
        schema(first, other)


def test_the_app_refuses_what_has_no_form_when_it_is_imported_for_a_deploy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = page("Refused", größe=str)
    monkeypatch.delenv("FUNCTION_TARGET", raising=False)
    with pytest.raises(DeclarationError, match="größe"):
        App([view], api=Api(views=[view], graphql=GraphQL()))
    for target in ("on_cities_written", on_api.NAME):  # which is there only after a deploy
        monkeypatch.setenv("FUNCTION_TARGET", target)
        App([view], api=Api(views=[view], graphql=GraphQL()))


def test_the_app_refuses_graphql_without_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declared, "find_spec", lambda name: None)
    monkeypatch.setenv("FUNCTION_TARGET", "on_cities_written")
    with pytest.raises(DeclarationError, match=r"onto-fn\[graphql\]"):
        App([CityPage], api=Api(views=[CityPage], graphql=GraphQL()))


@pytest.mark.parametrize(
    ("path", "views", "rest"),
    [
        ("/cityPages", [CityPage], "/"),
        ("/cityPages/x", [CityPage], "/"),
        ("/v1/cityPages", [CityPage], "/v1"),
        ("/docs", [CityPage], "/"),
        ("/openapi.json", [CityPage], "/"),
        ("/v1/stream", [CityPage], "/v1"),
    ],
)
def test_graphql_has_an_address_of_its_own(path: str, views: Any, rest: str) -> None:
    with pytest.raises(DeclarationError, match="choose another path"):
        App([CityPage], api=Api(views=views, graphql=GraphQL(path), rest=Rest(rest)))
    App([CityPage], api=Api(views=views, graphql=GraphQL("/v2/cityPages"), rest=Rest(rest)))


@pytest.mark.parametrize(
    "wrong",
    [{"path": "graphql"}, {"path": "/"}, {"path": "/a/"}, {"introspection": "yes"},
     {"max_depth": 0}, {"max_roots": -1}],
)  # fmt: skip
def test_options_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"GraphQL\("):
        GraphQL(**wrong)


EVENT = """
import os, sys
os.environ["FUNCTION_TARGET"] = {target!r}
import tests.api.graphql.declaring as module
module.app.export(globals())
print("graphql" in sys.modules, "starlette" in sys.modules)
"""


@pytest.mark.parametrize(
    ("target", "loaded"), [("on_graphCities_written", "False False"), ("onto_api", "False True")]
)
def test_a_function_imports_no_graphql_before_the_first_request_for_it(
    target: str, loaded: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVENT.format(target=target)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split("\n")[0] == loaded, done.stderr


def test_streams_make_subscriptions_and_nothing_else() -> None:
    api = Api(views=[CityPage], streams=Streams())
    made = schema_of(api.offers(App([CityPage]).mediators), streams=True)
    assert set(made.subscription_type.fields) == {"cityPage", "cityPages"}  # type: ignore[union-attr]
