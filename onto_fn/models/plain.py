"""Plain content: what objects and views store, without asking pydantic where it changes nothing.

Most fields are of types whose values pydantic gives back as they are, when it validates them and
when it dumps them: a text, a number, or lists, maps and models of these. For a class with such
fields, its stored content is made by a loop over them, which is prepared once from pydantic's own
description of the class, the core schema. What it is not certain of (a value of another class than
the declared one, a setting, a validator, a serializer) it leaves to pydantic, by raising
`NotPlain`. So there are no rules here but those of `content`: the result is the same, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple, cast
from uuid import UUID

from pydantic import BaseModel

from onto_fn.firestore.documents import Value
from onto_fn.models.references import Ref

OBJ_TYPE = "obj_type"
Convert = Callable[[Any], Value]
FieldsWriter = Callable[[Mapping[str, Any]], dict[str, Value]]
_Kinds = frozenset[type[Any]]


class NotPlain(Exception):
    """Only pydantic knows how to store a value, or the values of a type."""


class _Item(NamedTuple):
    """How the values of a type are stored.

    Attributes:
        kinds: classes whose values are stored as they are.
        convert: what makes the stored form of all others, or raises `NotPlain`.
    """

    kinds: _Kinds
    convert: Convert


def fields_writer(model: type[BaseModel], *, without: str) -> FieldsWriter | None:
    """What validates values by the names of a class's fields, and makes their stored content.

    Args:
        model: a class of views' documents.
        without: a field that is left out.

    Returns:
        The writer, which raises `NotPlain` for values that pydantic has to look at; None if it
        always has to.
    """
    types = _Types(are_valid=False)
    try:
        schema = types.resolved(_schema_of(model))
        if schema["type"] != "model" or not schema.get("config", {}).keys() <= _PLAIN_SETTINGS:
            return None
        return types.fields(schema, without)
    except NotPlain:
        return None


def content_writer(model: type[BaseModel]) -> Convert | None:
    """What makes the content of the objects of a class, as `embedded_content` does.

    Returns:
        The writer, which raises `NotPlain` for an object that pydantic has to dump; None if it
        always has to.
    """
    if model not in _writers and model.__pydantic_complete__:
        try:
            _writers[model] = _Types(are_valid=True).type(_schema_of(model)).convert
        except NotPlain:
            _writers[model] = None
    return _writers.get(model)


_writers: dict[type[BaseModel], Convert | None] = {}


def _schema_of(model: type[BaseModel]) -> Any:
    if not model.__pydantic_complete__:
        raise NotPlain
    return cast(Any, model.__pydantic_core_schema__)


_SCALARS: dict[str, type[Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "none": type(None),
    "datetime": datetime,
    "date": date,
    "time": time,
    "timedelta": timedelta,
    "decimal": Decimal,
    "uuid": UUID,
}
"""The class of the values, by the type's name in a core schema."""
_VALID = frozenset({"str", "int", "float", "bool", "none", "datetime", "date"})
"""Those of them of which an exact instance is valid, and stays as it is."""
_PLAIN_SETTINGS = frozenset(
    {"title", "extra_fields_behavior", "validate_by_alias", "validate_by_name", "loc_by_alias"}
)
"""Settings of a model that do not change what a value of a field becomes."""
_LITERALS = frozenset({str, int, bool})
_VALIDATORS = frozenset({"function-before", "function-after", "function-wrap"})
_NO_EFFECT = frozenset({"type", "metadata", "ref", "microseconds_precision"})
_LENGTHS = ("min_length", "max_length", "strict", "fail_fast")
_DEFAULTS = ("default", "default_factory", "default_factory_takes_data", "validate_default")
_MODEL = ("cls", "schema", "config", "custom_init", "root_model", "post_init", "generic_origin")
_ABSENT = object()


