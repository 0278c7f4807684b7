"""Faults of the library, one of which a run may ask for: chaos must find each of them.

`make chaos BREAK=…` sets one of these names; see `BREAKS`.
"""

import os
from collections.abc import Callable
from typing import Any

from onto_fn.engine.aggregate import contribution
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
    "forgets_messages": _forgets_messages,
}


def break_if_asked() -> None:
    """Break what the environment says, in this process."""
    name = os.environ.get(VARIABLE)
    if name:
        BREAKS[name]()
