"""The fields of models by name: where each is stored, and of which types its values are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import (
    Annotated,
    Any,
    ForwardRef,
    NewType,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel
from typing_extensions import TypeAliasType, is_typeddict

from onto_fn.errors import DeclarationError
from onto_fn.firestore.fieldpaths import field_path, names_in


@dataclass(frozen=True)
class Found:
    """A field.

    Attributes:
        name: its name in Python.
        stored: its name in Firestore.
        kind: its type; `Any` if that is not known.
    """

    name: str
    stored: str
    kind: Any


@dataclass(frozen=True)
class StoredField:
    """A field of a document, at any depth.

    Attributes:
        path: its field path in Firestore.
        kinds: the types that its values have, without None; see `kinds_of`.
    """

    path: str
    kinds: tuple[Any, ...]


def stored_field(model: type[BaseModel], name: str) -> StoredField:
    """The field of a name such as `home_address.postal_code`, in Python's or Firestore's names.

    A name that has a dot itself stands in backticks, unless it is the field's whole name.

    Raises:
        DeclarationError: the model declares no such field.
    """
    try:
        parts = names_in(name)
    except ValueError:
        parts = (name,)
    stored: list[str] = []
    kinds: tuple[Any, ...] = (model,)
    for place, part in enumerate(parts):
        holders = [kind for kind in kinds if fields_of(kind) is not None]
        if not holders:
            stored.append(part)
            kinds = _below_key(kinds, model, name)
            continue
        found = _fields(holders, part)
        if found:
            stored.append(found[0].stored)
            kinds = kinds_of(*(field.kind for field in found))
            continue
        found = _fields(holders, ".".join(parts[place:]) if place else name)  # an alias with a dot
        if not found:
            known = {field.name for holder in holders for field in fields_of(holder) or ()}
            raise DeclarationError(
                f"{model.__name__} has no field {name!r}; {holders[0].__name__} declares "
                f"{', '.join(sorted(known - {'doc_id'}))}"
            )
        stored.append(found[0].stored)
        kinds = kinds_of(*(field.kind for field in found))
        break
    return StoredField(field_path(stored), kinds)


def fields_of(kind: Any) -> list[Found] | None:
    """The fields of a model, a dataclass or a `TypedDict`, computed ones too; None of another."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        declared = [
            Found(name, info.serialization_alias or info.alias or name, info.annotation)
            for name, info in kind.model_fields.items()
        ]
        computed = [
            Found(name, info.alias or name, info.return_type)
            for name, info in kind.model_computed_fields.items()
        ]
        return declared + computed
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or is_typeddict(kind)):  # pyright: ignore[reportUnknownArgumentType]
        return [Found(name, name, hint) for name, hint in _hints(kind).items()]
    return None


def kinds_of(*annotations: Any) -> tuple[Any, ...]:
    """The types that make up annotations: of unions the members, of aliases what they stand for.

    `None` is left out, as it may be stored in any field.
    """
    found: dict[Any, None] = {}

    def add(annotation: Any) -> None:
        origin: Any = get_origin(annotation)
        if isinstance(annotation, TypeAliasType):
            add(annotation.__value__)
        elif isinstance(annotation, NewType):
            add(annotation.__supertype__)
        elif origin is Annotated:
            add(get_args(annotation)[0])
        elif origin is Union or origin is UnionType:
            for member in get_args(annotation):
                add(member)
        elif annotation is not type(None) and annotation is not None:
            found[annotation] = None

    for annotation in annotations:
        add(annotation)
    return tuple(found)


def items_of(kind: Any) -> tuple[Any, ...] | None:
    """The types of a list's (or tuple's, or set's) items; None if the type is of none."""
    origin: Any = get_origin(kind) or kind
    if not (isinstance(origin, type) and issubclass(origin, list | tuple | set | frozenset)):
        return None
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return kinds_of(*arguments) if arguments else (Any,)


def values_of(kind: Any) -> tuple[Any, ...] | None:
    """The types of a map's values; None if the type is of no map."""
    origin: Any = get_origin(kind) or kind
    if not (isinstance(origin, type) and issubclass(origin, Mapping)):
        return None
    arguments = get_args(kind)
    return kinds_of(arguments[1]) if len(arguments) == 2 else (Any,)


def is_unknown(kind: Any) -> bool:
    """Whether a type says nothing of its values."""
    return kind is Any or kind is object or isinstance(kind, str | ForwardRef | TypeVar)


def _fields(holders: Iterable[Any], name: str) -> list[Found]:
    return [
        field
        for holder in holders
        for field in fields_of(holder) or ()
        if name in {field.name, field.stored}
    ]


def _below_key(kinds: tuple[Any, ...], model: type[BaseModel], name: str) -> tuple[Any, ...]:
    """What a map's keys lead to.

    Raises:
        DeclarationError: the types are of no map.
    """
    if not kinds or any(map(is_unknown, kinds)):
        return (Any,)
    values = [values for kind in kinds if (values := values_of(kind)) is not None]
    if not values:
        raise DeclarationError(
            f"{model.__name__} has no field {name!r}: there is no map on the way"
        )
    return kinds_of(*(kind for some in values for kind in some))


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return get_type_hints(kind)
    except NameError:  # a type that is only imported for type checking
        return dict.fromkeys(cast("dict[str, Any]", kind.__annotations__), Any)