class _Types:
    """Prepares how the values of types are stored.

    Args:
        are_valid: whether the values are valid, as those that an object holds; all others are only
            stored if that is certain.
    """

    def __init__(self, *, are_valid: bool) -> None:
        self._are_valid = are_valid
        self._definitions: dict[str, Any] = {}
        self._open: set[str] = set()
        self._makers: dict[str, Callable[[Any], _Item]] = {
            "default": self._default,
            "nullable": self._nullable,
            "literal": self._literal,
            "list": self._list,
            "dict": self._dict,
            "model": self._model,
            "function-plain": self._reference,
        }

    def resolved(self, schema: Any) -> Any:
        """A schema in place of the reference to it."""
        if schema["type"] == "definitions":
            self._definitions |= {one["ref"]: one for one in schema["definitions"]}
            return self.resolved(schema["schema"])
        if schema["type"] == "definition-ref":
            _only(schema, "schema_ref")
            return self.resolved(self._definitions[schema["schema_ref"]])
        return schema

    def type(self, schema: Any) -> _Item:
        """How the values of a type are stored.

        Raises:
            NotPlain: pydantic has to be asked.
        """
        schema = self.resolved(schema)
        kind = schema["type"]
        if kind in _SCALARS:
            return self._scalar(schema)
        if kind in _VALIDATORS and self._are_valid:
            _only(schema, "function", "schema")
            return self.type(schema["schema"])
        if kind not in self._makers:
            raise NotPlain
        return self._makers[kind](schema)

    def fields(self, schema: Any, without: str = "") -> FieldsWriter:
        """What makes the stored fields of a model from the values by name.

        Raises:
            NotPlain: pydantic has to be asked.
        """
        _only(schema, *_MODEL)
        inner = self.resolved(schema["schema"])
        if inner["type"] != "model-fields" or inner.get("computed_fields"):
            raise NotPlain
        _only(inner, "fields", "model_name", "computed_fields", "extra_behavior")
        listed = [
            self._field(schema["cls"], name, field)
            for name, field in inner["fields"].items()
            if name != without
        ]

        def write(values: Mapping[str, Any]) -> dict[str, Value]:
            made: dict[str, Value] = {}
            for name, stored, kinds, convert, leaves_none in listed:
                value = values.get(name, _ABSENT)
                if value.__class__ not in kinds:
                    made[stored] = convert(value)
                elif value is not None or not leaves_none:
                    made[stored] = value
            return made

        return write

    def _field(self, model: Any, name: str, field: Any) -> tuple[str, str, _Kinds, Convert, bool]:
        _only(field, "schema", "validation_alias", "serialization_alias", "frozen")
        info = model.model_fields[name]
        kinds, convert = self.type(field["schema"])
        # A None that is also read as None if the field is missing.
        leaves_none = info.default is None and not info.default_factory
        return name, field.get("serialization_alias", name), kinds, convert, leaves_none

    def _scalar(self, schema: Any) -> _Item:
        if self._are_valid:
            if "serialization" in schema:
                raise NotPlain
        elif schema["type"] not in _VALID:
            raise NotPlain
        else:
            _only(schema)
        return _Item(frozenset({_SCALARS[schema["type"]]}), _refuse)

    def _default(self, schema: Any) -> _Item:
        _only(schema, "schema", "copy_default", *_DEFAULTS)
        return self.type(schema["schema"])

    def _nullable(self, schema: Any) -> _Item:
        _only(schema, "schema")
        inner = self.type(schema["schema"])
        return _Item(inner.kinds | {type(None)}, inner.convert)

    def _literal(self, schema: Any) -> _Item:
        _only(schema, "expected")
        known = {(value.__class__, value) for value in schema["expected"]}
        if not {kind for kind, _ in known} <= _LITERALS:
            raise NotPlain

        def convert(value: Any) -> Value:
            kind = value.__class__
            if kind in _LITERALS and (kind, value) in known:
                return value
            raise NotPlain

        return _Item(frozenset(), convert)

    def _list(self, schema: Any) -> _Item:
        _only(schema, "items_schema", *(_LENGTHS if self._are_valid else ()))
        kinds, inner = self.type(_part(schema, "items_schema"))

        def convert(value: Any) -> Value:
            if value.__class__ is not list:
                raise NotPlain
            return [item if item.__class__ in kinds else inner(item) for item in value]

        return _Item(frozenset(), convert)

    def _dict(self, schema: Any) -> _Item:
        _only(schema, "keys_schema", "values_schema", *(_LENGTHS if self._are_valid else ()))
        keys = self.type(_part(schema, "keys_schema")).kinds
        kinds, inner = self.type(_part(schema, "values_schema"))
        if set(keys) != {str}:
            raise NotPlain

        def convert(value: Any) -> Value:
            if value.__class__ is not dict:
                raise NotPlain
            made: dict[str, Value] = {}
            for key, item in value.items():
                if key.__class__ is not str:
                    raise NotPlain
                made[key] = item if item.__class__ in kinds else inner(item)
            return made

        return _Item(frozenset(), convert)

    def _model(self, schema: Any) -> _Item:
        """Of objects, which are valid: pydantic only looks at their class."""
        cls, config, name = schema["cls"], schema.get("config", {}), schema.get("ref", "")
        if schema.get("custom_init") or schema.get("root_model") or name in self._open:
            raise NotPlain
        if not self._are_valid and config.get("revalidate_instances", "never") != "never":
            raise NotPlain
        were_valid, self._are_valid = self._are_valid, True
        self._open.add(name)  # what contains itself is left to pydantic
        write = self.fields(schema)
        self._open.discard(name)
        self._are_valid = were_valid
        behavior = schema["schema"].get("extra_behavior") or config.get("extra_fields_behavior")
        keeps_more = behavior == "allow"
        obj_type: str | None = getattr(cls, "__embedded_type__", None)

        def convert(value: Any) -> Value:
            if value.__class__ is not cls or (keeps_more and value.__pydantic_extra__):
                raise NotPlain
            made = write(value.__dict__)
            if obj_type is not None:
                made[OBJ_TYPE] = obj_type
            return made

        return _Item(frozenset(), convert)

    def _reference(self, schema: Any) -> _Item:
        """Of a `Ref` in an object; it has another form in JSON only."""
        _only(schema, "function", "serialization")
        if not self._are_valid or schema.get("serialization", {}).get("when_used") != "json":
            raise NotPlain
        return _Item(frozenset({Ref}), _refuse)


def _only(schema: Any, *known: str) -> None:
    """Refuse a schema that says more than what is known here.

    Raises:
        NotPlain: it does.
    """
    if not (schema.keys() - _NO_EFFECT).issubset(known):
        raise NotPlain


def _part(schema: Any, name: Literal["items_schema", "keys_schema", "values_schema"]) -> Any:
    if name not in schema:  # of anything
        raise NotPlain
    return schema[name]


def _refuse(value: Any) -> Value:
    raise NotPlain
