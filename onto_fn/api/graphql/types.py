"""Types of what is answered, from the schemas of stored forms (`onto_fn.models.schema`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLFloat,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
    GraphQLUnionType,
)
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import models_json_schema

from onto_fn.api.graphql.names import Names, checked_name, is_enum, upper
from onto_fn.api.graphql.scalars import BYTES, DATE_TIME, INT_32, JSON, SAFE_INT
from onto_fn.errors import DeclarationError
from onto_fn.models.content import OBJ_TYPE
from onto_fn.models.schema import FAMILY, STORED, AnsweredSchema, row_named
from onto_fn.views import ViewModel

Schema = Mapping[str, Any]  # JSON schemas nest without a narrower type
Kind = tuple[Any, bool]
"""A type without its null, and whether there may be null."""

_BY_STORED: dict[str, Any] = {
    "boolean": GraphQLBoolean,
    "bytes": BYTES,
    "double": GraphQLFloat,
    "integer": SAFE_INT,
    "reference": GraphQLString,
    "string": GraphQLString,
    "timestamp": DATE_TIME,
}
_INTEGERS = (GraphQLInt, SAFE_INT)
VECTOR = GraphQLList(GraphQLNonNull(GraphQLFloat))
GEO_POINT = GraphQLObjectType(
    "GeoPoint",
    {name: GraphQLField(GraphQLNonNull(GraphQLFloat)) for name in ("latitude", "longitude")},
    description="A place on Earth, in degrees.",
)


class Enums:
    """Enums, which answers and what is sent share.

    Args:
        names: names of types.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[str, tuple[GraphQLEnumType, tuple[Any, ...]]] = {}

    def of(self, values: Sequence[Any], name: str, owner: str) -> Any:
        """The type of one of some values, none of them None.

        An enum, if each is a name in GraphQL; else the type of all of them.

        Args:
            values: the values.
            name: of the enum, if it is one.
            owner: whose it is, for messages.
        """
        values = tuple(dict.fromkeys(values))
        if len(values) > 1 and is_enum(values):
            return self._enum(values, name, owner)
        kinds: set[type[Any]] = {type(value) for value in values}
        if kinds == {str}:
            return GraphQLString
        if kinds == {bool}:
            return GraphQLBoolean
        if kinds == {int}:
            return integer_of(min(values), max(values))
        return GraphQLFloat if kinds == {float} else JSON

    def _enum(self, values: tuple[Any, ...], name: str, owner: str) -> GraphQLEnumType:
        known = self._known.get(name)
        if known is not None and set(known[1]) == set(values):
            return known[0]
        self._names.take(name, f"the values of {owner}")
        made = GraphQLEnumType(name, {value: GraphQLEnumValue(value) for value in values})
        self._known[name] = (made, values)
        return made


def integer_of(least: float | None, most: float | None) -> Any:
    """The type of integers within bounds: GraphQL's own has 32 bits."""
    fits = least is not None and most is not None and INT_32[0] <= least and most <= INT_32[1]
    return GraphQLInt if fits else SAFE_INT


def one_of(kinds: Sequence[Any]) -> Any:
    """The type of a value that is of one of several types."""
    found = list(dict.fromkeys(kinds))
    if len(found) == 1:
        return found[0]
    if all(kind in _INTEGERS for kind in found):
        return SAFE_INT
    if all(kind in (GraphQLInt, GraphQLFloat) for kind in found):
        return GraphQLFloat
    texts = [kind for kind in found if isinstance(kind, GraphQLEnumType) or kind is GraphQLString]
    return GraphQLString if len(texts) == len(found) else JSON


