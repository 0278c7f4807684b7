"""Turns: within a process, one thread builds a root; others wait, then check the ledger again."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, get_ident
from weakref import WeakKeyDictionary

from onto_fn.firestore import Database

LONGEST = 2.0
"""Maximum seconds that a thread waits for the turn of another; 0 switches turns off."""


@dataclass(slots=True)
class _Turn:
    thread: int = field(default_factory=get_ident)
    ended: Event | None = None  # if somebody waits
    waiting: int = 0


class Turns:
    """Which thread is building which ledger record.

    When many events of one view arrive at once, one commit covers nearly all of them, and all other
    builds are wasted. So while one thread builds a record, the others wait, and then check whether
    it covers them. This saves work but guarantees nothing: other processes do not wait, so the
    precondition on the ledger record decides as always.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._turns: WeakKeyDictionary[Database, dict[str, _Turn]] = WeakKeyDictionary()

    @contextmanager
    def turn(self, database: Database, path: str) -> Generator[bool]:
        """Take the turn, or wait until the current turn ends.

        Args:
            database: the database.
            path: of the ledger record.

        Yields:
            True if the caller has the turn, for the time of the `with` block, or if another turn
                takes too long; False if another turn has ended, and the ledger should be read
                again.
        """
        mine = _Turn()
        with self._lock:
            turns = self._turns.setdefault(database, {})
            current = turns.setdefault(path, mine)
            if current is not mine:
                current.waiting += 1
                current.ended = current.ended or Event()
        if current.ended is not None and current is not mine:
            # A turn within a turn of the same thread would wait for itself.
            yield current.thread == mine.thread or not current.ended.wait(LONGEST)
            return
        try:
            yield True
        finally:
            with self._lock:
                del turns[path]
            if mine.ended is not None:
                mine.ended.set()

    def waiting(self, database: Database, path: str) -> int:
        """Number of threads waiting for the current turn."""
        with self._lock:
            turn = self._turns.get(database, {}).get(path)
            return turn.waiting if turn is not None else 0


TURNS = Turns()
"""Those of this process."""
