"""The outcome of an event, for each definition that it affects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum


class Result(Enum):
    """How a materialisation ended."""

    COMMITTED = "committed"
    """The ledger was committed, with the documents that changed (perhaps none)."""
    COVERED = "covered"
    """The ledger already covers the change: nothing was built."""
    UNAFFECTED = "unaffected"
    """The change concerns no field that the last build has read: nothing was read or built."""
    UNCHANGED = "unchanged"
    """It was built, but the reads and documents equal those in the ledger: no commit."""
    FANNED_OUT = "fanned out"
    """A batch was published that will rebuild it, with others."""
    SENT = "sent"
    """The message of a change was sent, and its receiver confirmed it."""
    REFUSED = "refused"
    """A client's request is refused, and its mark says why. Nothing else was written."""
    DEAD_LETTER = "dead letter"
    """It cannot be built or sent; a dead letter says why. Documents stay as they were."""


@dataclass(frozen=True)
class Outcome:
    """What one definition did about one change.

    Attributes:
        definition: the definition's name.
        root: path of the root; for published batches, and for several roots that are unaffected,
            the number of roots; for a message the path of its document.
        result: how it ended.
        attempts: how many attempts it took.
        written: paths of the documents written.
        deleted: paths of the documents deleted.
        error: the message of the dead letter or of the refusal, else empty.
        skipped: paths of the invalid documents that were left out.
        time: of the commit of a request that a client submitted: the update time of all that it
            wrote. Else None.
    """

    definition: str
    root: str
    result: Result
    attempts: int = 1
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    error: str = ""
    skipped: tuple[str, ...] = ()
    time: datetime | None = field(default=None, compare=False)


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of one root from those of its shards: the worst, with all that was written."""
    if len(outcomes) == 1:
        return outcomes[0]
    order = [
        Result.DEAD_LETTER,
        Result.COMMITTED,
        Result.UNCHANGED,
        Result.COVERED,
        Result.UNAFFECTED,
    ]
    worst = min(outcomes, key=lambda outcome: order.index(outcome.result))
    return replace(
        worst,
        attempts=max(outcome.attempts for outcome in outcomes),
        written=tuple(path for outcome in outcomes for path in outcome.written),
        deleted=tuple(path for outcome in outcomes for path in outcome.deleted),
        skipped=tuple(sorted({path for outcome in outcomes for path in outcome.skipped})),
    )
