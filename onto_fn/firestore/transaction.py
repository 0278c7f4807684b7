"""`Transaction`: reads that lock, and one commit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from onto_fn.firestore.documents import Document, Write
from onto_fn.firestore.queries import Query

# As the mask of a read: the documents come without their fields.
NAMES_ONLY = {"field_paths": ["__name__"]}


class Port(Protocol):
    """What a transaction needs of a database; see `Database`."""

    def read_documents(
        self, paths: Iterable[str], consistency: dict[str, Any]
    ) -> tuple[dict[str, Document], datetime, bytes | None]:
        """Documents by path, the read time, and the id of the transaction."""
        ...

    def read_query(
        self, query: Query, consistency: dict[str, Any]
    ) -> tuple[list[Document], datetime, bytes | None]:
        """A query's documents, the read time, and the id of the transaction."""
        ...

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        """Commit."""
        ...

    def release(self, transaction: bytes) -> None:
        """Roll back."""
        ...


class Transaction:
    """A read-write transaction: what it reads is locked until it commits or rolls back."""

    def __init__(self, database: Port) -> None:
        self._database = database
        self._id: bytes | None = None

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Read documents and lock them (also those that do not exist)."""
        documents, _, self._id = self._database.read_documents(paths, self._selector())
        return documents

    def versions(self, paths: Sequence[str]) -> dict[str, datetime | None]:
        """Lock documents, and read their update times alone; None where there is none."""
        selector = {**self._selector(), "mask": NAMES_ONLY}
        documents, _, self._id = self._database.read_documents(paths, selector)
        return {path: document.update_time for path, document in documents.items()}

    def query(self, query: Query) -> list[Document]:
        """Run a query and lock its result: no document can enter or leave it until the end."""
        documents, _, self._id = self._database.read_query(query, self._selector())
        return documents

    def commit(self, writes: Sequence[Write]) -> datetime:
        """Commit all writes atomically; see `Database.commit`."""
        time = self._database.write(writes, self._id)
        self._id = None  # a commit that failed is rolled back: it may still hold its locks
        return time

    def rollback(self) -> None:
        """Release the locks. Errors are ignored: the server ends the transaction by itself."""
        identifier, self._id = self._id, None
        if identifier is not None:
            self._database.release(identifier)

    def _selector(self) -> dict[str, Any]:
        if self._id is None:
            return {"new_transaction": {"read_write": {}}}
        return {"transaction": self._id}
