"""Faults of the library, one of which a run may ask for: chaos must find each of them.

`make chaos BREAK=…` sets one of these names; see `BREAKS`.
"""

import os
from collections.abc import Callable
from typing import Any

from onto_fn.engine.aggregate import contribution, count
from onto_fn.engine.aggregate.unaffected import Unaffected
from onto_fn.engine.materialise import plan

VARIABLE = "ONTO_FN_CHAOS_BREAK"


def _counts_twice() -> None:
    """Every tenth change of a document is counted twice."""
    right = contribution._increments
    seen = 0

    def twice(old: Any, new: Any) -> Any:
        nonlocal seen
        seen += 1
        writes = right(old, new)
        return writes + writes if seen % 10 == 0 else writes

    contribution._increments = twice


def _counts_groups_twice() -> None:
    """What several documents add together is added twice."""
    right = count._added_up

    def twice(writes: Any) -> Any:
        summed = right(writes)
        return summed + [write for write in summed if write.increments is not None]

    count._added_up = twice


def _skips_too_much() -> None:
    """An event of a document that exists before and after it is taken to change nothing."""

    def is_done(self: Any, database: Any, change: Any) -> bool:
        return bool(change.has_content and change.before.exists and change.after.exists)

    Unaffected.is_done = is_done


def _forgets_messages() -> None:
    """Every third commit writes no message."""
    right = plan.outbox_writes
    seen = 0

    def some(*arguments: Any) -> Any:
        nonlocal seen
        seen += 1
        return [] if seen % 3 == 0 else right(*arguments)

    plan.outbox_writes = some


BREAKS: dict[str, Callable[[], None]] = {
    "counts_twice": _counts_twice,
    "counts_groups_twice": _counts_groups_twice,
    "skips_too_much": _skips_too_much,
    "forgets_messages": _forgets_messages,
}


def break_if_asked() -> None:
    """Break what the environment says, in this process."""
    name = os.environ.get(VARIABLE)
    if name:
        BREAKS[name]()
