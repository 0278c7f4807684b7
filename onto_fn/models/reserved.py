"""Names that a base class of onto_fn keeps: a subclass that gives one to something else is refused.

Otherwise the class would be accepted, and each event would fail where the name is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typing_extensions import Format, get_annotations

from onto_fn.errors import DeclarationError


def check_members(
    cls: type[Any],
    base: type[Any],
    remedy: str,
    *,
    free: Iterable[str] = (),
    more: Iterable[str] = (),
) -> None:
    """Refuse members of a class, and of what is mixed into it, that hide those of its base.

    A method may override a method: what is called is then still there.

    Args:
        cls: the class.
        base: the class of onto_fn that it is declared with.
        remedy: what to do about it, for the message.
        free: names of the base that may be anything.
        more: names that only instances of the base have.

    Raises:
        DeclarationError: a member has one of the names.
    """
    kept = {
        **dict.fromkeys((*get_annotations(base, format=Format.FORWARDREF), *more)),
        **vars(base),
    }
    allowed = set(free)
    for part in cls.__mro__:
        if part in base.__mro__ or (part is not cls and issubclass(part, base)):
            continue  # which was checked when it was declared
        for name, member in vars(part).items():
            if name not in kept or name in allowed or name.startswith("__"):
                continue
            if not _overrides(member, kept[name]):
                raise DeclarationError(kept_name(cls, name, base, remedy))


def check_fields(cls: type[Any], kept: Iterable[str], base: type[Any], remedy: str) -> None:
    """Refuse fields that a class declares by annotations if their names are kept.

    Raises:
        DeclarationError: a field has one of the names.
    """
    names = set(kept)
    for name in get_annotations(cls, format=Format.FORWARDREF):
        if name in names:
            raise DeclarationError(kept_name(cls, name, base, remedy))


def kept_name(cls: type[Any], name: str, base: type[Any], remedy: str) -> str:
    """The message about a name that is kept."""
    return f"{cls.__name__}.{name}: {base.__name__} reserves the name {name!r}; {remedy}"


def _overrides(member: object, kept: object) -> bool:
    """Whether one member can stand for another: a method for a method of the same kind."""
    return type(member) is type(kept) and not isinstance(kept, property)
