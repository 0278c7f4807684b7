"""What the fields of a request must be, as conditions on the document that a client writes.

The conditions are made from pydantic's JSON schema of each field, so that whatever a declaration
says (`max_length`, `ge`, `pattern`, `Literal`, an embedded model) is asked in the rules as well.
The function that processes the request validates it once more, and what the rules language cannot
ask (the items of long lists, the values of maps, an application's validators) it asks alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.fields import FieldInfo

from onto_fn.errors import DeclarationError
from onto_fn.generate.expressions import Joined, either, every, literal, member, names

MAX_TEXT = 10_000
"""Characters of a text without `max_length`."""
MAX_ITEMS = 1_000
"""Items of a list, and keys of a map, without `max_length`."""
MAX_CHECKED_ITEMS = 10
"""Up to this `max_length`, each item of a list is checked."""
MAX_ID = 128
"""Characters of a request's id."""
_MAX_PATH = 6 * 1024

Schema = Mapping[str, Any]  # JSON schemas nest without a narrower type


def fields_condition(
    owner: str, fields: Mapping[str, FieldInfo], data: str = "data"
) -> str | Joined:
    """The condition that a document has these fields and no others.

    Args:
        owner: the class that declares them, for the error.
        fields: by their names in Firestore.
        data: the expression of the document's fields.

    Raises:
        DeclarationError: a field has a type of which the rules cannot tell anything.
    """
    required = [name for name, info in fields.items() if info.is_required()]
    clauses: list[str | Joined] = [f"{data}.keys().hasOnly({names(list(fields))})"]
    if required:
        clauses.append(f"{data}.keys().hasAll({names(required)})")
    for name, info in fields.items():
        schema = _schema_of(owner, name, info)
        types = _Types(f"{owner}.{name}", cast(Schema, schema.get("$defs", {})))
        clauses += _field(types, data, name, schema, required=info.is_required())
    return every(*clauses)


def _schema_of(owner: str, name: str, info: FieldInfo) -> Schema:
    # Any: pydantic takes an `Annotated`, and says that it takes a type.
    annotated: Any = (
        Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    )
    try:
        return TypeAdapter[Any](annotated).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        raise _unknown(f"{owner}.{name}", str(error).splitlines()[0]) from error


@dataclass(frozen=True)
class _Types:
    """Where schemas are resolved.

    Attributes:
        place: class and field, for the error.
        definitions: the schemas of embedded models.
        within: names of the models around this place; a model within itself is checked no further.
    """

    place: str
    definitions: Schema
    within: frozenset[str] = frozenset()

    def condition(self, schema: Schema, value: str) -> str | Joined | None:
        """The condition that a value fits a schema; None if any does."""
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name in self.within:
                return f"{value} is map"
            inner = _Types(self.place, self.definitions, self.within | {name})
            return inner.condition(cast(Schema, self.definitions[name]), value)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                parts = [self.condition(part, value) for part in schema[key]]
                known = [part for part in parts if part is not None]
                return either(*known) if len(known) == len(parts) else None
        if "allOf" in schema:
            return _all([self.condition(part, value) for part in schema["allOf"]])
        if "const" in schema:
            return f"{value} == {literal(schema['const'])}"
        if "enum" in schema:
            return f"{value} in [{', '.join(literal(item) for item in schema['enum'])}]"
        kind = schema.get("type")
        if kind is None:
            return None
        if kind not in _KINDS:
            raise _unknown(self.place, f"it is of type {kind!r}")
        return _KINDS[kind](self, schema, value)


def _field(
    types: _Types, data: str, name: str, schema: Schema, *, required: bool
) -> list[str | Joined]:
    condition = types.condition(schema, member(data, name))
    if condition is None:
        return []
    return [condition] if required else [either(f"!({literal(name)} in {data})", condition)]


