"""Makes the objects of documents: pydantic validates the fields, and the object is made here.

Pydantic's own way to the object, with its hook for private attributes, takes as long as the
validation of a small document.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import SchemaValidator

Make = Callable[[dict[str, Any], dict[str, Any]], Any]

# What a description of a class may say besides its fields, if making an object is nothing more.
_PLAIN = {"type", "cls", "schema", "config", "metadata", "ref", "post_init", "generic_origin"}
_OFF = ("custom_init", "root_model")


def maker(model: type[BaseModel]) -> Make | None:
    """What makes an object of a document's fields and its private attributes.

    It raises what validation raises.

    Args:
        model: a class with no hook of its own after validation.

    Returns:
        What makes it; None if only pydantic can.
    """
    validator: object = model.__pydantic_validator__
    if not isinstance(validator, SchemaValidator):  # of a plugin of pydantic's
        return None
    if model.model_validate.__func__ is not BaseModel.model_validate.__func__:
        return None
    schema = cast(Any, model.__pydantic_core_schema__)
    definitions: list[Any] = []
    if schema["type"] == "definitions":
        definitions, schema = schema["definitions"], schema["schema"]
    if schema["type"] == "definition-ref":
        schema = next(one for one in definitions if one["ref"] == schema["schema_ref"])
    if schema["type"] != "model" or not {*schema} - {*_OFF} <= _PLAIN or any(map(schema.get, _OFF)):
        return None
    fields: Any = schema["schema"]
    if definitions:
        fields = {"type": "definitions", "schema": fields, "definitions": definitions}
    validate = SchemaValidator(fields, schema.get("config")).validate_python
    new: Callable[[Any], Any] = model.__new__

    def make(stored: dict[str, Any], private: dict[str, Any]) -> Any:
        values, extra, names = validate(stored)
        made = new(model)
        _set_values(made, values)
        _set_names(made, names)
        _set_extra(made, extra)
        _set_private(made, private)
        return made

    return make


_own: Any = BaseModel.__dict__
_set_values = _own["__dict__"].__set__
_set_names = _own["__pydantic_fields_set__"].__set__
_set_extra = _own["__pydantic_extra__"].__set__
_set_private = _own["__pydantic_private__"].__set__
