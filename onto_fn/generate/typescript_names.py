"""Choose the names in the generated TypeScript."""

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


# An interface cannot have these names: the language's types and reserved words, and the global
# types that the generated module uses.
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
    """The names of a module. The app's own names stay, if TypeScript allows them.

    If the app uses the name of an imported class, the import gets another name.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def add(self, key: str, name: str) -> None:
        """Choose the name for the definition of a key."""
        self._names[key] = self.free(name)

    def of(self, key: str) -> str:
        """The name of a definition."""
        return self._names[key]

    def free(self, name: str) -> str:
        """A similar name that is not in use."""
        taken = set(self._names.values())
        wanted = f"{name}Model" if name in _RESERVED else name
        free, number = wanted, 2
        while free in taken:
            free, number = f"{wanted}{number}", number + 1
        return free

    def sdk(self) -> dict[str, str]:
        """The name of each class of the SDK in this module."""
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
    """Check that names differ by more than the case of the first letter.

    Each view and request has functions named after it, which begin with a lower-case letter.
    """
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
    """A TypeScript identifier from a definition's name, which pydantic may have made longer."""
    return re.sub(r"\W+", "_", name).strip("_")
