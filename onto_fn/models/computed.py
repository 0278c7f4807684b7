"""Computed fields are written to a document, and computed again when it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import core_schema

from onto_fn.models.stored_names import stored_name


def computed_names(model: type[BaseModel]) -> frozenset[str]:
    """Stored names of a class's computed fields.

    This is known while pydantic still makes the class, before its `model_computed_fields`.
    """
    computed = model.__pydantic_decorators__.computed_fields
    return frozenset(stored_name(name, decorator.info) for name, decorator in computed.items())


def not_reading(names: frozenset[str], schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    """A schema that does not look at some keys of a map.

    A stored value would otherwise stay as an undeclared field when the computed one is None, or be
    refused by a model that takes no undeclared fields.
    """
    if not names:
        return schema

    def read(value: Any, validate: Callable[[Any], Any]) -> Any:
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            value = {name: item for name, item in fields.items() if name not in names}
        return validate(value)

    return core_schema.no_info_wrap_validator_function(read, schema)
