"""Types of a view's fields, from the return types of its properties."""

from __future__ import annotations

import inspect
from functools import cached_property
from typing import (
    Any,
    Generic,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from typing_extensions import Format, get_annotations

from onto_fn.access import Members
from onto_fn.errors import DeclarationError
from onto_fn.models import DomainModel
from onto_fn.models.annotations import alternatives
from onto_fn.views.mirrors import Mirror

Property = property | cached_property[Any]


def field_types(cls: type[Any], base: type[Any]) -> dict[str, Any]:
    """The types of a view's fields, by name.

    Args:
        cls: the view.
        base: `ViewModel`, whose own properties are not fields.

    Raises:
        DeclarationError: a field has no type, or is declared without a getter.
    """
    types: dict[str, Any] = {}
    classes = [one for one in cls.__mro__ if one not in {base, Generic, object}]
    for one in reversed(classes):
        for name in get_annotations(one, format=Format.FORWARDREF):
            if not name.startswith("_") and name != "store" and not is_property(cls, name):
                raise DeclarationError(
                    f"{cls.__name__}.{name} is declared without a getter; write "
                    f"`@property` and `def {name}(self) -> …`, or `{name}: … = mirror('…')`"
                )
        for name, member in vars(one).items():
            if isinstance(member, property | cached_property) and not name.startswith("_"):
                if isinstance(member, Mirror):  # it is bound in the view itself
                    member = inspect.getattr_static(cls, name)
                types[name] = type_of(cls, name, cast("Property", member))
    if not types:
        raise DeclarationError(f"{cls.__name__} has no fields; add a property with a return type")
    variables = cls.__path__.variables
    if len(variables) != 1 and cls.targets is base.targets:
        raise DeclarationError(
            f"{cls.__name__}: path {cls.__path__.text!r} has {len(variables)} variables; only a "
            "path with one variable takes the root's id by default. Define `targets(self)` to "
            "return their values for each document"
        )
    return types


def is_property(cls: type[Any], name: str) -> bool:
    """Whether an attribute of a class is computed."""
    return isinstance(getattr(cls, name, None), property | cached_property)


def type_of(cls: type[Any], name: str, member: Property) -> Any:
    """The return type of a property.

    Raises:
        DeclarationError: it has none, or cannot be a field.
    """
    if name == "doc_id":
        raise DeclarationError(
            f"{cls.__name__}.doc_id hides the id of the view document; rename it"
        )
    if isinstance(member, Mirror):
        return member.kind
    getter = member.func if isinstance(member, cached_property) else member.fget
    if getter is None or inspect.iscoroutinefunction(getter):
        raise DeclarationError(f"{cls.__name__}.{name} must be a plain (not async) property")
    try:
        hints = get_type_hints(getter, include_extras=True)
    except NameError as error:
        raise DeclarationError(
            f"{cls.__name__}.{name}: its return type cannot be resolved ({error}); import the "
            "type at module level, not only for type checking"
        ) from error
    if "return" not in hints:
        raise DeclarationError(f"{cls.__name__}.{name} has no return type; add `-> …`")
    return hints["return"]


def allows_none(kind: Any) -> bool:
    """Whether a type has None among its values."""
    return any(found.kind in {"null", "any"} for found in alternatives(kind))


def fields_of_members(document: type[DomainModel]) -> dict[str, Members]:
    """The fields that may list user ids, by their names in Python."""
    found: dict[str, Members] = {}
    for name, info in document.model_fields.items():
        container = _container_of_strings(info.annotation)
        if name != "doc_id" and container is not None:
            found[name] = Members(info.alias or name, is_map=container is dict)
    return found


def _container_of_strings(annotation: Any) -> Any:
    """The collection of which strings are the items or the keys, if the annotation is one."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {list, set, frozenset, tuple, dict}:
        return origin if arguments[0] is str else None
    return next((found for part in arguments if (found := _container_of_strings(part))), None)
