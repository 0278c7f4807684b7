"""Types of what is sent, from the shapes by which a request is checked (`onto_fn.requests.shapes`).

They say which fields there are, and of which type. The gate checks what is sent by the shapes
themselves, so that nothing is let through that another protocol, or a security rule, refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLString,
)

from onto_fn.api.graphql.names import Names, checked_name, upper
from onto_fn.api.graphql.scalars import BYTES, DATE_TIME, JSON
from onto_fn.api.graphql.types import VECTOR, Enums, Kind, integer_of, one_of
from onto_fn.requests import RequestModel
from onto_fn.requests.compound_shapes import Either, Items, Named, Record
from onto_fn.requests.shapes import (
    Boolean,
    Bytes,
    Choice,
    Identifier,
    Link,
    Null,
    Number,
    Numbers,
    Point,
    Shape,
    Text,
    Time,
)

GEO_POINT_INPUT = GraphQLInputObjectType(
    "GeoPointInput",
    {name: GraphQLInputField(GraphQLNonNull(GraphQLFloat)) for name in ("latitude", "longitude")},
    description="A place on Earth, in degrees.",
)
_SIMPLE: dict[type[Any], Any] = {
    Boolean: GraphQLBoolean,
    Bytes: BYTES,
    Identifier: GraphQLID,
    Link: GraphQLString,
    Numbers: VECTOR,
    Point: GEO_POINT_INPUT,
    Text: GraphQLString,
    Time: DATE_TIME,
}


class SentTypes:
    """Makes the types of what requests hold.

    Args:
        names: names of types.
        enums: the enums.
    """

    def __init__(self, names: Names, enums: Enums) -> None:
        self._names = names
        self._enums = enums
        self._types: dict[str, tuple[Record, Any]] = {}

    def of(self, model: type[RequestModel]) -> Any:
        """The type of a request's fields; None if it has none.

        Raises:
            DeclarationError: a name is none, or another's.
        """
        record = model.written_shape()
        if not record.fields and not record.is_open:
            return None
        return self._record(record, model.__name__, model.__name__)

    def kind(self, shape: Shape, name: str, place: str) -> Kind:
        """The type of a value; see `AnsweredTypes.kind`."""
        simple = _SIMPLE.get(type(shape))
        if simple is not None:
            return simple, False
        match shape:
            case Null():
                return None, True
            case Number():
                if not shape.is_integer:
                    return GraphQLFloat, False
                bounds = {bound.lower().removeprefix("exclusive"): v for bound, v in shape.bounds}
                return integer_of(bounds.get("minimum"), bounds.get("maximum")), False
            case Choice(values):
                known = [value for value in values if value is not None]
                return self._enums.of(known, name, place) if known else JSON, None in values
            case Either(parts):
                return self._either(parts, name, place)
            case Items():
                parts = (
                    (*shape.places, shape.items)
                    if len(shape.places) < shape.most
                    else (shape.places)
                )
                kind, null = self._either(parts, name, place)
                return GraphQLList(kind if null else GraphQLNonNull(kind)), False
            case Named():
                return self._named(shape)
            case Record():
                return self._record(shape, name, place), False
            case _:  # a map, or anything
                return JSON, True

    def _either(self, parts: Sequence[Shape], name: str, place: str) -> Kind:
        kinds = [self.kind(part, name, place) for part in parts]
        known = [kind for kind, _ in kinds if kind is not None]
        return one_of(known) if known else JSON, any(null for _, null in kinds)

    def _named(self, named: Named) -> Kind:
        name = re.sub(r"\W+", "_", named.name).strip("_")
        shape = named.shape
        if isinstance(shape, Record):
            return self._record(shape, name, name), False
        return self.kind(shape, name, name)

    def _record(self, record: Record, name: str, place: str) -> Any:
        if record.is_open or not record.fields:
            return JSON
        known = self._types.get(name)
        if known is not None and known[0] == record:
            return known[1]
        taken = self._names.take(f"{name}Input", f"what is sent as {name} in {place}")
        fields: dict[str, GraphQLInputField] = {}
        made = GraphQLInputObjectType(taken, lambda: fields)
        self._types[name] = (record, made)
        for stored, shape in record.fields.items():
            kind, null = self.kind(shape, f"{name}{upper(stored)}", f"{name}.{stored}")
            is_required = stored in record.required and not null
            kind = JSON if kind is None else kind
            fields[checked_name(stored, f"{name}.{stored}")] = GraphQLInputField(
                GraphQLNonNull(kind) if is_required else kind
            )
        return made
