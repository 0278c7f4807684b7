"""What became of an event, for each definition it affects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """How a materialisation ended."""

    COMMITTED = "committed"
    """The ledger was committed, with the documents that changed (perhaps none)."""
    COVERED = "covered"
    """The ledger covers the change already: nothing was built."""
    UNCHANGED = "unchanged"
    """It was built, and nothing that was read or made differs from the ledger: no commit."""
    SENT = "sent"
    """The message of a change was sent, and its receiver has confirmed it."""
    DEAD_LETTER = "dead letter"
    """It cannot be built or sent; a dead letter says why. Documents stay as they were."""


@dataclass(frozen=True)
class Outcome:
    """What one definition did about one change.

    Attributes:
        definition: the definition's name.
        root: path of the root; of a message, the path of the document that it tells of.
        result: how it ended.
        attempts: how many attempts it took.
        written: paths of the documents written.
        deleted: paths of the documents deleted.
        error: the message of the dead letter, else empty.
    """

    definition: str
    root: str
    result: Result
    attempts: int = 1
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    error: str = ""