def _text(types: _Types, schema: Schema, value: str) -> str | Joined:
    form = schema.get("format")
    if form in {"date-time", "date"}:
        return f"{value} is timestamp"
    if form in {"time", "duration"}:
        raise _unknown(types.place, f"a {form} has no type of its own in Firestore")
    if form == "document-path":
        path = every(f"{value} is string", f"{value}.size() <= {_MAX_PATH}")
        return either(f"{value} is path", path)
    clauses = [f"{value} is bytes" if form == "binary" else f"{value} is string"]
    clauses += _size(schema, value, "minLength", "maxLength", 36 if form == "uuid" else MAX_TEXT)
    if "pattern" in schema:
        clauses.append(f"{value}.matches({literal(_whole(str(schema['pattern'])))})")
    return every(*clauses)


def _number(types: _Types, schema: Schema, value: str) -> str | Joined:
    clauses = [f"{value} is {'int' if schema['type'] == 'integer' else 'number'}"]
    bounds = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    for key, operator in bounds.items():
        if key in schema:
            clauses.append(f"{value} {operator} {literal(schema[key])}")
    if schema["type"] == "integer" and "multipleOf" in schema:
        clauses.append(f"{value} % {literal(schema['multipleOf'])} == 0")
    return every(*clauses)


def _list(types: _Types, schema: Schema, value: str) -> str | Joined:
    clauses: list[str | Joined] = [f"{value} is list"]
    clauses += _size(schema, value, "minItems", "maxItems", MAX_ITEMS)
    items = cast(Schema, schema.get("items") or {})
    if "enum" in items:
        allowed = ", ".join(literal(item) for item in items["enum"])
        return every(*clauses, f"{value}.hasOnly([{allowed}])")
    for place, item in enumerate(schema.get("prefixItems", ())):
        clauses += _known(types.condition(item, f"{value}[{place}]"))
    if items and schema.get("maxItems", MAX_CHECKED_ITEMS + 1) <= MAX_CHECKED_ITEMS:
        for place in range(schema["maxItems"]):
            for condition in _known(types.condition(items, f"{value}[{place}]")):
                clauses.append(either(f"{value}.size() <= {place}", condition))
    return every(*clauses)


def _map(types: _Types, schema: Schema, value: str) -> str | Joined:
    clauses: list[str | Joined] = [f"{value} is map"]
    properties = cast("dict[str, Schema]", schema.get("properties") or {})
    if not properties or schema.get("additionalProperties"):
        clauses += _size(schema, value, "minProperties", "maxProperties", MAX_ITEMS)
    else:
        clauses.append(f"{value}.keys().hasOnly({names(list(properties))})")
    required = cast("list[str]", schema.get("required") or [])
    if required:
        clauses.append(f"{value}.keys().hasAll({names(required)})")
    for name, item in properties.items():
        clauses += _field(types, value, name, item, required=name in required)
    return every(*clauses)


_KINDS: dict[str, Callable[[_Types, Schema, str], str | Joined]] = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda _types, _schema, value: f"{value} is bool",
    "array": _list,
    "object": _map,
    "null": lambda _types, _schema, value: f"{value} == null",
}


def _size(schema: Schema, value: str, least: str, most: str, limit: int) -> list[str]:
    lower, upper = schema.get(least, 0), schema.get(most, limit)
    if lower == upper:
        return [f"{value}.size() == {upper}"]
    return [f"{value}.size() >= {lower}"] * bool(lower) + [f"{value}.size() <= {upper}"]


def _whole(pattern: str) -> str:
    """A pattern that pydantic searches for, as one that has to match the whole text."""
    anchored = pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith("\\$")
    return pattern if anchored and "|" not in pattern else f"(?s).*(?:{pattern}).*"


def _all(parts: list[str | Joined | None]) -> str | Joined | None:
    known = [part for part in parts if part is not None]
    return every(*known) if known else None


def _known(condition: str | Joined | None) -> list[str | Joined]:
    return [] if condition is None else [condition]


def _unknown(place: str, why: str) -> DeclarationError:
    return DeclarationError(
        f"{place}: security rules cannot tell whether it is valid: {why}. Use a type that "
        "Firestore has (str, int, float, bool, bytes, datetime, Ref, list, dict, a model), or Any"
    )
