"""Fields of models by their paths: which types they are declared with, and their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic.fields import ComputedFieldInfo, FieldInfo

from onto_fn.errors import DeclarationError, InvalidValue
from onto_fn.firestore.types import StoredType, key_text, row_of
from onto_fn.models import DomainModel
from onto_fn.models.queries import stored_name

MISSING: Any = object()
"""What `value_at` returns where there is no such field."""

# What pydantic's own schema calls the types that its marker classes (`PastDate`) stand for.
_SCHEMAS: dict[str, type[Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "date": date,
    "datetime": datetime,
}


@dataclass(frozen=True)
class Declared:
    """How a field is declared.

    Attributes:
        name: the field as the declaration names it.
        stored: its path in Firestore's names, such as `homeAddress.city`.
        annotation: its type.
        rows: the rows of the types table that its values are of; None is left out.
        is_open: whether values of any type may come (`Any`).
        problem: why its values are not of single types with a stored form, empty if they are.
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


@cache
def declared_field(model: type[DomainModel], name: str) -> Declared:
    """How a field of a model is declared.

    Args:
        model: the class.
        name: the field's path in Python's or Firestore's names; a computed field is one as well.

    Raises:
        DeclarationError: there is no such field.
    """
    if not model.__pydantic_complete__:
        model.model_rebuild(raise_errors=False)
    found = _find(model, name)
    if found is None:
        stored = stored_name(model, name)  # raises: it names the fields that there are
        raise DeclarationError(f"{model.__name__}.{stored} cannot be measured")
    stored, annotation = found
    rows: dict[str, StoredType] = {}
    is_open, problem = False, ""
    for kind in _kinds(annotation):
        if kind is Any or kind is object or isinstance(kind, TypeVar):
            is_open = True
        elif isinstance(kind, StoredType):
            rows[kind.name] = kind
        else:
            problem = f"its type {_title(kind)} is not one of single values"
    return Declared(name, stored, annotation, tuple(rows.values()), is_open, problem)


def value_at(holder: Any, path: str) -> Any:
    """The value of a field, `MISSING` where there is none.

    Args:
        holder: an object of a model, or a map.
        path: in Firestore's names. A name may have dots of its own.
    """
    if not isinstance(holder, BaseModel | Mapping):
        return MISSING
    holder = cast("BaseModel | Mapping[Any, Any]", holder)
    for name, rest in _splits(path):
        value = _item(holder, name)
        if value is MISSING:
            continue
        if not rest or value is None:
            return value
        below = value_at(value, rest)
        if below is not MISSING:
            return below
    return MISSING


def _item(holder: BaseModel | Mapping[Any, Any], name: str) -> Any:
    if isinstance(holder, BaseModel):
        attribute = _attributes(type(holder)).get(name)
        if attribute is not None:
            return getattr(holder, attribute)
        return (holder.__pydantic_extra__ or {}).get(name, MISSING)
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
def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """The attributes of a model by their stored names."""
    return {_alias(attribute, info): attribute for attribute, info in _members(model)}


def _members(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo | ComputedFieldInfo]]:
    yield from model.model_fields.items()
    yield from model.model_computed_fields.items()


def _alias(attribute: str, info: FieldInfo | ComputedFieldInfo) -> str:
    return info.alias or attribute


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
    for part in _parts(annotation):
        if part is Any or part is object:
            return path, Any
        for name, rest in _splits(path):
            for stored, below in _below(part, name):
                found = _find(below, rest)
                if found is not None:
                    return ".".join(filter(None, (stored, found[0]))), found[1]
    return None


def _below(kind: Any, name: str) -> Iterator[tuple[str, Any]]:
    origin = _class(kind)
    if origin is None:
        return
    if issubclass(origin, BaseModel):
        for attribute, info in _members(origin):
            if name in {attribute, _alias(attribute, info)}:
                is_computed = isinstance(info, ComputedFieldInfo)
                yield (
                    _alias(attribute, info),
                    info.return_type if is_computed else info.annotation,
                )
    elif issubclass(origin, Mapping):
        arguments = get_args(kind)
        yield name, arguments[1] if len(arguments) == 2 else Any


def _parts(annotation: Any) -> Iterator[Any]:
    """The members of unions, without what only annotates them."""
    annotation = getattr(annotation, "__value__", annotation)  # of a `type` statement
    annotation = getattr(annotation, "__supertype__", annotation)  # of a NewType
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for member in get_args(annotation):
            yield from _parts(member)
    else:
        yield annotation


def _kinds(annotation: Any) -> Iterator[Any]:
    """For each type of single values its row in the types table; other types as they are."""
    for part in _parts(annotation):
        if part is None or part is type(None):
            continue
        if get_origin(part) is Literal:
            for value in get_args(part):
                yield from _kinds(_class_of(value))
        elif isinstance(part, type) and issubclass(part, Enum):
            for member in part:
                yield from _kinds(_class_of(member.value))
        else:
            kind = _class(part)
            yield (row_of(kind) if kind else None) or _marked(part) or part


def _class(annotation: Any) -> type[Any] | None:
    """The class that a type is, or is made of: `dict` of `dict[str, int]`."""
    origin: Any = get_origin(annotation) or annotation
    return cast("type[Any]", origin) if isinstance(origin, type) else None


def _class_of(value: Any) -> type[Any]:
    if isinstance(value, Enum):
        return _class_of(value.value)
    return cast("type[Any]", value.__class__)


def _marked(kind: Any) -> StoredType | None:
    """The row of a class that pydantic reads as another type, such as `EmailStr`."""
    if not isinstance(kind, type) or not kind.__module__.startswith("pydantic"):
        return None
    schema: Any = TypeAdapter(kind).core_schema
    while "schema" in schema:
        schema = schema["schema"]
    known = _SCHEMAS.get(schema["type"])
    return row_of(known) if known else None


def _title(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind)) if isinstance(kind, type) else str(kind)
