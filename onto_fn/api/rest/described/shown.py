"""JSON schemas of views' documents as they are answered: the stored document in JSON.

They are made from the schemas of stored forms (`onto_fn.models.schema`), which rules, TypeScript
and the check of requests read as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import models_json_schema

from onto_fn.api.rest.described.schemas import (
    FORMATS,
    NO_JSON,
    Components,
    Schema,
    any_of,
    component_name,
    null_in,
    put_pattern,
    with_no_json,
    words_of_path,
)
from onto_fn.errors import DeclarationError
from onto_fn.firestore.paths import PathTemplate
from onto_fn.models.content import OBJ_TYPE
from onto_fn.models.references import COLLECTION
from onto_fn.models.schema import FAMILY, LEFT_OUT, PYTHON_PATTERN, STORED, AnsweredSchema
from onto_fn.views import ViewModel

_KEPT = ("deprecated", "description")
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf")
_SIZES = {
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties"),
    "string": ("minLength", "maxLength"),
}
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"


class ShownSchemas:
    """Makes the schemas of views' documents.

    Args:
        views: all that are described, so that what several of them embed has one schema.
        components: receives them.
    """

    def __init__(self, views: Sequence[type[ViewModel[Any]]], components: Components) -> None:
        self._components = components
        self._names: dict[type[ViewModel[Any]], str] = {}
        wanted: list[Any] = [(view.Document, "serialization") for view in views]
        try:
            schemas, whole = models_json_schema(
                wanted, by_alias=True, schema_generator=AnsweredSchema
            )
        except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
            reason = str(error).partition("\n")[0]
            raise DeclarationError(f"a view's field has no JSON schema: {reason}") from error
        self._found = cast("Mapping[str, Schema]", whole.get("$defs", {}))
        for view, key in zip(views, wanted, strict=True):
            self._names[view] = str(schemas[key]["$ref"]).rpartition("/")[2]
        roots = {name: view for view, name in self._names.items()}
        for name, schema in self._found.items():
            made = self._schema(schema)
            if name in roots:
                _complete(made, roots[name])
            components.put("schemas", component_name(name), made)

    def of(self, view: type[ViewModel[Any]]) -> Schema:
        """A reference to the schema of a view's documents."""
        return {"$ref": f"#/components/schemas/{component_name(self._names[view])}"}

    def _schema(self, schema: Mapping[str, Any]) -> Schema:
        kept = {key: schema[key] for key in _KEPT if key in schema}
        return {**kept, **self._kind(schema)}

    def _kind(self, schema: Mapping[str, Any]) -> Schema:
        if "$ref" in schema:
            return self._reference(str(schema["$ref"]))
        if schema.get("format") == "document-path":
            collection = schema.get(COLLECTION)
            template = None if collection is None else PathTemplate(collection)
            return {"type": "string", "description": words_of_path(template)}
        stored = schema.get(STORED)
        if stored == "bytes":
            return {"type": "string", "contentEncoding": "base64"}
        if stored == "datetime":
            return {"type": "string", "format": "date-time", "pattern": _TIME}
        if stored == "GeoPoint":
            number: Schema = {"type": "number"}
            names = ("latitude", "longitude")
            properties = dict.fromkeys(names, number)
            return {"type": "object", "properties": properties, "required": list(names)}
        if stored == "Vector":
            return {"type": "array", "items": with_no_json({"type": "number"})}
        for key in ("const", "enum"):
            if key in schema:
                values = schema[key] if key == "enum" else [schema[key]]
                texts = all(isinstance(value, str) for value in values)
                return {**({"type": "string"} if texts else {}), key: schema[key]}
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                parts = [self._schema(part) for part in schema[key]]
                return {"allOf": parts} if key == "allOf" else any_of(parts)
        kind = schema.get("type")
        match kind:
            case "string":
                return _text(schema)
            case "integer":
                return {"type": "integer", "format": "int64", **_some(schema, _BOUNDS)}
            case "number":
                return _number(schema)
            case "array":
                return self._array(schema)
            case "object":
                return self._object(schema)
            case "boolean" | "null":
                return {"type": kind}
            case _:
                return {}

    def _reference(self, text: str) -> Schema:
        key = text.rpartition("/")[2]
        others = [str(part["$ref"]) for part in self._found[key].get(FAMILY, ())]
        keys = dict.fromkeys([key, *(other.rpartition("/")[2] for other in others)])
        parts = [{"$ref": f"#/components/schemas/{component_name(name)}"} for name in keys]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}

    def _array(self, schema: Mapping[str, Any]) -> Schema:
        made: Schema = {"type": "array", **_some(schema, _SIZES["array"])}
        if isinstance(schema.get("items"), Mapping):
            made["items"] = self._schema(schema["items"])
        elif "prefixItems" not in schema:
            made["items"] = {}
        if "prefixItems" in schema:
            made["prefixItems"] = [self._schema(part) for part in schema["prefixItems"]]
            made.setdefault("items", {})
        return made

    def _object(self, schema: Mapping[str, Any]) -> Schema:
        made: Schema = {"type": "object", **_some(schema, _SIZES["object"])}
        properties = cast("Mapping[str, Schema]", schema.get("properties") or {})
        left_out = {
            name
            for name, part in properties.items()
            if LEFT_OUT in part and null_in(part, self._found)
        }
        if properties:
            made["properties"] = {
                name: self._schema(_without_null(part) if name in left_out else part)
                for name, part in properties.items()
            }
        required = [name for name in schema.get("required", ()) if name not in left_out]
        if required:
            made["required"] = sorted(required)
        if isinstance(schema.get("additionalProperties"), Mapping):
            made["additionalProperties"] = self._schema(schema["additionalProperties"])
        return made


