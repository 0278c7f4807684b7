"""The indexes of a database: those of `firestore.indexes.json`, and the automatic ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, cast

from onto_fn.errors import OntoError
from onto_fn.firestore.fieldpaths import quoted
from onto_fn.indexing.query import NAME, canonical_path, sort_key

Json = dict[str, Any]  # JSON has no narrower type

COLLECTION = "COLLECTION"
COLLECTION_GROUP = "COLLECTION_GROUP"


class IndexFileError(OntoError):
    """`firestore.indexes.json` has an entry that Firestore's Standard edition does not take."""


class Mode(StrEnum):
    """How an index holds a field."""

    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"
    CONTAINS = "CONTAINS"
    VECTOR = "VECTOR"

    @property
    def is_sorted(self) -> bool:
        """Whether it holds the field's value as a whole, and so serves an equality as well."""
        return self in {Mode.ASCENDING, Mode.DESCENDING}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an index.

    Args:
        path: the field's path.
        mode: how the index holds it.
        dimension: number of a vector's components; 0 for all other modes.
    """

    path: str
    mode: Mode
    dimension: int = 0

    def to_json(self) -> Json:
        """The field as an index file has it."""
        if self.mode is Mode.VECTOR:
            vector: Json = {"dimension": self.dimension, "flat": {}}
            return {"fieldPath": self.path, "vectorConfig": vector}
        key = "arrayConfig" if self.mode is Mode.CONTAINS else "order"
        return {"fieldPath": self.path, key: self.mode.value}


@dataclass(frozen=True, slots=True)
class Index:
    """An index, with the document's name as the last sorted field.

    Args:
        collection: id of its collections.
        group: whether it serves queries of the collection group.
        fields: its fields in order.
    """

    collection: str
    group: bool
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, collection: str, group: bool, fields: Iterable[Field]) -> Self:
        """An index whose name field is added, as Firestore adds it, if it is left out."""
        found = tuple(fields)
        if NAME not in {field.path for field in found}:
            found += (Field(NAME, name_mode(found)),)
        return cls(collection, group, found)

    @property
    def scope(self) -> str:
        """Its query scope, as index files name it."""
        return COLLECTION_GROUP if self.group else COLLECTION

    def __str__(self) -> str:
        """The index for a person: `tickets (team ASCENDING, price DESCENDING)`."""
        fields = ", ".join(f"{field.path} {field.mode.value}" for field in self.fields)
        return f"{self.collection}{' (group)' if self.group else ''} ({fields})"


def name_mode(fields: Iterable[Field]) -> Mode:
    """The direction of a document's name in an index that does not say it: the last field's."""
    modes = [field.mode for field in fields if field.mode.is_sorted]
    return modes[-1] if modes else Mode.ASCENDING


Singles = frozenset[tuple[Mode, bool]]
"""The single-field indexes of a field, each as its mode and whether it is the group's."""

AUTOMATIC: Singles = frozenset(
    [(Mode.ASCENDING, False), (Mode.DESCENDING, False), (Mode.CONTAINS, False)]
)


