"""Usage: how many documents the calls of a process are billed for."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from threading import Lock

COUNTED_PER_READ = 1000
"""Counting is billed as one read per 1,000 documents."""


def billed_for_counting(documents: int) -> int:
    """The reads that counting documents is billed as."""
    return max(1, ceil(documents / COUNTED_PER_READ))


@dataclass(frozen=True)
class Billed:
    """Billed documents.

    Attributes:
        reads: documents read; one that does not exist is billed like one that does, and a query
            without results like one document.
        writes: documents written or deleted.
    """

    reads: int = 0
    writes: int = 0

    def __add__(self, other: Billed) -> Billed:
        return Billed(self.reads + other.reads, self.writes + other.writes)

    def __sub__(self, other: Billed) -> Billed:
        return Billed(self.reads - other.reads, self.writes - other.writes)


class Usage:
    """Counts what the calls of one database are billed for. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._reads = self._writes = 0

    def add(self, *, reads: int = 0, writes: int = 0) -> None:
        """Count billed documents."""
        with self._lock:
            self._reads += reads
            self._writes += writes

    @property
    def billed(self) -> Billed:
        """Everything so far."""
        with self._lock:
            return Billed(self._reads, self._writes)
