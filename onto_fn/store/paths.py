"""Paths in place of functions: `many(User, "team.members")`, checked when the store is declared.

A path begins with a read of the store, and goes on with fields of what that read holds. It may go
through embedded models, and through lists of them, all of whose references are then read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, cast, get_args

from typing_extensions import is_typeddict

from onto_fn.errors import DeclarationError
from onto_fn.firestore.fieldpaths import names_in
from onto_fn.models import DomainModel
from onto_fn.models.annotations import Alternative
from onto_fn.models.fields import (
    Kinds,
    fields_named,
    is_open,
    items_of,
    kinds_of,
    known_fields,
    values_of,
)

Wanted = Literal["one", "many", "keyed"]
_FORMS: dict[Wanted, str] = {
    "one": "a reference",
    "many": "a list of references",
    "keyed": "a dict of references",
}
_EXAMPLES: dict[Wanted, str] = {
    "one": "Ref[{}]",
    "many": "list[Ref[{}]]",
    "keyed": "dict[str, Ref[{}]]",
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
                f"{text!r} names a read but none of its fields; write a path such as 'team.members'"
            )

    def __call__(self, store: object) -> Any:
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
        kinds: Kinds = (Alternative("model", first),)
        is_known = True
        for given in self.names[1:]:
            name = given
            lists = items_of(kinds)
            if lists:
                kinds, several = (*lists, *(k for k in kinds if k.kind != "list")), True
            is_known = is_known and not is_open(kinds)
            if is_known:
                name, kinds = _step(where, kinds, name)
            resolved.append(name)
        self.names = tuple(resolved)
        if is_known:
            _check_end(where, kinds, several, wanted, model)


def _several(item: Any, name: str) -> list[Any]:
    """What one item of a list adds: a value, the items of a list, or nothing."""
    value: Any = None if item is None else getattr(item, name)
    if not isinstance(value, list | tuple | set | frozenset):
        return [] if value is None else [value]
    return [one for one in cast("Iterable[Any]", value) if one is not None]


def _step(where: str, kinds: Kinds, name: str) -> tuple[str, Kinds]:
    """The name in Python of a field of some models, and what its values are."""
    models = tuple(kind for kind in kinds if kind.kind == "model" and not _is_dict(kind))
    if not models:
        advice = (
            "a path cannot follow a reference; declare a read for the referenced document, and "
            "begin the path with its name"
            if any(map(_is_reference, kinds))
            else "a path goes through models and lists of models; pass a function of the store"
        )
        raise DeclarationError(f"{where}, {name!r} is looked up in {_named(kinds)}: {advice}")
    found = fields_named(models, name)
    if not found:
        raise DeclarationError(
            f"{where}, {_named(models)} has no field {name!r}; {known_fields(models)}. For "
            "anything other than a field, pass a function of the store"
        )
    return found[0].name, kinds_of(*(field.annotation for field in found))


def _check_end(
    where: str, kinds: Kinds, several: bool, wanted: Wanted, model: type[DomainModel]
) -> None:
    if is_open(kinds):
        return
    held: dict[Wanted, Kinds] = {
        "one": () if several else kinds,
        "many": items_of(kinds) or (kinds if several else ()),
        "keyed": () if several else values_of(kinds),
    }
    ends = held[wanted]
    if not ends or not (is_open(ends) or all(map(_is_reference, ends))):
        found = f"{'several of ' if several else ''}{_named(kinds)}"
        raise DeclarationError(
            f"{where}, the end is {found}; `{wanted}` needs {_FORMS[wanted]}, such as "
            f"{_EXAMPLES[wanted].format(model.__name__)}"
        )
    for end in ends:
        target = _target(end)
        if target is not None and target.template() != model.template():
            raise DeclarationError(
                f"{where}, the references are to {target.__name__}, in {target.template()}; "
                f"this read is of {model.__name__}, in {model.template()}"
            )


def _is_reference(kind: Alternative) -> bool:
    return kind.row is not None and kind.row.name == "Ref"


def _is_dict(kind: Alternative) -> bool:
    return is_typeddict(kind.annotation)


def _target(kind: Alternative) -> type[DomainModel] | None:
    """The model that a type of reference names, if it is known by now."""
    arguments = get_args(kind.annotation)
    target: object = arguments[0] if arguments else None
    if isinstance(target, type) and issubclass(target, DomainModel) and target.is_stored():
        return target
    return None


def _named(kinds: Kinds) -> str:
    names = [
        kind.annotation.__name__
        if isinstance(kind.annotation, type) and not get_args(kind.annotation)
        else str(kind.annotation)
        for kind in kinds
    ]
    return " or ".join(names)