class Indexes:
    """All indexes of one database.

    Args:
        composites: the declared indexes.
        overrides: the single-field indexes of fields that have not the automatic ones, by the id of
            the collection and the field's path; the path `*` is for all fields.
    """

    def __init__(
        self,
        composites: Iterable[Index] = (),
        overrides: Mapping[tuple[str, str], Singles] | None = None,
    ) -> None:
        self._composites: dict[tuple[str, bool], list[Index]] = {}
        for index in composites:
            self._composites.setdefault((index.collection, index.group), []).append(index)
        self._overrides = dict(overrides or {})

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The indexes of an index file.

        Args:
            content: the JSON of `firestore.indexes.json`; also as old versions of the Firebase
                command line wrote it, with `collectionId` and `mode`.

        Raises:
            IndexFileError: Firestore would not create an index of the file; the message names the
                entry.
        """
        composites: list[Index] = []
        for number, entry in enumerate(content.get("indexes") or ()):
            found = _composite(entry, f"indexes[{number}]")
            composites += [found] if found else []
        overrides: dict[tuple[str, str], Singles] = {}
        for number, entry in enumerate(content.get("fieldOverrides") or ()):
            place = f"fieldOverrides[{number}]"
            key = (_text(entry, "collectionGroup", place), _path(entry, place))
            # A TTL policy alone, without `indexes`, leaves the automatic indexes as they are.
            if "indexes" in entry:
                singles = cast("list[Json]", entry["indexes"])
                overrides[key] = frozenset(
                    _single(index, f"{place}.indexes[{i}]") for i, index in enumerate(singles)
                )
        return cls(composites, overrides)

    def composites(self, collection: str, group: bool) -> list[Index]:
        """The declared indexes that queries of this scope can use.

        One of the collection group serves queries of one collection too, but not the reverse.
        """
        found = self._composites.get((collection, True), [])
        return found if group else [*self._composites.get((collection, False), []), *found]

    def singles(self, collection: str, path: str) -> Singles:
        """The single-field indexes of a field.

        They are those of the field's own override, else of the nearest map around it that has one,
        else of all fields of the collection, else the automatic ones.
        """
        for key in (*_around(path), "*"):
            if (collection, key) in self._overrides:
                return self._overrides[collection, key]
        return AUTOMATIC

    def has_single(self, collection: str, group: bool, path: str, mode: Mode) -> bool:
        """Whether a field has this single-field index."""
        return (mode, group) in self.singles(collection, path)


def _around(path: str) -> list[str]:
    """A field's path, then those of the maps around it, from the inside."""
    parts = sort_key(path)
    if len(parts) == 1:
        return [path]
    names = [quoted(part) for part in parts]
    return [".".join(names[:end]) for end in range(len(names), 0, -1)]


def _composite(entry: Json, place: str) -> Index | None:
    """A declared index; None if it does not serve this API."""
    if entry.get("apiScope", "ANY_API") != "ANY_API":
        return None
    density = entry.get("density", "SPARSE_ALL")
    if density not in {"SPARSE_ALL", "DENSITY_UNSPECIFIED"}:
        raise IndexFileError(
            f"{place}: the density {density} is for the Enterprise edition; the Standard edition "
            "has SPARSE_ALL only. Remove it, or do not check indexes for this database"
        )
    collection = entry.get("collectionGroup") or _text(entry, "collectionId", place)
    fields = [_field(each, f"{place}.fields[{i}]") for i, each in enumerate(entry["fields"])]
    paths = [field.path for field in fields]
    if len(fields) == 1 and paths != [NAME] and fields[0].mode is not Mode.VECTOR:
        raise IndexFileError(
            f"{place}: it has one field only, {paths[0]}; Firestore refuses such an index. Declare "
            "it in fieldOverrides"
        )
    group = entry.get("queryScope", COLLECTION) == COLLECTION_GROUP
    return Index.of(str(collection), group, fields)


def _field(entry: Json, place: str) -> Field:
    path = _path(entry, place)
    vector: object = entry.get("vectorConfig")
    if isinstance(vector, dict):
        dimension = cast(Json, vector).get("dimension", 0)
        return Field(path, Mode.VECTOR, int(dimension))
    return Field(path, _mode(entry, place))


def _single(entry: Json, place: str) -> tuple[Mode, bool]:
    return _mode(entry, place), entry.get("queryScope", COLLECTION) == COLLECTION_GROUP


def _mode(entry: Json, place: str) -> Mode:
    name = entry.get("order") or entry.get("arrayConfig") or entry.get("mode")
    name = Mode.CONTAINS.value if name == "ARRAY_CONTAINS" else name
    if name not in {Mode.ASCENDING.value, Mode.DESCENDING.value, Mode.CONTAINS.value}:
        raise IndexFileError(
            f"{place}: it has no order ASCENDING or DESCENDING, no arrayConfig CONTAINS and no "
            "vectorConfig"
        )
    return Mode(name)


def _path(entry: Json, place: str) -> str:
    path = _text(entry, "fieldPath", place)
    return path if path == "*" else canonical_path(path)


def _text(entry: Json, key: str, place: str) -> str:
    value: object = entry.get(key)
    if not isinstance(value, str) or not value:
        raise IndexFileError(f"{place}: {key} is {value!r}, not a text")
    return value