def _complete(made: Schema, view: type[ViewModel[Any]]) -> None:
    """Make the schema of a document's class that of the document."""
    properties = cast("dict[str, Schema]", made.setdefault("properties", {}))
    properties.pop("doc_id", None)  # it is in the path
    made["required"] = [name for name in made.get("required", ()) if name != "doc_id"]
    if view.__typed__:
        properties[OBJ_TYPE] = {"type": "string", "const": view.__name__}
        properties["doc_ref"] = {"type": "string", "description": "The path of this document."}
        made["required"] = sorted({*made["required"], OBJ_TYPE, "doc_ref"})
    for name in view.__fields__:
        stored = view.Document.model_fields[name].alias or name
        told = _told(view, name)
        if told and stored in properties:
            properties[stored].setdefault("description", told)
    if not made["required"]:
        del made["required"]
    words = doc_of(view)
    if words:
        made["description"] = words


def doc_of(cls: type[Any]) -> str:
    """A class's own docstring."""
    return inspect.cleandoc(str(vars(cls).get("__doc__") or ""))


def _told(view: type[ViewModel[Any]], name: str) -> str:
    """The docstring of a view's property."""
    member = inspect.getattr_static(view, name, None)
    getter = member.func if isinstance(member, cached_property) else getattr(member, "fget", None)
    return inspect.cleandoc(getattr(getter, "__doc__", None) or "")


def _text(schema: Mapping[str, Any]) -> Schema:
    made: Schema = {"type": "string", **_some(schema, _SIZES["string"])}
    if schema.get("format") in FORMATS:
        made["format"] = schema["format"]
    pattern: object = schema.get("pattern")
    if pattern is not None:
        text = pattern if isinstance(pattern, str) else str(getattr(pattern, "pattern", pattern))
        made["description"] = str(schema.get("description", ""))
        put_pattern(made, text, is_python=bool(schema.get(PYTHON_PATTERN)))
        if not made["description"]:
            del made["description"]
    return made


def _number(schema: Mapping[str, Any]) -> Schema:
    number: Schema = {"type": "number", **_some(schema, _BOUNDS)}
    lower = "minimum" in schema or "exclusiveMinimum" in schema
    upper = "maximum" in schema or "exclusiveMaximum" in schema
    texts = {"NaN": lower or upper, "-Infinity": lower, "Infinity": upper}
    return with_no_json(number, tuple(text for text in NO_JSON if not texts[text]))


def _some(schema: Mapping[str, Any], names: Sequence[str]) -> Schema:
    infinite = {float("inf"), float("-inf")}
    return {name: schema[name] for name in names if name in schema and schema[name] not in infinite}


def _without_null(schema: Mapping[str, Any]) -> Schema:
    for key in ("anyOf", "oneOf"):
        if key in schema:
            parts = [part for part in schema[key] if part.get("type") != "null"]
            rest = {name: part for name, part in schema.items() if name != key}
            return {**rest, **parts[0]} if len(parts) == 1 else {**rest, key: parts}
    return dict(schema)
