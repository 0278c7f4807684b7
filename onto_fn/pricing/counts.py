"""`Counts`: what is billed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Counts:
    """Billed operations, of one change or of many.

    Attributes:
        invocations: calls of functions.
        lookups: queries on the ledger; what they read is in `reads`.
        reads: documents read. A query without results is billed as one.
        writes: documents written.
        deletes: documents deleted.
        messages: Pub/Sub messages, of fan-outs and of sinks.
    """

    invocations: float = 0
    lookups: float = 0
    reads: float = 0
    writes: float = 0
    deletes: float = 0
    messages: float = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            *(mine + theirs for mine, theirs in zip(self._all(), other._all(), strict=True))
        )

    def times(self, number: float) -> Counts:
        """The counts of so many changes."""
        return Counts(*(number * value for value in self._all()))

    def to_json(self) -> dict[str, Any]:
        """By name; whole numbers as such."""
        return {
            field.name: int(value) if float(value).is_integer() else round(value, 2)
            for field, value in zip(fields(self), self._all(), strict=True)
        }

    def _all(self) -> tuple[float, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))
