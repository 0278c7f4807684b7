"""The content of a model as it is stored: Firestore's names, what each object has, no None.

pydantic writes a nested object by the type that its field declares, so that a subclass loses its
fields, and leaves out every None or none. Here an object keeps all its fields. A None that is also
read as None if the field is missing is left out, at every depth. Any other None is stored as null:
that of a required field, of one with another default, and one in the application's lists and maps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic import BaseModel, RootModel
from pydantic.alias_generators import to_camel

from onto_fn.firestore.documents import Value
from onto_fn.models.annotations import alternatives, declared_fields
from onto_fn.models.plain import OBJ_TYPE, NotPlain, content_writer
from onto_fn.models.stored_names import serialized_fields, stored_names

Made = dict[int, object]


def content_of(model: BaseModel, made: Made | None = None) -> dict[str, Value]:
    """The fields of a domain object by their stored names, without `doc_id`.

    Values are those of the types table; what Firestore has no type for becomes its stored form as
    it is written. A None that is read as None where it is missing is left out.

    Args:
        model: the object.
        made: receives, for each map that is made, `id(map)` and the object it was made from.
    """
    fields = embedded_content(model, made)
    fields.pop("doc_id", None)
    return fields


def embedded_content(model: BaseModel, made: Made | None = None) -> dict[str, Value]:
    """The map that an object is stored as where another one embeds it; see `content_of`."""
    write = content_writer(type(model)) if made is None else None
    if write is not None:
        with suppress(NotPlain):
            return write(model)
    return _fields(model, _dumped(model), made)


def _dumped(model: BaseModel) -> Any:
    # Not `model.model_dump`, which an application may have overridden.
    return BaseModel.model_dump(model, by_alias=True)


@dataclass(frozen=True)
class _Shape:
    """What is to be done to the dumped fields of a class.

    Attributes:
        nested: fields that may hold objects: stored name and attribute of each.
        optional: stored names of the fields that are None where a document has no such field.
        added: stored names of which each base class, as which it may be declared, lacks one.
        is_own: whether a serializer of the application's own writes the whole object.
        obj_type: the name that identifies the class where it is embedded.
    """

    nested: tuple[tuple[str, str], ...]
    optional: frozenset[str]
    added: frozenset[str]
    is_own: bool
    obj_type: str | None


@cache
def _shape(cls: type[BaseModel]) -> _Shape:
    names = stored_names(cls)
    own = serialized_fields(cls)
    nested = tuple(
        (names[name], name)
        for name, annotation in declared_fields(cls).items()
        if name in names and name not in own and _may_hold_objects(annotation)
    )
    fields = cls.model_fields.items()
    kept = {name for name, info in fields if info.default is not None or info.default_factory}
    return _Shape(
        nested,
        frozenset(names[name] for name in names if name not in kept),
        _added(cls, names.values()),
        bool(cls.__pydantic_decorators__.model_serializers),
        getattr(cls, "__embedded_type__", None),
    )


def _added(cls: type[BaseModel], stored: Iterable[str]) -> frozenset[str]:
    added: set[str] = set()
    for base in cls.__mro__[1:]:
        if issubclass(base, BaseModel):
            known = set(stored_names(base).values())
            more = [name for name in stored if name not in known]
            if more and not added.intersection(more):
                added.add(more[-1])
    return frozenset(added)


def _may_hold_objects(annotation: Any) -> bool:
    return any(
        found.kind in {"any", "model", "unresolved"}
        or any(_may_hold_objects(item) for item in found.items)
        for found in alternatives(annotation)
    )


def _fields(model: BaseModel, dumped: Any, made: Made | None) -> Any:
    shape = _shape(type(model))
    if shape.is_own:
        return dumped
    if isinstance(model, RootModel):
        return _value(cast("RootModel[Any]", model).root, dumped, made)
    if not isinstance(dumped, dict):
        return dumped
    fields = cast("dict[str, Any]", dumped)
    if shape.added and not shape.added <= fields.keys():  # dumped as a base class
        fields = cast("dict[str, Any]", _dumped(model))
    for name in [name for name, value in fields.items() if value is None]:
        if name in shape.optional:
            del fields[name]
    for name, attribute in shape.nested:
        if name in fields:
            fields[name] = _value(getattr(model, attribute), fields[name], made)
    if shape.obj_type is not None:
        fields[OBJ_TYPE] = shape.obj_type
    if made is not None:
        made[id(fields)] = model
    return fields


def _value(value: Any, dumped: Any, made: Made | None) -> Any:
    """A dumped value with what its objects have; `value` is what it was dumped from."""
    if isinstance(value, BaseModel):
        return _fields(value, dumped, made)
    if isinstance(dumped, dict):
        known = cast("dict[Any, Any]", dumped)
        if isinstance(value, Mapping):
            return _map(cast("Mapping[Any, Any]", value), known, made)
        return _dataclass(value, known, made) if dataclasses.is_dataclass(value) else known
    if isinstance(dumped, list | tuple) and isinstance(value, Iterable):
        items = list(cast("Iterable[Any]", dumped))
        origins = list(cast("Iterable[Any]", value))
        if len(items) == len(origins):
            return [_value(origin, item, made) for origin, item in zip(origins, items, strict=True)]
        return items
    return cast(Any, dumped)


def _map(value: Mapping[Any, Any], dumped: dict[Any, Any], made: Made | None) -> dict[Any, Any]:
    if len(value) != len(dumped):
        return dumped
    pairs = zip(value.values(), dumped.items(), strict=True)
    return {key: _value(source, item, made) for source, (key, item) in pairs}


def _dataclass(value: Any, dumped: dict[str, Any], made: Made | None) -> dict[str, Any]:
    """The fields of a dataclass, by the names that the class which embeds it gives them.

    It is dumped with the fields that its declared class has, which come first in a subclass.
    """
    fields: dict[str, Any] = {}
    names = list(dumped)
    declared = dataclasses.fields(value)
    is_camel = any(name != field.name for name, field in zip(names, declared, strict=False))
    for place, field in enumerate(declared):
        item = getattr(value, field.name)
        if item is None and field.default is None:
            continue
        if place < len(names):
            fields[names[place]] = _value(item, dumped[names[place]], made)
        else:
            fields[to_camel(field.name) if is_camel else field.name] = _value(item, item, made)
    if made is not None:
        made[id(fields)] = value
    return fields
