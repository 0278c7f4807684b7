"""A database on which something happens at a chosen instant of the engine's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from onto_fn.editing import Database
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, Query, Write
from onto_fn.firestore.documents import Fields


class Point(Enum):
    """Instants of a materialisation."""

    LOOKED_UP = "the affected views are known, nothing else is read"
    READ = "a round of the build's reads is done"
    LOCKED = "what the build gained is read again, and locked"
    COMMITTING = "the commit is about to be sent"
    COMMITTED = "the commit is applied, and the engine has not heard of it"


@dataclass(frozen=True)
class Commit:
    """A commit that was applied: the new content of each document, None where it is deleted."""

    time: datetime
    contents: dict[str, Fields | None]


class Interleaved(Database):
    """Runs an action once, at the first time that the engine reaches a point; keeps all commits.

    The action writes and delivers through a database of its own.
    """

    def __init__(self, project: str) -> None:
        super().__init__(project)
        self._actions: dict[Point, list[Callable[[], object]]] = {}
        self.commits: list[Commit] = []

    def once(self, point: Point, action: Callable[[], object]) -> None:
        """Run the action when the point is reached next (after the actions given before)."""
        self._actions.setdefault(point, []).append(action)

    @property
    def is_done(self) -> bool:
        """Whether every action has run: else the test did not interleave what it says."""
        return not any(self._actions.values())

    def forget(self) -> None:
        """Give up the actions that have not run."""
        self._actions.clear()

    def read_documents(
        self, paths: Iterable[str], consistency: dict[str, Any]
    ) -> tuple[dict[str, Document], datetime, bytes | None]:
        paths = list(paths)
        result = super().read_documents(paths, consistency)
        if not paths[0].startswith(LEDGER_COLLECTION):
            self._reach(Point.READ if "read_time" in consistency else Point.LOCKED)
        return result

    def read_query(
        self, query: Query, consistency: dict[str, Any]
    ) -> tuple[list[Document], datetime, bytes | None]:
        result = super().read_query(query, consistency)
        if query.collection == LEDGER_COLLECTION:
            self._reach(Point.LOOKED_UP)
        else:
            self._reach(Point.READ if "read_time" in consistency else Point.LOCKED)
        return result

    def queries(
        self, queries: Sequence[Query], *, read_time: datetime
    ) -> list[list[Document] | PermanentError]:
        result = super().queries(queries, read_time=read_time)
        self._reach(Point.READ)
        return result

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        self._reach(Point.COMMITTING)
        time = super().write(writes, transaction)
        self.commits.append(Commit(time, {write.path: write.fields for write in writes}))
        self._reach(Point.COMMITTED)
        return time

    def history(self, path: str) -> list[Fields | None]:
        """What the commits have made of a document, oldest first."""
        commits = sorted(self.commits, key=lambda commit: commit.time)
        return [commit.contents[path] for commit in commits if path in commit.contents]

    def _reach(self, point: Point) -> None:
        actions = self._actions.get(point)
        if actions:
            actions.pop(0)()
