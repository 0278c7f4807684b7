"""First builds: pages of roots that have no ledger record yet.

Everything that a first build reads is new to the ledger and must be locked until the commit. So
pages of first builds read their sources in the transaction of the commit: each document is read
once, and locked once for the whole page. Other builds read a snapshot without locks, and only what
is new to them is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from weakref import WeakKeyDictionary

from onto_fn.engine.materialise.lookup import Affected
from onto_fn.firestore import Database

MAX_LOCKED = 1000
"""Maximum number of documents that a page reads under lock."""


class Widths:
    """How many sources the roots of each definition have, as far as this process has seen it.

    A guess: it decides how much is read, never what is committed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._widths: WeakKeyDictionary[Database, dict[str, float]] = WeakKeyDictionary()

    def of(self, database: Database, definition: str) -> float:
        """Documents read per root; 1 if none was built yet."""
        with self._lock:
            return self._widths.get(database, {}).get(definition, 1.0)

    def saw(self, database: Database, definition: str, documents: int, roots: int) -> None:
        """Note how many documents some roots had."""
        with self._lock:
            self._widths.setdefault(database, {})[definition] = documents / max(1, roots)


WIDTHS = Widths()
"""Those of this process."""


def are_locked(database: Database, due: Sequence[Affected]) -> bool:
    """Whether materialisations of a page should read under lock: most of them are first builds.

    Not for owned fields: the documents that have them are read and written, so many locks on one
    of them would all wait to become writes.

    Args:
        database: the database.
        due: materialisations of one definition.
    """
    definition = due[0].definition
    first = sum(item.record is None for item in due)
    if definition.owns or 2 * first < len(due):
        return False
    return len(due) * WIDTHS.of(database, definition.name) <= MAX_LOCKED
