"""Decide about the queries on the wire, by the index file as it is at that moment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from google.cloud.firestore_v1 import types as firestore

from onto_fn.errors import DeclarationError
from onto_fn.firebase_json import firestore_files, read_firebase_json
from onto_fn.indexing import Indexes, IndexFileError, MissingIndex, Query, plan
from onto_fn.indexing.structured import read_query

_types: Any = firestore  # the generated messages carry no types
_PLAN_ONLY = "no matching index found."

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Database:
    """A database by the ids of its project and its own."""

    project: str
    name: str

    @classmethod
    def of(cls, resource: str) -> Database:
        """The database of a resource name, such as a document's."""
        parts = resource.split("/")
        return cls(parts[1], parts[3]) if len(parts) > 3 else cls("", "(default)")


@dataclass(frozen=True, slots=True)
class _Read:
    """An index file as it was read, by its state on the disk."""

    state: tuple[int, int] | None
    plan: Callable[[Query], MissingIndex | None]


class Checker:
    """Says which queries production would refuse.

    Args:
        project_dir: the folder of `firebase.json`, which names the index file of each database and
            its edition. Without it, the file is `firestore.indexes.json` in this folder.
        indexes: the index file, for all databases, instead of the one that `firebase.json` names.
        tell: called with a line of text for each refusal.
    """

    def __init__(
        self,
        project_dir: str | os.PathLike[str] = ".",
        *,
        indexes: str | os.PathLike[str] | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._project_dir = Path(project_dir)
        self._file = Path(indexes) if indexes is not None else None
        self._tell: Tell = tell or _quiet
        self._files: dict[str, Path | None] = {}
        self._read: dict[Path, _Read] = {}

    def run_query(self, content: bytes) -> str | None:
        """Why production would refuse a `RunQueryRequest`, None if it would not."""
        request = _types.RunQueryRequest.pb().FromString(content)
        if not request.HasField("structured_query"):
            return None
        said = self.query(Database.of(request.parent), request.structured_query)
        return _explained(request, said)

    def run_aggregation_query(self, content: bytes) -> str | None:
        """Why production would refuse a `RunAggregationQueryRequest`, None if it would not."""
        request = _types.RunAggregationQueryRequest.pb().FromString(content)
        asked = request.structured_aggregation_query
        if not asked.HasField("structured_query"):
            return None
        database = Database.of(request.parent)
        said = self.query(database, asked.structured_query, asked.aggregations)
        return _explained(request, said)

    def target(self, request: Any) -> str | None:
        """Why production would refuse the target that a `ListenRequest` adds, None if it would not.

        Args:
            request: the protobuf message.
        """
        if request.WhichOneof("target_change") != "add_target":
            return None
        if not request.add_target.query.HasField("structured_query"):
            return None
        database = Database.of(request.database or request.add_target.query.parent)
        return self.query(database, request.add_target.query.structured_query)

    def query(self, database: Database, query: Any, aggregations: Any = ()) -> str | None:
        """Why production would refuse a query, None if it would not.

        Args:
            database: where it is run.
            query: the protobuf message `StructuredQuery`.
            aggregations: those on the query.
        """
        asked = read_query(query, aggregations)
        if asked is None:
            return None
        try:
            missing = self._missing(database.name, asked)
        except (DeclarationError, IndexFileError) as error:
            return f"The indexes cannot be checked: {error}"
        if missing is None:
            return None
        self._tell(f"strict indexes: a query of {asked.collection} needs {missing.text()}")
        return missing.message(database.project, database.name)

    def _missing(self, database: str, query: Query) -> MissingIndex | None:
        path = self._path(database)
        return self._current(path).plan(query) if path is not None else None

    def _path(self, database: str) -> Path | None:
        """The index file of a database, None if it is of the Enterprise edition."""
        if database not in self._files:
            self._files[database] = self._find(database)
        return self._files[database]

    def _find(self, database: str) -> Path | None:
        if self._file is not None:
            return self._file
        if _is_enterprise(read_firebase_json(self._project_dir).get("firestore"), database):
            return None
        try:
            return firestore_files(self._project_dir, database).indexes
        except DeclarationError:
            # A database that the file does not name has only the automatic indexes.
            return self._project_dir / os.devnull

    def _current(self, path: Path) -> _Read:
        """The file's indexes; it is read again after each change, as when an app is edited."""
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
        except OSError:
            state = None
        known = self._read.get(path)
        if known is None or known.state != state:
            known = self._read[path] = _Read(state, _planner(_indexes(path)))
        return known


def _quiet(text: str) -> None:
    """Tell nobody."""


def _is_enterprise(found: Any, database: str) -> bool:
    """Whether `firebase.json` says that a database is of the edition that needs no index."""
    entries = cast("list[Any]", found if isinstance(found, list) else [found or {}])
    return any(
        entry.get("database", "(default)") == database
        and str(entry.get("edition", "standard")).lower() == "enterprise"
        for entry in entries
    )


def _indexes(path: Path) -> Indexes:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        return Indexes()
    try:
        return Indexes.of(json.loads(text) if text.strip() else {})
    except ValueError as error:
        raise IndexFileError(f"{path.name} is not JSON: {error}") from error


def _planner(indexes: Indexes) -> Callable[[Query], MissingIndex | None]:
    # A query that differs in its values only is the same query here.
    @lru_cache(maxsize=1024)
    def planned(query: Query) -> MissingIndex | None:
        found = plan(query, indexes)
        return found if isinstance(found, MissingIndex) else None

    return planned


def _explained(request: Any, said: str | None) -> str | None:
    """What production says instead where only the plan of a query is asked for."""
    plan_only = request.HasField("explain_options") and not request.explain_options.analyze
    return _PLAN_ONLY if said and plan_only else said
