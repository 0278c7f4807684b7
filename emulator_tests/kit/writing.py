"""Plain writes that become changes, to be delivered whenever and as often as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from onto_fn.editing import Database
from onto_fn.engine.records.ledger import LedgerRecord, dead_letter_path, ledger_path
from onto_fn.errors import Contention
from onto_fn.firestore import Document, Query, Write
from onto_fn.observability import Change

Fields = Mapping[str, Any] | None
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Writer:
    """Commits writes as an application would, and keeps the events that they cause."""

    database: Database

    def write(self, path: str, fields: Fields) -> Change:
        """Set a document (None deletes it); the change has it exactly before and after."""
        return self.write_all({path: fields})[0]

    def delete(self, path: str) -> Change:
        return self.write(path, None)

    def write_all(self, contents: Mapping[str, Fields]) -> list[Change]:
        """Set documents in one commit, if there are any."""
        if not contents:
            return []
        return self.update(list(contents), lambda _: contents)

    def update(
        self, paths: Iterable[str], updated: Callable[[dict[str, Document]], Mapping[str, Fields]]
    ) -> list[Change]:
        """Replace documents by a function of their present content, in one commit."""
        while True:
            before, _ = self.database.get(list(paths))
            contents = updated(before)
            writes = [
                Write(path, fields, before[path].update_time or "absent")
                for path, fields in contents.items()
            ]
            try:
                time = self.database.commit(writes)
            except Contention:
                continue
            after, _ = self.database.get(list(contents), read_time=time)
            event_id = f"event-{time.timestamp()}"
            return [Change(p, before[p], after[p], f"{event_id}-{p}") for p in contents]

    def content(self, path: str) -> Fields:
        """What a document holds, or None."""
        return self.database.get([path])[0][path].fields

    def collection(self, name: str) -> dict[str, Fields]:
        """All documents of a collection, by path."""
        documents, _ = self.database.query(Query(name))
        return {document.path: document.fields for document in documents}

    def record(self, definition: str, root: str) -> LedgerRecord | None:
        """A root's ledger record."""
        path = ledger_path(definition, root)
        return LedgerRecord.from_document(self.database.get([path])[0][path])

    def dead_letter(self, definition: str, root: str) -> Fields:
        """A root's dead letter."""
        return self.content(dead_letter_path(definition, root))

    def dead_letters(self) -> dict[str, Fields]:
        return self.collection("onto_dead_letters")


def in_threads(count: int, call: Callable[[A], B], arguments: Iterable[A]) -> list[B]:
    """The results of concurrent calls; an error of any of them is raised."""
    with ThreadPoolExecutor(count) as threads:
        return [future.result(120) for future in [threads.submit(call, a) for a in arguments]]