class AnsweredTypes:
    """Makes the types of views' documents, and of what they embed.

    Args:
        views: all views of the schema.
        names: names of types.
        enums: the enums.

    Raises:
        DeclarationError: a field has no form, or a name is none or another's.
    """

    def __init__(self, views: Sequence[type[ViewModel[Any]]], names: Names, enums: Enums) -> None:
        self._names = names
        self._enums = enums
        self._types: dict[str, Any] = {}
        self._fields: dict[str, dict[str, GraphQLField]] = {}
        self._within: list[str] = []
        wanted: list[Any] = [(view.Document, "serialization") for view in views]
        schemas, self._found = _schemas(wanted)
        self._views = {view: _key(schemas[key]) for view, key in zip(views, wanted, strict=True)}
        for view, key in self._views.items():  # their names go before those of what they embed
            self._types[key] = self._object(key, view.__name__, f"view {view.__name__}")
        for view, key in self._views.items():
            self._fill(key, view.__name__, without={"doc_id"})
            if view.__typed__:
                for name in (OBJ_TYPE, "doc_ref"):
                    self._fields[key][name] = GraphQLField(GraphQLNonNull(GraphQLString))

    def of(self, view: type[ViewModel[Any]]) -> GraphQLObjectType:
        """The type of a view's documents."""
        return self._types[self._views[view]]

    def kind(self, schema: Schema, name: str, place: str) -> Kind:
        """The type of a value.

        Args:
            schema: of the value.
            name: of its enum, if it is one.
            place: class and field, for messages.
        """
        if "$ref" in schema:
            return self._named(_key(schema))
        if schema.get("format") == "document-path":
            return GraphQLString, False
        if STORED in schema:
            return stored_type(row_named(schema[STORED]).stored), False
        if "const" in schema or "enum" in schema:
            values = schema["enum"] if "enum" in schema else [schema["const"]]
            known = [value for value in values if value is not None]
            return self._enums.of(known, name, place) if known else JSON, None in values
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self._either([self.kind(part, name, place) for part in schema[key]])
        match schema.get("type"):
            case "string":
                return GraphQLString, False
            case "integer":
                least = schema.get("minimum", schema.get("exclusiveMinimum"))
                most = schema.get("maximum", schema.get("exclusiveMaximum"))
                return integer_of(least, most), False
            case "number":
                return GraphQLFloat, False
            case "boolean":
                return GraphQLBoolean, False
            case "null":
                return None, True
            case "array":
                return self._array(schema, name, place), False
            case "object":
                return JSON, False
            case _:
                return JSON, True

    def _either(self, kinds: Sequence[Kind]) -> Kind:
        known = [kind for kind, _ in kinds if kind is not None]
        return one_of(known) if known else JSON, any(null for _, null in kinds)

    def _array(self, schema: Schema, name: str, place: str) -> Any:
        items = schema.get("items")
        parts: list[Schema] = list(schema.get("prefixItems", ()))
        parts += [cast(Schema, items)] if isinstance(items, Mapping) else []
        if not parts:
            return GraphQLList(JSON)
        kind, null = self._either([self.kind(part, name, place) for part in parts])
        return GraphQLList(kind if null else GraphQLNonNull(kind))

    def _named(self, key: str) -> Kind:
        """The type of a class, or of what an alias names."""
        schema = self._found[key]
        name = name_of(key, schema)
        if key not in self._types and _is_object(schema):
            self._types[key] = self._object(key, name, key)
            self._fill(key, name)
        if key not in self._types:
            if key in self._within:  # an alias of itself has no end
                return JSON, True
            self._within.append(key)
            try:
                return self.kind(schema, name, key)
            finally:
                self._within.pop()
        family = [_key(part) for part in schema.get(FAMILY, ())]
        if not family:
            return self._types[key], False
        return self._family(key, name, family), False

    def _family(self, key: str, name: str, family: Sequence[str]) -> Any:
        """The type of a class in whose place its subclasses may be."""
        union = f"Any{name}"
        if union in self._types:
            return self._types[union]
        members: list[GraphQLObjectType] = []
        by_class: dict[str, str] = {}

        def which(value: dict[str, Any], _info: Any, _type: Any) -> str:
            return by_class.get(value.get(OBJ_TYPE, name), name)

        taken = self._names.take(union, f"the subclasses of {key}")
        self._types[union] = GraphQLUnionType(taken, lambda: members, which)
        for one in (key, *family):
            if one not in self._types:
                self._named(one)
            member: GraphQLObjectType | None = self._types.get(one)
            if member is None:  # one without fields, which is no type
                self._types[union] = JSON
                break
            members.append(member)
            by_class[member.name] = member.name
        return self._types[union]

    def _object(self, key: str, name: str, owner: str) -> GraphQLObjectType:
        fields: dict[str, GraphQLField] = {}
        self._fields[key] = fields
        words = self._found[key].get("description")
        return GraphQLObjectType(self._names.take(name, owner), lambda: fields, description=words)

    def _fill(self, key: str, owner: str, without: Collection[str] = ()) -> None:
        schema = self._found[key]
        required = set(schema.get("required", ()))
        for name, part in cast("Mapping[str, Schema]", schema["properties"]).items():
            if name in without:
                continue
            place = f"{owner}.{name}"
            kind, null = self.kind(part, f"{owner}{upper(name)}", place)
            self._fields[key][checked_name(name, place)] = GraphQLField(
                GraphQLNonNull(kind) if name in required and not null and kind else kind or JSON,
                description=part.get("description"),
            )


def _schemas(wanted: Sequence[Any]) -> tuple[Mapping[Any, Schema], dict[str, Schema]]:
    if not wanted:
        return {}, {}
    try:
        schemas, whole = models_json_schema(wanted, by_alias=True, schema_generator=AnsweredSchema)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        reason = str(error).partition("\n")[0]
        raise DeclarationError(f"a view's field has no form in GraphQL: {reason}") from error
    return schemas, cast("dict[str, Schema]", whole.get("$defs", {}))


def stored_type(stored: str) -> Any:
    """The type of what Firestore stores as one of its own types."""
    if stored == "geopoint":
        return GEO_POINT
    return VECTOR if stored == "vector" else _BY_STORED[stored]


def _is_object(schema: Schema) -> bool:
    return schema.get("type") == "object" and bool(schema.get("properties"))


def _key(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def name_of(key: str, schema: Schema) -> str:
    """The name of a class, without what pydantic adds where two classes have the same."""
    return re.sub(r"\W+", "_", str(schema.get("title") or key)).strip("_")
