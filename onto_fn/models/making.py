"""Templates: what pydantic makes of a document's fields, of which objects are made here.

Pydantic validates the fields alone. Its own way to the object, with its hook for private
attributes, takes as long as the validation of a small document; and a build needs no object with
everything in it (see `tracked`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import SchemaValidator

Validate = Callable[[dict[str, Any]], tuple[dict[str, Any], dict[str, Any] | None, set[str]]]

# What a description of a class may say besides its fields, if making an object is nothing more.
_PLAIN = {"type", "cls", "schema", "config", "metadata", "ref", "post_init", "generic_origin"}
_OFF = ("custom_init", "root_model")


class Template:
    """The validated content of one document.

    Attributes:
        cls: the class of its objects.
        path: of the document.
        update_time: its version.
        fields: the values of the declared fields.
        extra: the undeclared fields; None if the class keeps none.
        names: of the fields that the document has.
        copies: whether each object gets copies of the values that can be changed. The objects of
            other templates get the values themselves, so there may be one only.
    """

    __slots__ = (
        *("_object", "cls", "copies", "extra", "fields", "names"),
        *("path", "update_time"),
    )

    def __init__(
        self,
        cls: type[Any],
        path: str,
        update_time: datetime | None,
        parts: tuple[dict[str, Any], dict[str, Any] | None, set[str]],
        made: Any = None,
    ) -> None:
        self.cls = cls
        self.path = path
        self.fields, self.extra, self.names = parts
        self.copies = False
        self.update_time = update_time
        self._object: Any = made

    @classmethod
    def of(cls, made: BaseModel, path: str, update_time: datetime | None) -> Template:
        """The template of an object that pydantic has made."""
        parts = (_own_values(made), made.__pydantic_extra__, made.__pydantic_fields_set__)
        return cls(type(made), path, update_time, parts, made)

    @property
    def private(self) -> dict[str, Any] | None:
        """The private attributes of an object."""
        if self._object is None:
            return {"_path": self.path, "_update_time": self.update_time}
        private = self._object.__pydantic_private__
        return None if private is None else dict(private)

    def object(self) -> Any:
        """The object with this content; it is always the same."""
        if self._object is None:
            made: Any = _new(self.cls)
            _set_values(made, self.fields)
            _set_names(made, self.names)
            _set_extra(made, self.extra)
            _set_private(made, self.private)
            self._object = made
        return self._object


def validation(model: type[BaseModel]) -> Validate | None:
    """What validates a document's fields, if making an object of them is nothing more.

    Args:
        model: a class with no hook of its own after validation.

    Returns:
        What raises as pydantic does for the class, and returns the parts of an object: values,
        undeclared fields, and the names of those that are set; None if only pydantic can make it.
    """
    validator: object = model.__pydantic_validator__
    if not isinstance(validator, SchemaValidator):  # of a plugin of pydantic's
        return None
    if model.model_validate.__func__ is not BaseModel.model_validate.__func__:
        return None
    if model.__new__ is not object.__new__:
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
    return SchemaValidator(fields, schema.get("config")).validate_python


_own: Any = BaseModel.__dict__
_new: Any = object.__new__
_own_values = _own["__dict__"].__get__
_set_values = _own["__dict__"].__set__
_set_names = _own["__pydantic_fields_set__"].__set__
_set_extra = _own["__pydantic_extra__"].__set__
_set_private = _own["__pydantic_private__"].__set__
