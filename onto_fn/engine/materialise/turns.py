"""Turns: in one process, one thread at a time makes a ledger record, and the others wait for it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, get_ident
from weakref import WeakKeyDictionary

from onto_fn.firestore import Database

LONGEST = 2.0
"""So many seconds, at most, a thread waits for the turn of another; 0 switches turns off."""


@dataclass(slots=True)
class _Turn:
    thread: int = field(default_factory=get_ident)
    ended: Event | None = None  # if somebody waits
    waiting: int = 0


class Turns:
    """Which thread makes which ledger record now.

    When many events of one view come at once, one commit covers nearly all of them, and all other
    builds are in vain. So while a thread makes a record, the others wait, and then look whether it
    has covered them. That saves work and guarantees nothing: other processes do not wait, so the
    precondition on the ledger record decides, as ever.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._turns: WeakKeyDictionary[Database, dict[str, _Turn]] = WeakKeyDictionary()

    @contextmanager
    def turn(self, database: Database, path: str) -> Generator[bool]:
        """Take the turn, or wait for the end of whoever has it.

        Args:
            database: the database.
            path: of the ledger record.

        Yields:
            True if it is the caller's turn, for the time of the `with` block, or if the other's
            takes too long; False if the other's has ended, and it is time to look again.
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
        """How many have come to wait for the turn that is under way."""
        with self._lock:
            turn = self._turns.get(database, {}).get(path)
            return turn.waiting if turn is not None else 0


TURNS = Turns()
"""Those of this process."""
