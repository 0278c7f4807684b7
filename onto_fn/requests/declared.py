"""The shape of a form or patch, from what it declares."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from onto_fn.errors import DeclarationError
from onto_fn.firestore.paths import PathTemplate
from onto_fn.firestore.types import MAX_EXACT_SECONDS
from onto_fn.models.references import COLLECTION
from onto_fn.models.schema import CHANGED, FAMILY, PYTHON_PATTERN, STORED, StoredSchema
from onto_fn.requests.compound_shapes import Either, Entries, Items, Named, Record, first_shape
from onto_fn.requests.shapes import (
    MAX_ITEMS,
    MAX_TEXT,
    Anything,
    Boolean,
    Bytes,
    Choice,
    Link,
    Null,
    Number,
    Numbers,
    Point,
    Shape,
    Text,
    Time,
)

Schema = Mapping[str, Any]  # JSON schemas nest without a narrower type

_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
_LOWER, _UPPER = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")


def record_of(model: type[BaseModel]) -> Record:
    """The shape of a model's document.

    Raises:
        DeclarationError: a field has a type that Firestore lacks, or takes no value at all.
    """
    try:
        schema: Schema = model.model_json_schema(by_alias=True, schema_generator=StoredSchema)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        raise _unknown(model.__name__, str(error).splitlines()[0]) from error
    definitions = cast("dict[str, Schema]", schema.get("$defs") or {})
    reader = _Reader(model.__name__, definitions)
    for name, part in definitions.items():
        inner = reader.within(str(part.get("title") or name))
        reader.definitions[name] = inner.shape(part)
    if "$ref" in schema:  # of a model that is within itself
        named = reader.definitions[_name(schema)]
        assert isinstance(named, Record)
        return named
    return reader.record(schema, model.__name__)


class _Reader:
    """Reads the schemas of one model.

    Args:
        place: class and field, for the error.
        schemas: of embedded models, by name.
    """

    def __init__(self, place: str, schemas: Mapping[str, Schema]) -> None:
        self.place = place
        self.schemas = schemas
        self.definitions: dict[str, Shape] = {}

    def within(self, place: str) -> _Reader:
        """A reader of the same schemas at another place."""
        reader = _Reader(place, self.schemas)
        reader.definitions = self.definitions
        return reader

    def shape(self, schema: Schema) -> Shape:
        if "$ref" in schema:
            name = _name(schema)
            family = [_name(member) for member in self.schemas[name].get(FAMILY, ())]
            base = Named(name, self.definitions)
            others = [Named(member, self.definitions, is_told=True) for member in family]
            return first_shape([base, *others])
        if STORED in schema and schema[STORED] in _ROWS:
            return _ROWS[schema[STORED]](schema)
        if schema.get("format") == "document-path":
            return _link(schema)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return Either(tuple(self.shape(part) for part in schema[key]))
        if "allOf" in schema:
            return first_shape([self.shape(part) for part in schema["allOf"]])
        if "const" in schema:
            return Choice((schema["const"],))
        if "enum" in schema:
            return Choice(tuple(schema["enum"]))
        kind = schema.get("type")
        if kind is None:
            return Anything()
        if kind not in _KINDS:
            raise _unknown(self.place, f"it is of type {kind!r}")
        return _KINDS[kind](self, schema)

    def record(self, schema: Schema, name: str) -> Record:
        properties = cast("dict[str, Schema]", schema.get("properties") or {})
        fields: dict[str, Shape] = {}
        for key, part in properties.items():
            fields[key] = self.within(f"{name}.{key}").shape(part)
        is_open = bool(schema.get("additionalProperties"))
        return Record(name, fields, frozenset(schema.get("required") or ()), is_open)

    def map(self, schema: Schema) -> Shape:
        if schema.get("properties"):
            return self.record(schema, str(schema.get("title") or self.place))
        if schema.get("additionalProperties") is False:
            return self.record(schema, str(schema.get("title") or self.place))
        values = schema.get("additionalProperties")
        shape = self.shape(cast(Schema, values)) if isinstance(values, Mapping) else Anything()
        least = schema.get("minProperties", 0)
        return Entries(shape, least, schema.get("maxProperties", MAX_ITEMS))

    def list(self, schema: Schema) -> Shape:
        places = tuple(self.shape(part) for part in schema.get("prefixItems", ()))
        items = schema.get("items")
        shape = self.shape(cast(Schema, items)) if isinstance(items, Mapping) else Anything()
        return Items(shape, schema.get("minItems", 0), schema.get("maxItems", MAX_ITEMS), places)

    def number(self, schema: Schema) -> Shape:
        is_integer = schema["type"] == "integer"
        multiple: object = schema.get("multipleOf")
        bounds = [
            bound
            for name in (*_LOWER, *_UPPER)
            if name in schema and (bound := self._bound(name, schema[name], is_integer=is_integer))
        ]
        beyond = MAX_EXACT_SECONDS if schema.get(STORED) == "timedelta" else None
        whole = isinstance(multiple, int) and is_integer and abs(multiple) <= _MAX_INT
        return Number(is_integer, tuple(bounds), cast(int, multiple) if whole else None, beyond)

    def _bound(
        self, name: str, value: float, *, is_integer: bool
    ) -> tuple[str, int | float] | None:
        """A bound, or None if every number that Firestore has is within it."""
        if math.isnan(value):
            raise DeclarationError(
                f"{self.place}: {name} is NaN, and no number satisfies that bound"
            )
        lowest, highest = (_MIN_INT, _MAX_INT) if is_integer else (-math.inf, math.inf)
        is_exclusive = name.startswith("exclusive")
        if name in _LOWER:
            is_never = value > highest or (is_exclusive and value == highest)
            is_always = value < lowest or (not is_exclusive and value == lowest)
        else:
            is_never = value < lowest or (is_exclusive and value == lowest)
            is_always = value > highest or (not is_exclusive and value == highest)
        if is_never:
            raise DeclarationError(
                f"{self.place}: {name} is {value}, and no "
                f"{'64-bit integer' if is_integer else 'number'} satisfies that bound; change it"
            )
        if is_always:
            return None
        return name, value


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _text(reader: _Reader, schema: Schema) -> Shape:
    if schema.get("writeOnly"):
        raise _unknown(reader.place, "a secret has no stored form")
    return _text_of(schema)


def _text_of(schema: Schema) -> Shape:
    if schema.get(CHANGED):
        return Text()
    pattern = schema.get("pattern")
    if pattern is not None and not isinstance(pattern, str):
        pattern = str(pattern.pattern)
    most = schema.get("maxLength", MAX_TEXT)
    is_python = bool(schema.get(PYTHON_PATTERN))
    return Text(schema.get("minLength", 0), most, pattern, is_python, schema.get("format"))


def _link(schema: Schema) -> Shape:
    collection = schema.get(COLLECTION)
    return Link(None if collection is None else PathTemplate(collection))


def _bytes(schema: Schema) -> Shape:
    return Bytes(schema.get("minLength", 0), schema.get("maxLength", MAX_TEXT))


_ROWS: dict[str, Callable[[Schema], Shape]] = {
    "bytes": _bytes,
    "datetime": lambda _: Time(),
    "GeoPoint": lambda _: Point(),
    "Vector": lambda _: Numbers(),
    "Ref": lambda schema: _link(schema),
}

_KINDS: dict[str, Callable[[_Reader, Schema], Shape]] = {
    "string": _text,
    "integer": _Reader.number,
    "number": _Reader.number,
    "boolean": lambda _reader, _schema: Boolean(),
    "array": _Reader.list,
    "object": _Reader.map,
    "null": lambda _reader, _schema: Null(),
}


def _unknown(place: str, why: str) -> DeclarationError:
    return DeclarationError(
        f"{place}: security rules cannot check whether it is valid: {why}. Use a type that "
        "docs/types.md lists, or Any"
    )
