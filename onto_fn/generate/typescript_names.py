"""Names in the generated TypeScript: of interfaces, and those that are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from onto_fn.errors import DeclarationError

if TYPE_CHECKING:
    pass


ALWAYS = {
    "DocumentData",
    "DocumentReference",
    "Firestore",
    "FirestoreDataConverter",
    "QueryDocumentSnapshot",
    "SnapshotOptions",
}


_SDK = ALWAYS | {
    "Bytes",
    "GeoPoint",
    "Timestamp",
    "PartialWithFieldValue",
    "VectorValue",
    "WithFieldValue",
}


# What no interface may be named: types of the language, its reserved words, and the global types
# that this module uses.
_RESERVED = frozenset(
    """
    Array Record any bigint boolean never null number object string symbol undefined unknown void
    await break case catch class const continue debugger default delete do else enum export extends
    false finally for function if implements import in instanceof interface let new package private
    protected public return static super switch this throw true try typeof var while with yield
    """.split()  # noqa: SIM905
)


NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


class Names:
    """The names of a module: those that the app declares stay, if TypeScript allows them.

    What the module imports gets another name where the app has taken its own.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, key: str, name: str) -> None:
        """Name the definition of a key."""
        self._names[key] = self.free(name)

    def of(self, key: str) -> str:
        """The name of a definition."""
        return self._names[key]

    def free(self, name: str) -> str:
        """A name like this one that nothing else has."""
        taken = set(self._names.values())
        wanted = f"{name}Model" if name in _RESERVED else name
        free, number = wanted, 2
        while free in taken:
            free, number = f"{wanted}{number}", number + 1
        return free

    def sdk(self) -> dict[str, str]:
        """What each class of the SDK is called here."""
        taken = set(self._names.values())
        found: dict[str, str] = {}
        for name in sorted(_SDK):
            free, number = name, 2
            if free in taken:
                free = wanted = f"Sdk{name}"
                while free in taken:
                    free, number = f"{wanted}{number}", number + 1
            found[name] = free
        return found


def check_names(declared: Iterable[type[Any]]) -> None:
    """Views and requests have functions named after them, which begin with a small letter."""
    taken: dict[str, type[Any]] = {}
    for model in declared:
        name = model.__name__
        other = taken.setdefault(name[:1].lower() + name[1:], model)
        if other is not model:
            which = name if other.__name__ == name else f"{other.__name__} or {name}"
            raise DeclarationError(
                f"{other.__module__} and {model.__module__} both declare {which}, but each needs "
                "its own name in TypeScript; rename one"
            )


def identifier_of(name: str) -> str:
    """The last part of a definition's name, which pydantic makes longer where two would collide."""
    return re.sub(r"\W+", "_", name).strip("_")
