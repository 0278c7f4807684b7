"""JSON schemas of what a client sends: what the strict check takes, as far as a schema can say it.

They are made from the shapes by which a request is checked (`onto_fn.requests.shapes`), and the
security rules are made from the same. What only the app's own validators know is not in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from onto_fn.api.rest.described.schemas import (
    FORMATS,
    MAX_INT,
    MIN_INT,
    NO_JSON,
    Components,
    Schema,
    any_of,
    component_name,
    document_path,
    identifier,
    key_of_map,
    put_pattern,
    with_no_json,
)
from onto_fn.firestore.values import MAX_DIMENSIONS
from onto_fn.models.content import OBJ_TYPE
from onto_fn.requests import RequestModel
from onto_fn.requests.compound_shapes import Either, Entries, Items, Named, Record
from onto_fn.requests.patch import Patch
from onto_fn.requests.shapes import (
    MAX_ITEMS,
    Anything,
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

BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_TIME = "An instant by RFC 3339; one without a time zone counts as UTC."
_ANY = "Any JSON that Firestore can store: no list is directly in a list."


class WrittenSchemas:
    """Makes the schemas of requests' bodies.

    Args:
        components: receives them.
    """

    def __init__(self, components: Components) -> None:
        self._components = components

    def body(self, model: type[RequestModel]) -> Schema:
        """A reference to the schema of what a form's or patch's document may hold."""
        name = component_name(model.__name__)
        record = model.written_shape()
        made = _Writer(self._components, name).record(record)
        for field in model.model_fields.values():
            stored = made["properties"].get(field.alias or "")
            if stored is not None and field.description:
                more = stored.get("description")
                told = field.description
                stored["description"] = told if more is None else f"{told}\n\n{more}"
        if issubclass(model, Patch) and not record.is_open:
            _set_something(made, cast("type[Patch[Any]]", model))
        return self._components.put("schemas", name, made)


def _set_something(made: Schema, patch: type[Patch[Any]]) -> None:
    """A patch has to set a field: there is one besides those that it must have."""
    required = set(made.get("required", ()))
    if required <= set(patch.__targets__.values()):
        made["minProperties"] = len(required) + 1
        names = " and ".join(f"`{name}`" for name in sorted(required))
        besides = f" besides {names}" if names else ""
        made["description"] = f"There is at least one field{besides}."


class _Writer:
    """Writes the shapes of one request.

    Args:
        components: receives the schemas of what is embedded.
        owner: the request's name, before theirs.
    """

    def __init__(self, components: Components, owner: str) -> None:
        self._components = components
        self._owner = owner

    def schema(self, shape: Shape) -> Schema:
        return _WRITERS[type(shape)](self, shape)

    def record(self, record: Record) -> Schema:
        made: Schema = {
            "type": "object",
            "properties": {name: self.schema(part) for name, part in record.fields.items()},
        }
        if record.required:
            made["required"] = sorted(record.required)
        if record.is_open:
            made |= {
                "additionalProperties": self.anything(),
                "propertyNames": key_of_map(),
                "maxProperties": MAX_ITEMS,
            }
        else:
            made["additionalProperties"] = False
        return made

    def named(self, named: Named) -> Schema:
        name = component_name(f"{self._owner}.{named.name}")
        if not self._components.has("schemas", name):
            self._components.put("schemas", name, {})  # it may be within itself
            self._components.put("schemas", name, self.schema(named.known[named.name]))
        reference: Schema = {"$ref": f"#/components/schemas/{name}"}
        is_record = isinstance(named.known[named.name], Record)
        if named.is_told and is_record:
            told: Schema = {"type": "object", "properties": {OBJ_TYPE: {"type": "string"}}}
            return {"allOf": [reference, {**told, "required": [OBJ_TYPE]}]}
        return reference

    def items(self, items: Items) -> Schema:
        is_full = len(items.places) >= items.most
        made: Schema = {"type": "array", "items": {} if is_full else self.schema(items.items)}
        if items.places:
            made["prefixItems"] = [self.schema(place) for place in items.places]
        if items.least:
            made["minItems"] = items.least
        made["maxItems"] = items.most
        return made

    def entries(self, entries: Entries) -> Schema:
        made: Schema = {
            "type": "object",
            "additionalProperties": self.schema(entries.values),
            "propertyNames": key_of_map(),
        }
        if entries.least:
            made["minProperties"] = entries.least
        made["maxProperties"] = entries.most
        return made

    def either(self, either: Either) -> Schema:
        return any_of([self.schema(part) for part in either.parts])

    def anything(self, _: Shape | None = None) -> Schema:
        """Any value: a list is never an item of a list."""
        if not self._components.has("schemas", "AnyValue"):
            item = {"$ref": "#/components/schemas/AnyItem"}
            self._components.put(
                "schemas",
                "AnyValue",
                {"description": _ANY, "anyOf": [item, {"type": "array", "items": item}]},
            )
            self._components.put(
                "schemas",
                "AnyItem",
                {
                    "description": "Any value that can be in a list.",
                    "anyOf": [
                        {"type": ["boolean", "null", "number", "string"]},
                        {
                            "type": "object",
                            "additionalProperties": {"$ref": "#/components/schemas/AnyValue"},
                            "propertyNames": key_of_map(),
                        },
                    ],
                },
            )
        return {"$ref": "#/components/schemas/AnyValue"}


def _number(number: Number) -> Schema:
    bounds: Schema = {name: bound for name, bound in number.bounds if math.isfinite(bound)}
    if number.whole_beyond is not None:
        most = number.whole_beyond
        exact = [{"minimum": -most, "maximum": most}, {"multipleOf": 1}]
        return {"type": "number", **bounds, "anyOf": exact}
    if not number.is_integer:
        texts = [text for text in NO_JSON if not list(number.problems(float(text), ""))]
        return with_no_json({"type": "number", **bounds}, tuple(texts))
    made: Schema = {"type": "integer", "format": "int64", **bounds}
    if "exclusiveMinimum" not in made:
        made["minimum"] = max(made.get("minimum", MIN_INT), MIN_INT)
    if "exclusiveMaximum" not in made:
        made["maximum"] = min(made.get("maximum", MAX_INT), MAX_INT)
    if number.multiple_of is not None:
        made["multipleOf"] = abs(number.multiple_of)
    return made


def _text(text: Text) -> Schema:
    made: Schema = {"type": "string"}
    if text.least:
        made["minLength"] = text.least
    made["maxLength"] = text.most
    if text.pattern is not None:
        put_pattern(made, text.pattern, is_python=text.is_python)
    if text.format in FORMATS:
        made["format"] = text.format
    return made


def _bytes(data: Bytes) -> Schema:
    made: Schema = {"type": "string", "contentEncoding": "base64", "pattern": BASE64}
    if data.least:
        made["minLength"] = _encoded(data.least)
    made["maxLength"] = _encoded(data.most)
    # Texts of one length are of fewer bytes if they end in padding.
    exact: list[Schema] = []
    padding = {2: "==$", 0: "=$"}.get(data.least % 3) if data.least else None
    if padding is not None:
        longer = {"minLength": _encoded(data.least) + 1}
        exact.append({"anyOf": [longer, {"not": {"pattern": padding}}]})
    padding = {1: "==$", 2: "=$"}.get(data.most % 3)
    if padding is not None:
        exact.append({"anyOf": [{"maxLength": _encoded(data.most) - 1}, {"pattern": padding}]})
    return {**made, "allOf": exact} if exact else made


def _encoded(size: int) -> int:
    """Characters of so many bytes in base64."""
    return 4 * -(-size // 3)


def _time(_: Time) -> Schema:
    return {"type": "string", "format": "date-time", "description": _TIME}


def _point(_: Point) -> Schema:
    def degrees(most: int) -> Schema:
        return {"type": "number", "minimum": -most, "maximum": most}

    return {
        "type": "object",
        "properties": {"latitude": degrees(90), "longitude": degrees(180)},
        "required": ["latitude", "longitude"],
        "additionalProperties": False,
    }


def _numbers(_: Numbers) -> Schema:
    return {
        "type": "array",
        "items": {"type": "number"},
        "minItems": 1,
        "maxItems": MAX_DIMENSIONS,
    }


def _choice(choice: Choice) -> Schema:
    return choice_of(choice.values)


def choice_of(values: tuple[Any, ...]) -> Schema:
    """One of some values."""
    kind = {"type": "string"} if all(isinstance(value, str) for value in values) else {}
    return {**kind, "enum": list(values)}


_WRITERS: dict[type[Any], Callable[[_Writer, Any], Schema]] = {
    Anything: _Writer.anything,
    Null: lambda _, __: {"type": "null"},
    Boolean: lambda _, __: {"type": "boolean"},
    Number: lambda _, shape: _number(shape),
    Text: lambda _, shape: _text(shape),
    Identifier: lambda _, __: identifier(),
    Bytes: lambda _, shape: _bytes(shape),
    Time: lambda _, shape: _time(shape),
    Point: lambda _, shape: _point(shape),
    Numbers: lambda _, shape: _numbers(shape),
    Link: lambda _, shape: document_path(shape.collection),
    Choice: lambda _, shape: _choice(shape),
    Items: _Writer.items,
    Entries: _Writer.entries,
    Record: _Writer.record,
    Either: _Writer.either,
    Named: _Writer.named,
}
