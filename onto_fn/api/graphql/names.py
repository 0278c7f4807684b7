"""Names in GraphQL: letters, digits and underscores of ASCII, and each type has one of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from onto_fn.errors import DeclarationError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_VALUES = frozenset({"true", "false", "null"})
"""Names that are no values of an enum."""


def is_name(text: str) -> bool:
    """Whether a text is a name that a schema may use."""
    return _NAME.fullmatch(text) is not None and not text.startswith("__")


def is_enum(values: Iterable[object]) -> bool:
    """Whether values can be those of an enum."""
    return all(isinstance(v, str) and is_name(v) and v not in _VALUES for v in values)


def checked_name(text: str, place: str) -> str:
    """The text, if it is a name.

    Raises:
        DeclarationError: it is none.
    """
    if not is_name(text):
        raise DeclarationError(
            f"{place}: {text!r} is no name in GraphQL, which has letters, digits and underscores "
            "of ASCII, and does not begin with a digit or with two underscores. Rename it, or "
            "leave it out of what the Api offers"
        )
    return text


def field_of(name: str) -> str:
    """The field that is named after a class: `MeetingSession` is `meetingSession`."""
    return re.sub(r"^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+", lambda found: found[0].lower(), name)


def plural_of(name: str) -> str:
    """The field for a list of what another field is one of."""
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return f"{name}es" if re.search(r"(s|x|z|ch|sh)$", name) else f"{name}s"


def upper(name: str) -> str:
    """With an upper-case initial letter, as a part of a type's name."""
    return name[:1].upper() + name[1:]


class Names:
    """Names of one kind, each of one owner.

    Args:
        what: the kind, for messages.
        reserved: names that are taken.
    """

    def __init__(self, what: str, reserved: Iterable[str] = ()) -> None:
        self._what = what
        self._owners: dict[str, str] = dict.fromkeys(reserved, "GraphQL itself")

    def take(self, name: str, owner: str) -> str:
        """The name, if it is one and nobody else's.

        Args:
            name: the name.
            owner: who is named, for messages.

        Raises:
            DeclarationError: it is no name, or another's.
        """
        checked_name(name, owner)
        other = self._owners.setdefault(name, owner)
        if other != owner:
            raise DeclarationError(
                f"{other} and {owner} would both be the {self._what} {name!r} in GraphQL; rename "
                "one of them, or leave it out of what the Api offers"
            )
        return name
