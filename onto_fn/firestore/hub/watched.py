"""What is watched, and what it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from onto_fn.firestore.documents import Document
from onto_fn.firestore.listening import Progress, Snapshot
from onto_fn.firestore.matching import identity, in_order
from onto_fn.firestore.queries import Query

Watchable = str | Query
"""The path of a document, or a query."""


@dataclass(frozen=True)
class State:
    """What a watched document or query is now.

    Attributes:
        documents: the documents that exist, in the query's order; at most one of a single document.
        number: greater for each later state of the same target.
        time: the instant at which it was first seen to be this, in microseconds since 1970.
    """

    documents: tuple[Document, ...]
    number: int
    time: int = 0


class Watched:
    """One target: its state, and who waits for the next.

    Attributes:
        time: the instant up to which it is known, in microseconds since 1970.
        error: why it is not watched any more; whoever comes then begins with another `Watched`.
    """

    def __init__(self, what: Watchable, decode: Callable[[Any], Document]) -> None:
        self.what = what
        self.progress = Progress(0)
        self.state: State | None = None
        self.time = 0
        self.error: Exception | None = None
        self.watchers: set[asyncio.Event] = set()
        self.lost = 0
        self._decode = decode
        self._documents: dict[str, Document] = {}
        self._is_behind = True
        self._awaited = 0

    def join(self, event: asyncio.Event, since: int) -> None:
        """Wake somebody with each new state, and when it is known up to an instant."""
        self.watchers.add(event)
        self._awaited = max(self._awaited, since)

    def take(self, snapshot: Snapshot) -> None:
        """Go on to the next state, and wake those who wait for it.

        A stream that begins again may show an earlier instant than the one before it did; it is
        not told.
        """
        for name in snapshot.gone:
            self._documents.pop(name, None)
        for name, message in snapshot.changed.items():
            self._documents[name] = self._decode(message)
        if snapshot.changed or snapshot.gone:
            self._is_behind = True
        seconds, nanos = snapshot.time
        time = seconds * 1_000_000 + nanos // 1000
        if time < self.time:
            return
        self.lost, before, self.time = 0, self.time, time
        if self._is_behind:
            self._is_behind = False
            self._go_on()
        if before < self._awaited:
            self.wake()

    def fail(self, error: Exception) -> None:
        """Tell those who watch it that it cannot be watched."""
        self.error = error
        self.wake()

    def wake(self) -> None:
        """Wake those who wait."""
        for event in self.watchers:
            event.set()

    def _go_on(self) -> None:
        documents = self._in_order()
        if self.state is None or _versions(documents) != _versions(self.state.documents):
            number = 0 if self.state is None else self.state.number
            self.state = State(documents, number + 1, self.time)
            self.wake()

    def _in_order(self) -> tuple[Document, ...]:
        if isinstance(self.what, str):
            return tuple(self._documents.values())
        return tuple(in_order(self.what, self._documents.values()))


def key_of(what: Watchable) -> str:
    """A text that is identical if and only if the same is watched."""
    return what if isinstance(what, str) else f"?{identity(what)}"


def _versions(documents: tuple[Document, ...]) -> list[tuple[str, object]]:
    return [(document.path, document.update_time) for document in documents]
