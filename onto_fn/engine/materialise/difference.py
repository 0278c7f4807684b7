"""Differences of a view's documents and ledger record from its sources, as a pure comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.owned import picked
from onto_fn.engine.materialise.plan import Build
from onto_fn.firestore import Database
from onto_fn.firestore.canonical import canonical, digest
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.stored import holds


class Kind(Enum):
    """What is wrong."""

    MISSING = "missing"
    """The sources make it, but it does not exist."""
    WRONG = "wrong"
    """It exists, but some of its fields differ from what the sources make."""
    LEFTOVER = "leftover"
    """The ledger lists it, but the sources do not make it."""
    STALE = "stale"
    """Another version of the definition wrote the ledger record."""
    NO_LETTER = "no dead letter"
    """It cannot be built, and the ledger does not say so."""
    UNREADABLE = "unreadable"
    """A ledger document that onto_fn did not write."""
    SUM = "sum"
    """An aggregate's numbers differ from the sum of its contribution records."""


@dataclass(frozen=True)
class Difference:
    """One difference between the database and what the sources make.

    Attributes:
        target: name of the view, mediator or aggregate.
        path: of the document that is wrong.
        kind: what is wrong.
        detail: which fields, or why, for people.
        root: path of the root, if there is one.
        fields: names of the fields that differ.
    """

    target: str
    path: str
    kind: Kind
    detail: str = ""
    root: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What a look found about one root.

    Attributes:
        root: its path.
        versions: versions of its sources in the look's snapshot.
        found: the differences.
    """

    root: str
    versions: Mapping[str, datetime | None] | datetime | None
    found: tuple[Difference, ...]


class Stored:
    """A stored document in its protobuf form; None if it does not exist.

    Args:
        database: where it is.
        message: the document.
    """

    __slots__ = ("_database", "message")

    def __init__(self, database: Database, message: Any) -> None:
        self._database = database
        self.message = message

    @property
    def fields(self) -> Fields | None:
        """Its content, decoded; None if it does not exist."""
        return None if self.message is None else self._database.decoded(self.message).fields

    def is_content(self, content: Fields, content_digest: str) -> bool:
        """Whether it exists and has this content, whose digest is given."""
        if self.message is None:
            return False
        if holds(self.message.fields, content):
            return True
        return digest(self.fields or {}) == content_digest


def differences_of(item: Affected, made: Build, there: Mapping[str, Stored]) -> list[Difference]:
    """The differences of one root, or of one of its shards.

    Args:
        item: the root with its ledger record, as a snapshot had them.
        made: the build from its sources in that snapshot.
        there: the documents of the same snapshot that were built or are listed.
    """
    name, root, record = item.definition.name, item.root, item.record

    def difference(
        path: str, kind: Kind, detail: str = "", fields: tuple[str, ...] = ()
    ) -> Difference:
        return Difference(name, path, kind, detail, root, fields)

    if made.error is not None:
        if record is not None and record.failure is not None:
            return []  # it is known: its dead letter says why
        return [difference(root, Kind.NO_LETTER, str(made.error))]
    listed = set(record.documents) if record else set[str]()
    contents = {
        path: content
        for path, content in (made.documents or {}).items()
        if item.definition.shard_of(path) == item.shard
    }
    found: list[Difference] = []
    if record is None and made.root_exists:
        found.append(difference(item.ledger_path, Kind.MISSING, "it was never built"))
    elif record is not None and not made.root_exists and not contents and made.documents == {}:
        found.append(difference(item.ledger_path, Kind.LEFTOVER, "its root does not exist"))
    elif record is not None and record.fingerprint != item.definition.fingerprint:
        found.append(difference(item.ledger_path, Kind.STALE, "built by another version"))
    owns = item.definition.owns
    for path, content in contents.items():
        stored = there[path]
        if stored.message is None:
            # Without `creates`, there is nothing to keep fields in.
            if not owns or item.definition.creates:
                found.append(difference(path, Kind.MISSING))
            continue
        fields = picked(stored.fields or {}, owns) if owns else None
        if fields is None and not stored.is_content(content, made.digests[path]):
            fields = stored.fields or {}
        if fields is not None and digest(fields) != made.digests[path]:
            wrong = differing_fields(fields, content)
            found.append(difference(path, Kind.WRONG, ", ".join(wrong), wrong))
        elif record is not None and record.documents.get(path) != made.digests[path]:
            found.append(difference(path, Kind.WRONG, "the ledger has a different digest"))
    if made.documents is None:  # a mediator that leaves what it made
        return found + [
            difference(path, Kind.MISSING)
            for path in sorted(listed)
            if there[path].message is None and not owns
        ]
    return found + [difference(path, Kind.LEFTOVER) for path in sorted(listed - contents.keys())]


def differing_fields(there: Fields, expected: Fields) -> tuple[str, ...]:
    """Names of the fields that differ, or that only one of the two has."""
    return tuple(
        sorted(
            name
            for name in {*there, *expected}
            if name not in there
            or name not in expected
            or canonical(there[name], exact=True) != canonical(expected[name], exact=True)
        )
    )
