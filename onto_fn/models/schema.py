"""JSON schemas of stored forms: the one description that rules, TypeScript and requests read.

Pydantic's own JSON schemas describe JSON. These describe what is stored: each type of the types
table (`onto_fn.firestore.types`) has the schema of its stored form, and its name there. Whatever
reads a declared field (security rules, TypeScript, the check of a request) reads it from here, so
that no two of them can disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast

from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from onto_fn.firestore.native import native
from onto_fn.firestore.types import TABLE, StoredType, row_of
from onto_fn.models.content import OBJ_TYPE
from onto_fn.models.domain import DomainModel
from onto_fn.models.embedded import EmbeddedModel

STORED = "x-stored"
"""Key of a schema: the name of the type's row in the types table."""
CHANGED = "x-changed"
"""Key of a schema of a text that validation changes, so that its limits are not those of what a
client writes."""
PYTHON_PATTERN = "x-python-pattern"
"""Key of a schema whose pattern is for Python's `re`, not for pydantic's own engine."""

LEFT_OUT = "x-left-out"
"""Key of the schema of a field that is left out of the document where it is None."""
FAMILY = "x-family"
"""Key of a schema of a class: the schemas of its subclasses, whose objects may be in its place."""


class StoredSchema(GenerateJsonSchema):
    """Makes JSON schemas of stored forms."""

    _whose_family: set[type[Any]] | None = None

    @override
    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        # A model that is read by a function of its own would be written out at each use.
        inner = schema
        while inner["type"] == "function-wrap":
            inner = inner["schema"]
        is_model = inner["type"] in {"model", "definition-ref"}
        return super().generate_inner(inner if is_model else schema)

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        cls: type[Any] = schema["cls"]
        told_apart: str | None = getattr(cls, "__embedded_type__", None)
        if told_apart is not None:
            made["properties"] = {**made.get("properties", {}), OBJ_TYPE: {"const": told_apart}}
            if self.mode == "serialization":
                made["required"] = [*made.get("required", ()), OBJ_TYPE]
        if self.mode == "serialization" or told_apart is not None:
            family = self._family(cls)
            if family:
                made[FAMILY] = family
        return made

    def _family(self, cls: type[Any]) -> list[JsonSchemaValue]:
        if not issubclass(cls, EmbeddedModel | DomainModel):
            return []
        around = self._whose_family or set[type[Any]]()
        if cls in around:  # a subclass that holds its base class
            return []
        self._whose_family = {*around, cls}
        try:
            members = [member for member in _subclasses(cls) if member.__pydantic_complete__]
            return [self.generate_inner(member.__pydantic_core_schema__) for member in members]
        finally:
            self._whose_family = around

    @override
    def model_field_schema(self, schema: core_schema.ModelField) -> JsonSchemaValue:
        return _marked(super().model_field_schema(schema), schema["schema"])

    @override
    def dataclass_field_schema(self, schema: core_schema.DataclassField) -> JsonSchemaValue:
        return _marked(super().dataclass_field_schema(schema), schema["schema"])

    @override
    def computed_field_schema(self, schema: core_schema.ComputedField) -> JsonSchemaValue:
        return {**super().computed_field_schema(schema), LEFT_OUT: True}

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])  # a default may be a value without JSON

    @override
    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        made = super().str_schema(schema)
        config = self._config
        pattern: object = schema.get("pattern")
        engine = schema.get("regex_engine") or config.regex_engine
        if pattern is not None and (not isinstance(pattern, str) or engine == "python-re"):
            made[PYTHON_PATTERN] = True
        changes = ("strip_whitespace", "to_lower", "to_upper")
        if any(schema.get(name) or getattr(config, f"str_{name}", False) for name in changes):
            made[CHANGED] = True
        return made

    @override
    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        return {**super().bytes_schema(schema), **of_row("bytes")}

    @override
    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        return of_row("datetime")

    @override
    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        return of_row("date")

    @override
    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        return of_row("time")

    @override
    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        return of_row("timedelta")

    @override
    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return of_row("Decimal")

    @override
    def uuid_schema(self, schema: core_schema.UuidSchema) -> JsonSchemaValue:
        return of_row("UUID")

    @override
    def url_schema(self, schema: core_schema.UrlSchema) -> JsonSchemaValue:
        return {**super().url_schema(schema), **of_row("Url")}

    @override
    def multi_host_url_schema(self, schema: core_schema.MultiHostUrlSchema) -> JsonSchemaValue:
        return {**super().multi_host_url_schema(schema), **of_row("Url")}

    @override
    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        kind: Any = schema["cls"]
        row = row_of(kind) if isinstance(kind, type) else None
        return super().is_instance_schema(schema) if row is None else of_row(row.name)

    @override
    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        made.pop("propertyNames", None)
        by_pattern: dict[str, Any] = made.pop("patternProperties", {})
        for values in by_pattern.values():  # of keys such as dates; the function looks at keys
            made["additionalProperties"] = values
        return made

    @override
    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        return _choice(super().literal_schema(schema), schema["expected"])

    @override
    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        return _choice(super().enum_schema(schema), schema["members"])


class AnsweredSchema(StoredSchema):
    """Schemas of what is read: a field is required if it is always stored."""

    @override
    def field_is_required(self, field: Any, total: bool) -> bool:
        if field["type"] == "typed-dict-field":
            return super().field_is_required(field, total)
        inner = field["schema"]
        return inner["type"] != "default" or inner.get("default", ...) is not None


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def of_row(name: str) -> JsonSchemaValue:
    """The schema of a type of the types table, by its name there."""
    row = row_named(name)
    return {**row.json_schema, STORED: row.name}


@cache
def row_named(name: str) -> StoredType:
    """The row of the types table that has a name."""
    return next(row for row in TABLE if row.name == name)


def _choice(made: JsonSchemaValue, members: Iterable[Any]) -> JsonSchemaValue:
    """With the stored forms of the choices."""
    values: list[Any] = []
    for member in members:
        value: Any = member.value if isinstance(member, Enum) else member
        if isinstance(value, Decimal | float | int | str) or value is None:
            values.append(native(value))
            continue
        row = row_of(cast("type[Any]", type(value)))
        if row is None or row.stored not in {"string", "double"}:
            raise PydanticInvalidForJsonSchema(f"{member!r} is a value that rules cannot compare")
        values.append(native(value))
    plain = {key: value for key, value in made.items() if key not in {"const", "enum", "type"}}
    if len(values) == 1 and "const" in made:
        return {**plain, "const": values[0]}
    return {**plain, "enum": values}


def _marked(made: JsonSchemaValue, field: Any) -> JsonSchemaValue:
    """The schema of a field; one that is None by default is left out where it is None."""
    is_default = field["type"] == "default" and field.get("default", ...) is None
    return {**made, LEFT_OUT: True} if is_default else made
