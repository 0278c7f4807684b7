"""Fields of models by their paths: which types they are declared with, and their values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from typing import Any, cast

from pydantic import BaseModel, RootModel

from onto_fn.errors import DeclarationError, InvalidValue
from onto_fn.firestore.native import key_text
from onto_fn.firestore.types import StoredType, row_of
from onto_fn.models import DomainModel
from onto_fn.models.annotations import Alternative, declared_fields, without_null
from onto_fn.models.queries import stored_name as known_name
from onto_fn.models.stored_names import stored_name

MISSING: Any = object()
"""What `value_at` returns where there is no such field."""


@dataclass(frozen=True)
class Declared:
    """How a field is declared.

    Attributes:
        name: the field as the declaration names it.
        stored: its path in Firestore's names, such as `homeAddress.city`.
        annotation: its type.
        rows: the rows of the types table that its values are of; None is left out.
        is_open: whether values of any type may come (`Any`).
        problem: why its values are not single ones, empty if they are.
    """

    name: str
    stored: str
    annotation: Any
    rows: tuple[StoredType, ...]
    is_open: bool
    problem: str

    @property
    def is_duration(self) -> bool:
        """Whether its numbers are the seconds of durations."""
        return self.rows == (row_of(timedelta),)

    @property
    def is_bool(self) -> bool:
        """Whether its values are true and false."""
        return self.rows == (row_of(bool),)


def declared_field(model: type[DomainModel], name: str) -> Declared:
    """How a field of a model is declared.

    Args:
        model: a domain model.
        name: the field's path in Python's or Firestore's names; a computed field is one as well.

    Raises:
        DeclarationError: there is no such field.
    """
    return _declared(cast(Any, model), name)


@cache
def _declared(model: Any, name: str) -> Declared:
    if not model.__pydantic_complete__:
        model.model_rebuild(raise_errors=False)
    found = _below_model(model, name)
    if found is None:
        known_name(model, name)  # raises: it names the fields that there are
        raise DeclarationError(f"{model.__name__} has no field {name!r} with values to measure")
    stored, annotation = found
    rows: dict[str, StoredType] = {}
    is_open, problem = False, ""
    for kind in without_null(annotation):
        if kind.kind == "any":
            is_open = True
        elif kind.kind == "value" and kind.row is not None:
            rows[kind.row.name] = kind.row
        else:
            problem = f"its type {_title(kind.annotation)} does not hold single values"
    return Declared(name, stored, annotation, tuple(rows.values()), is_open, problem)


def value_at(holder: Any, path: str) -> Any:
    """The value of a field, `MISSING` where there is none.

    Args:
        holder: an object of a model, or a map.
        path: in Firestore's names. A name may have dots of its own.
    """
    for name, rest in _splits(path):
        value = _item(holder, name)
        if isinstance(value, RootModel):
            value = cast("RootModel[Any]", value).root
        if value is MISSING:
            continue
        if not rest or value is None:
            return value
        below = value_at(value, rest)
        if below is not MISSING:
            return below
    return MISSING


def _item(holder: Any, name: str) -> Any:
    if isinstance(holder, Mapping):
        return _of_map(cast("Mapping[Any, Any]", holder), name)
    attribute = _attributes(cast("type[Any]", holder.__class__)).get(name)
    if attribute is not None:
        return getattr(holder, attribute)
    extra = holder.model_extra if isinstance(holder, BaseModel) else None
    return (extra or {}).get(name, MISSING)


def _of_map(holder: Mapping[Any, Any], name: str) -> Any:
    if name in holder:
        return holder[name]
    for key, value in holder.items():
        if not isinstance(key, str) or isinstance(key, Enum):
            try:
                if key_text(key) == name:
                    return value
            except InvalidValue:
                continue
    return MISSING


@cache
def _attributes(kind: type[Any]) -> dict[str, str]:
    """The attributes that a class declares, by their stored names."""
    if issubclass(kind, BaseModel):
        infos: dict[str, Any] = {**kind.model_fields, **kind.model_computed_fields}
        return {stored_name(name, info): name for name, info in infos.items()}
    if dataclasses.is_dataclass(kind):
        return {field.name: field.name for field in dataclasses.fields(kind)}
    return {}


def _splits(path: str) -> Iterator[tuple[str, str]]:
    """The ways to take a name off the front of a path, the shortest name first."""
    end = path.find(".")
    while end >= 0:
        yield path[:end], path[end + 1 :]
        end = path.find(".", end + 1)
    yield path, ""


def _find(annotation: Any, path: str) -> tuple[str, Any] | None:
    """The stored path and the type of what a path leads to, from a type."""
    if not path:
        return "", annotation
    for kind in without_null(annotation):
        found = _below(kind, path)
        if found is not None:
            return found
    return None


def _below(kind: Alternative, path: str) -> tuple[str, Any] | None:
    if kind.kind == "any":
        return path, Any
    if kind.kind == "model":
        return _below_model(kind.annotation, path)
    if kind.kind == "map":
        for name, rest in _splits(path):
            found = _find(kind.items[1], rest)
            if found is not None:
                return _joined(name, found[0]), found[1]
    return None


def _below_model(model: Any, path: str) -> tuple[str, Any] | None:
    annotations = declared_fields(model)
    stored = {attribute: name for name, attribute in _attributes(model).items()}
    for name, rest in _splits(path):
        for attribute, annotation in annotations.items():
            own = stored.get(attribute, attribute)
            found = _find(annotation, rest) if name in {attribute, own} else None
            if found is not None:
                return _joined(own, found[0]), found[1]
    return None


def _joined(name: str, rest: str) -> str:
    return f"{name}.{rest}" if rest else name


def _title(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
