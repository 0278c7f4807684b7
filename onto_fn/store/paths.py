"""Paths in place of functions: `many(User, "team.members")`, checked when the store is declared.

A path begins with a read of the store, and goes on with fields of what that read holds. It may go
through embedded models, and through lists of them, all of whose references are then read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, get_origin

from google.cloud.firestore_v1 import DocumentReference
from pydantic import BaseModel

from onto_fn.errors import DeclarationError
from onto_fn.firestore import Reference
from onto_fn.firestore.fieldpaths import names_in
from onto_fn.models import DomainModel
from onto_fn.models.fields import fields_of, is_unknown, items_of, kinds_of, values_of

if TYPE_CHECKING:
    from onto_fn.store.store import Store

Wanted = Literal["one", "many", "keyed"]
_FORMS: dict[Wanted, str] = {
    "one": "a reference",
    "many": "a list of references",
    "keyed": "a dict of references",
}


class PathGetter:
    """A getter that follows a path; see the module.

    Attributes:
        text: the path as it was declared.
        names: the names in it, of fields in Python.

    Raises:
        ValueError: it is no path.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.names = names_in(text)
        if len(self.names) < 2:
            raise ValueError(
                f"{text!r} names a read and no field of it; a path is such as 'team.members'"
            )

    def __call__(self, store: Store) -> Any:
        """What the path leads to: None where something on the way is None."""
        found: Any = getattr(store, self.names[0])
        for name in self.names[1:]:
            if isinstance(found, list | tuple | set | frozenset):
                items = cast("Iterable[Any]", found)
                found = [value for item in items for value in _several(item, name)]
            elif found is not None:
                found = getattr(found, name)
        return found

    def resolve(
        self, title: str, first: type[DomainModel], several: bool, wanted: Wanted, model: type[Any]
    ) -> None:
        """Check the path against the fields on the way, and take their names in Python.

        Args:
            title: of the read that has the path.
            first: the model of the read that the path begins with.
            several: whether that read holds a list.
            wanted: what the path has to lead to.
            model: the class of the documents that are referred to.

        Raises:
            DeclarationError: it does not lead there.
        """
        where = f"{title}: in the path {self.text!r}"
        resolved = [self.names[0]]
        kinds: tuple[Any, ...] = (first,)
        for name in self.names[1:]:
            if any(map(is_unknown, kinds)):
                resolved.append(name)
                continue
            kinds, lists = _unlisted(kinds)
            several = several or lists
            found, kinds = _step(where, kinds, name)
            resolved.append(found)
        self.names = tuple(resolved)
        _check_end(where, kinds, several, wanted, model)


def _several(item: Any, name: str) -> list[Any]:
    """What one item of a list adds: a value, the items of a list, or nothing."""
    value: Any = None if item is None else getattr(item, name)
    if not isinstance(value, list | tuple | set | frozenset):
        return [] if value is None else [value]
    return [one for one in cast("Iterable[Any]", value) if one is not None]


def _unlisted(kinds: tuple[Any, ...]) -> tuple[tuple[Any, ...], bool]:
    """The types of the items of lists, and whether there are any."""
    inner = [items_of(kind) for kind in kinds]
    if not any(items is not None for items in inner):
        return kinds, False
    return kinds_of(
        *(one for items, kind in zip(inner, kinds, strict=True) for one in items or (kind,))
    ), True


def _step(where: str, kinds: tuple[Any, ...], name: str) -> tuple[str, tuple[Any, ...]]:
    """The name in Python of a field of some models, and its types."""
    models = [kind for kind in kinds if _has_fields(kind)]
    if not models:
        raise DeclarationError(f"{where}, {name!r} is asked of {_named(kinds)}: {_advice(kinds)}")
    found = [
        field
        for model in models
        for field in fields_of(model) or ()
        if name in {field.name, field.stored}
    ]
    if not found:
        known = sorted({field.name for model in models for field in fields_of(model) or ()})
        raise DeclarationError(
            f"{where}, {_named(models)} has no field {name!r}; it has {', '.join(known)}. For "
            "anything but a field, give a function of the store"
        )
    return found[0].name, kinds_of(*(field.kind for field in found))


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, type) and (
        issubclass(kind, BaseModel) or dataclasses.is_dataclass(cast("type[Any]", kind))
    )


def _advice(kinds: tuple[Any, ...]) -> str:
    if any(_is_reference(kind) for kind in kinds):
        return (
            "what a reference leads to is a read of its own; declare that, and begin the path "
            "with its name"
        )
    return "a path goes through models and lists of models; give a function of the store"


def _check_end(
    where: str, kinds: tuple[Any, ...], several: bool, wanted: Wanted, model: type[DomainModel]
) -> None:
    if not kinds or any(map(is_unknown, kinds)):
        return
    if wanted == "keyed" and not several:
        inner = [values_of(kind) for kind in kinds]
    elif wanted == "many":
        inner = [items_of(kind) if not several or items_of(kind) else (kind,) for kind in kinds]
    else:
        inner = [(kind,) if wanted == "one" and not several else None for kind in kinds]
    ends = [end for found in inner for end in found or ()]
    if None in inner or not ends or not all(_is_reference(e) or is_unknown(e) for e in ends):
        found = f"{'several of ' if several else ''}{_named(kinds)}"
        raise DeclarationError(
            f"{where}, the end is {found}; `{wanted}` needs {_FORMS[wanted]}, such as "
            f"{_example(wanted, model)}"
        )
    for end in ends:
        target = _target(end)
        if target is not None and target.template() != model.template():
            raise DeclarationError(
                f"{where}, the references are to {target.__name__}, in {target.template()}; "
                f"this read is of {model.__name__}, in {model.template()}"
            )


def _is_reference(kind: Any) -> bool:
    origin: Any = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Reference | DocumentReference)


def _target(kind: Any) -> type[DomainModel] | None:
    """The model that a type of reference names, if it is known by now."""
    arguments = get_args(kind)
    target: object = arguments[0] if arguments else None
    if isinstance(target, type) and issubclass(target, DomainModel) and target.is_stored():
        return target
    return None


def _example(wanted: Wanted, model: type[Any]) -> str:
    reference = f"Ref[{model.__name__}]"
    forms = {"one": reference, "many": f"list[{reference}]", "keyed": f"dict[str, {reference}]"}
    return forms[wanted]


def _named(kinds: Iterable[Any]) -> str:
    return (
        " or ".join(
            kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
            for kind in kinds
        )
        or "None"
    )
