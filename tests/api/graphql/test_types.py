"""Schemas of generated declarations: they are valid, and answer what is stored."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import count
from types import SimpleNamespace, new_class
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    execute_sync,
    parse,
    print_schema,
    validate,
    validate_schema,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model

from onto_fn import App, DomainModel, EmbeddedModel, Form, Ref, Store, ViewModel, root
from onto_fn.access import public, signed_in
from onto_fn.api import Api
from onto_fn.api.graphql.schema import schema_of, schema_text
from onto_fn.firestore.json import plain
from tests.strategies import instants, texts


class Thing(DomainModel, collection="graphThings"):
    name: str = ""


class ThingStore(Store):
    thing = root(Thing)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Mark(Enum):
    YES = "yes!"
    NO = "no"


_numbers = count()
Typed = tuple[Any, st.SearchStrategy[Any]]
"""An annotation, and its values."""

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
LEAVES: list[Typed] = [
    (bool, st.booleans()),
    (int, INTEGERS),
    (Annotated[int, Field(ge=0, le=100)], st.integers(0, 100)),
    (float, FLOATS),
    (str, texts),
    (bytes, st.binary(max_size=9)),
    (datetime, instants),
    (date, st.dates()),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(0), timedelta(days=9))),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (UUID, st.uuids()),
    (GeoPoint, st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))),
    (Vector, st.lists(FLOATS, min_size=1, max_size=3).map(Vector)),
    (Ref[Thing], texts.map(lambda _: Thing.ref("a"))),
    (Literal["open", "done"], st.sampled_from(["open", "done"])),
    (Literal["in-session", "closed"], st.sampled_from(["in-session", "closed"])),
    (Literal[1, 2], st.sampled_from([1, 2])),
    (Colour, st.sampled_from(Colour)),
    (Size, st.sampled_from(Size)),
    (Mark, st.sampled_from(Mark)),
    (Any, st.none() | INTEGERS | texts),
    (int | str, INTEGERS | texts),
    (dict[str, int], st.dictionaries(st.sampled_from(["a", "b c"]), INTEGERS)),
]


def optional(inner: Typed) -> Typed:
    return inner[0] | None if inner[0] is not Any else Any, st.none() | inner[1]


def listed(inner: Typed) -> Typed:
    kinds = [inner[0], *getattr(inner[0], "__args__", ())]
    is_list = any(k is Vector or getattr(k, "__origin__", None) is list for k in kinds)
    annotation, values = (str, texts) if is_list or inner[0] is Any else inner
    return list[annotation], st.lists(values, max_size=3)


@st.composite
def embedded(draw: st.DrawFn, inner: st.SearchStrategy[Typed]) -> Typed:
    fields = draw(st.lists(inner, min_size=1, max_size=3))
    name = f"Part{next(_numbers)}"
    made: Any = create_model(
        name,
        __base__=EmbeddedModel,
        **{f"field_{n}": (annotation, ...) for n, (annotation, _) in enumerate(fields)},
    )
    values = {f"field_{n}": values for n, (_, values) in enumerate(fields)}
    return made, st.fixed_dictionaries(values).map(lambda found: made(**found))


types = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: inner.map(optional) | inner.map(listed) | embedded(inner),
    max_leaves=6,
)


def view_of(fields: list[Any]) -> type[ViewModel[Any]]:
    def getter(annotation: Any) -> property:
        def get(self: Any) -> Any:
            return None

        get.__annotations__["return"] = annotation
        return property(get)

    body = {f"field_{n}": getter(annotation) for n, annotation in enumerate(fields)}
    number = next(_numbers)
    options = {"path": f"graphPages{number}/{{thing_id}}", "read": public()}
    return new_class(
        f"Page{number}",
        (ViewModel[ThingStore],),
        options,
        lambda space: space.update({"__module__": __name__, **body}),
    )


def form_of(fields: list[Any]) -> Any:
    namespace = {
        "__module__": __name__,
        "__annotations__": {f"field_{n}": annotation for n, annotation in enumerate(fields)},
        "submit": lambda self, request: [],
    }
    number = next(_numbers)
    options = {"path": f"graphForms{number}/{{form_id}}", "create": signed_in()}
    return new_class(f"Form{number}", (Form,), options, lambda space: space.update(namespace))


def selection(kind: Any) -> str:
    """All fields of a type."""
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    if not isinstance(kind, GraphQLObjectType):
        return ""
    return "{" + " ".join(f"{n} {selection(f.type)}" for n, f in kind.fields.items()) + "}"


def answered(kind: Any, value: Any) -> Any:
    """What a client reads of a stored value: a field that is not there is null."""
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if value is None:
        return None
    if isinstance(kind, GraphQLList):
        return [answered(kind.of_type, item) for item in value]
    if not isinstance(kind, GraphQLObjectType):
        return value
    return {name: answered(field.type, value.get(name)) for name, field in kind.fields.items()}


@settings(max_examples=60)
@given(data=st.data(), fields=st.lists(types, min_size=1, max_size=5))
def test_every_declaration_has_a_valid_schema_that_answers_what_is_stored(
    data: st.DataObject, fields: list[Typed]
) -> None:
    view = view_of([annotation for annotation, _ in fields])
    offers = Api(views=[view]).offers(App([view]).mediators)
    schema = schema_of(offers, streams=True)
    assert validate_schema(schema) == []
    assert validate_schema(build_schema(schema_text(schema))) == []
    assert print_schema(build_schema(schema_text(schema))) == print_schema(schema)

    content = {f"field_{n}": data.draw(values) for n, (_, values) in enumerate(fields)}
    stored = plain(cast(Any, view.Document(doc_id="a", **content).doc_fields()))
    name = next(iter(schema.query_type.fields)) if schema.query_type else ""
    kind = cast(Any, schema.query_type).fields[name].type
    document = parse(f'{{ {name}(thingId: "a") {selection(kind)} }}')
    assert validate(schema, document) == []
    context = SimpleNamespace(ask=lambda _: stored)
    result = execute_sync(schema, document, context_value=context)
    assert result.errors is None, (result.errors, stored)
    assert result.data == {name: answered(kind, stored)}


@settings(max_examples=40)
@given(fields=st.lists(types, min_size=1, max_size=5))
def test_every_request_has_a_valid_schema(fields: list[Typed]) -> None:
    form = form_of([annotation for annotation, _ in fields])
    view = view_of([str])
    offers = Api(views=[view], requests=[form]).offers(App([view, form]).mediators)
    schema = schema_of(offers, streams=False)
    assert validate_schema(schema) == []
    assert schema.subscription_type is None
