"""The two ways a build reads: a snapshot without locks, or a transaction with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.transaction import Transaction

PAGE = 1000
"""Maximum number of documents read in one call."""


def read_all(
    database: Database, paths: Iterable[str], read_time: datetime | None = None
) -> tuple[dict[str, Document], datetime]:
    """Documents by path, in calls of at most `PAGE` documents, all as they were at one instant.

    Args:
        database: the database.
        paths: at least one.
        read_time: the instant; without it, that of the first call.

    Returns:
        The documents, and the instant.
    """
    wanted = list(dict.fromkeys(paths))
    documents, at = database.get(wanted[:PAGE], read_time=read_time)
    for start in range(PAGE, len(wanted), PAGE):
        documents |= database.get(wanted[start : start + PAGE], read_time=read_time or at)[0]
    return documents, at


class Snapshot:
    """The database as it was at one instant (G3). The first read also fetches `ahead`.

    Args:
        database: the database.
        read_time: the instant.
        ahead: documents that will probably be needed: those that the last build read. The first
            read fetches them too, so a steady state has one round trip at any depth.
        known: documents that were already read. The commit must guard their versions.
    """

    def __init__(
        self,
        database: Database,
        read_time: datetime,
        ahead: Iterable[str] = (),
        known: Mapping[str, Document] | None = None,
    ) -> None:
        self._database = database
        self._read_time = read_time
        self._ahead = list(ahead)
        self._documents: dict[str, Document] = dict(known or {})

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Documents by path."""
        wanted = [path for path in paths if path not in self._documents]
        if wanted:
            wanted += self._ahead
            self._ahead = []
            documents, _ = read_all(self._database, wanted, self._read_time)
            self._documents.update(documents)
        return {path: self._documents[path] for path in paths}

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches."""
        documents, _ = self._database.query(query, read_time=self._read_time)
        return documents


class LockedRead:
    """Reads in a read-write transaction: nothing that was read can change until it ends.

    Args:
        transaction: the transaction.
        known: documents that were read in it already.
    """

    def __init__(
        self, transaction: Transaction, known: Mapping[str, Document] | None = None
    ) -> None:
        self._transaction = transaction
        self._documents: dict[str, Document] = dict(known or {})

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Documents by path."""
        wanted = [path for path in paths if path not in self._documents]
        if wanted:
            self._documents.update(self._transaction.get(wanted))
        return {path: self._documents[path] for path in paths}

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches."""
        return self._transaction.query(query)
