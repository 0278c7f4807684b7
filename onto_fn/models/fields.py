"""The fields of models by name: where each is stored, and of which kinds its values are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from typing_extensions import Format, get_annotations

from onto_fn.errors import DeclarationError
from onto_fn.firestore.fieldpaths import field_path, names_in
from onto_fn.models.annotations import Alternative, declared_fields, without_null
from onto_fn.models.stored_names import stored_names

Kinds = tuple[Alternative, ...]


@dataclass(frozen=True)
class Found:
    """A field.

    Attributes:
        name: its name in Python.
        stored: its name in Firestore.
        annotation: its type.
        is_computed: whether its value is computed from other fields.
    """

    name: str
    stored: str
    annotation: Any
    is_computed: bool = False


@dataclass(frozen=True)
class StoredField:
    """A field of a document, at any depth.

    Attributes:
        path: its field path in Firestore.
        kinds: what its values may be, besides None.
    """

    path: str
    kinds: Kinds


def stored_field(model: type[BaseModel], name: str) -> StoredField:
    """The field of a name such as `home_address.postal_code`, in Python's or Firestore's names.

    A name that contains a dot is put in backticks, unless it is the field's whole name.

    Raises:
        DeclarationError: the model declares no such field.
    """
    try:
        return _field_at(model, name, names_in(name))
    except (DeclarationError, ValueError) as error:
        whole = fields_named((Alternative("model", model),), name)
        if whole:  # a name that is no path, or looks like one
            return StoredField(field_path([whole[0].stored]), kinds_of(whole[0].annotation))
        if isinstance(error, DeclarationError):
            raise
        raise DeclarationError(f"{model.__name__} has no field {name!r}: {error}") from error


def _field_at(model: type[BaseModel], name: str, parts: tuple[str, ...]) -> StoredField:
    stored: list[str] = []
    kinds: Kinds = (Alternative("model", model),)
    for place, part in enumerate(parts):
        if not any(kind.kind == "model" for kind in kinds):
            stored.append(part)
            kinds = _below_key(kinds, model, name)
            continue
        found = fields_named(kinds, part)
        is_last = not found
        if is_last:  # it may be a name with a dot
            found = fields_named(kinds, ".".join(parts[place:]))
        if not found:
            raise DeclarationError(f"{model.__name__} has no field {name!r}; {known_fields(kinds)}")
        stored.append(found[0].stored)
        kinds = kinds_of(*(field.annotation for field in found))
        if is_last:
            break
    return StoredField(field_path(stored), kinds)


def fields_of(model: type[Any]) -> list[Found]:
    """The fields of a model, a dataclass or a `TypedDict`, computed ones too."""
    try:
        declared = declared_fields(model)
    except NameError:  # a type that is only imported for type checking
        declared = dict.fromkeys(get_annotations(model, format=Format.FORWARDREF), Any)
    is_model = issubclass(model, BaseModel)
    stored = stored_names(model) if is_model else {}
    computed = model.model_computed_fields if is_model else {}
    return [
        Found(name, stored.get(name, name), kind, name in computed)
        for name, kind in declared.items()
    ]


def fields_named(kinds: Iterable[Alternative], name: str) -> list[Found]:
    """The fields of that name, Python's or Firestore's, of those kinds that are models."""
    return [
        field
        for kind in kinds
        if kind.kind == "model"
        for field in fields_of(kind.annotation)
        if name in {field.name, field.stored}
    ]


def known_fields(kinds: Iterable[Alternative]) -> str:
    """What the models among some kinds declare, for messages."""
    models = [kind.annotation for kind in kinds if kind.kind == "model"]
    known = {field.name for model in models for field in fields_of(model)} - {"doc_id"}
    return f"{' or '.join(m.__name__ for m in models)} declares {', '.join(sorted(known))}"


def kinds_of(*annotations: Any) -> Kinds:
    """What values of some types may be, besides None."""
    found = [kind for annotation in annotations for kind in without_null(annotation)]
    return tuple(dict.fromkeys(found))


def items_of(kinds: Iterable[Alternative]) -> Kinds:
    """What the items of the lists among some kinds may be."""
    return kinds_of(*(item for kind in kinds if kind.kind == "list" for item in kind.items))


def values_of(kinds: Iterable[Alternative]) -> Kinds:
    """What the values of the maps among some kinds may be."""
    return kinds_of(*(kind.items[1] for kind in kinds if kind.kind == "map"))


def is_open(kinds: Kinds) -> bool:
    """Whether values may be of unknown kinds."""
    return not kinds or any(kind.kind in {"any", "unresolved", "unknown"} for kind in kinds)


def _below_key(kinds: Kinds, model: type[BaseModel], name: str) -> Kinds:
    """What a map's keys lead to.

    Raises:
        DeclarationError: there is no map.
    """
    if is_open(kinds):
        return ()
    if not any(kind.kind == "map" for kind in kinds):
        raise DeclarationError(
            f"{model.__name__} has no field {name!r}: there is no map on the way"
        )
    return values_of(kinds)
