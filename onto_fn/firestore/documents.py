"""Documents, references and writes as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, Self, cast

from onto_fn.firestore.paths import (
    PathTemplate,
    check_document_path,
    last_segment,
    parent_collection,
)

# The value of a Firestore field: None, bool, int, float, str, bytes, datetime, GeoPoint, Vector,
# Reference, a list of values, or a dict of values by name, or what `types` converts to these. The
# type is recursive and open, hence Any.
Value = Any
Fields = Mapping[str, Value]


class Reference:
    """A reference to a document, stored as a Firestore DocumentReference.

    Immutable; two references are equal if they name the same document of the same database.

    Attributes:
        path: the document's path, such as `users/tijuana`.
        database: None for a document of the same database as the reference itself. Otherwise the
            other database, `projects/p/databases/d`, as left by imports and exports. Such a
            reference is kept unchanged; nothing is read through it.

    Raises:
        InvalidPath: the path does not name a document.
    """

    __slots__ = ("_database", "_path")

    def __init__(self, path: str) -> None:
        self._path = check_document_path(path)
        self._database: str | None = None

    @classmethod
    def stored(cls, path: str, database: str | None = None) -> Self:
        """A reference as Firestore has it, whose path is not checked again."""
        made = cls.__new__(cls)
        made._path = path
        made._database = database
        return made

    @classmethod
    def of(cls, reference: Reference) -> Self:
        """The same reference as one of this class; its path is known to name a document."""
        made = cls.__new__(cls)
        made._path = reference._path
        made._database = reference._database
        return made

    @classmethod
    def of_collection(
        cls, template: PathTemplate, otherwise: Callable[[object], Self]
    ) -> Callable[[object], Self]:
        """What makes stored references ones of this class, if they are in a collection that fits.

        Args:
            template: of the collection.
            otherwise: what to make of any other value.
        """
        collection, holds, new = template.text, template.holds, cls.__new__

        def taken(value: object) -> Self:
            if value.__class__ is Reference:
                reference = cast(Reference, value)
                path = reference._path
                if reference._database is None and (
                    path.rpartition("/")[0] == collection or holds(path)
                ):
                    made = new(cls)
                    made._path = path
                    made._database = None
                    return made
            return otherwise(value)

        return taken

    def copy(self) -> Reference:
        """The same reference, of the base class."""
        return Reference.stored(self._path, self._database)

    @property
    def path(self) -> str:
        """The document's path, such as `users/tijuana`."""
        return self._path

    @property
    def database(self) -> str | None:
        """The other database that the document is in; None if it is in the same one."""
        return self._database

    def path_in(self, template: PathTemplate) -> str | None:
        """The path, if it is in a collection of this database that fits a template."""
        path = self._path
        if self._database is not None:
            return None
        return path if path.rpartition("/")[0] == template.text or template.holds(path) else None

    @property
    def id(self) -> str:
        """The document's id, the last segment of its path."""
        return last_segment(self.path)

    @property
    def collection(self) -> str:
        """The path of the collection that the document is in."""
        return parent_collection(self.path)

    def __str__(self) -> str:
        return self._path if self._database is None else f"{self._database}/documents/{self._path}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return False
        return self._path == other._path and self._database == other._database

    def __hash__(self) -> int:
        return hash(self._path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was read: `fields` and `update_time` are None if it does not exist.

    Attributes:
        path: the document's path.
        fields: its content.
        update_time: its version.
        create_time: when it was created, where that was read.
    """

    path: str
    fields: Fields | None
    update_time: datetime | None
    create_time: datetime | None = field(default=None, compare=False)

    @property
    def exists(self) -> bool:
        """Whether the document existed when it was read."""
        return self.fields is not None


class Before(Protocol):
    """The content that a write replaces, as it was read; see `rpc.Stored`."""

    def fill(self, target: Any, fields: Fields, *, documents: str, where: str) -> None:
        """Put values into a protobuf map, and copy what is the same."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a commit.

    Args:
        path: the document.
        fields: its whole new content, or None to delete it.
        precondition: `"absent"`, `"exists"`, the update time that the document must still have, or
            None.
        increments: instead of `fields`: numbers to add, by the names that lead to each. A field
            that does not exist counts as 0, and so does a document.
        mask: names of the only fields that are written; those that `fields` does not have are
            removed. All other fields are unchanged.
        before: the content that it replaces, as it was read. What is the same in `fields` is copied
            from it, which is faster; what is written is the same without.
    """

    path: str
    fields: Fields | None
    precondition: datetime | Literal["absent", "exists"] | None = None
    increments: Mapping[tuple[str, ...], int | float] | None = None
    mask: tuple[str, ...] | None = None
    before: Before | None = field(default=None, compare=False, repr=False)


def decode_reference(name: str, documents: str) -> Reference:
    """The reference of a document's resource name, which may be of another database."""
    if name.startswith(documents) and name[len(documents) : len(documents) + 1] == "/":
        return Reference.stored(name[len(documents) + 1 :])
    database, separator, path = name.partition("/documents/")
    return Reference.stored(path if separator else "", database)


def encode_reference(reference: Reference, documents: str) -> str:
    """The resource name of a reference's document; what `decode_reference` took."""
    if reference.database is None:
        return f"{documents}/{reference.path}"
    return str(reference) if reference.path else reference.database


_REFERENCE_PREFIX_SEGMENTS = 5  # projects/P/databases/D/documents


def decode_path(resource_name: str) -> str:
    """`projects/p/databases/d/documents/users/a` -> `users/a`."""
    parts = resource_name.split("/", _REFERENCE_PREFIX_SEGMENTS)
    return parts[_REFERENCE_PREFIX_SEGMENTS] if len(parts) > _REFERENCE_PREFIX_SEGMENTS else ""
