"""The time that a test's own process sees."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, cast

__all__ = ["FrozenTime", "frozen_clock"]

# What waits for answers has to see the real time, and what tells values by their classes the real
# classes. Of onto_fn itself, the modules that say when a request is made see the frozen time.
_REAL = (
    *(
        "_pytest.timing",
        "concurrent",
        "google",
        "grpc",
        "pydantic",
        "requests",
        "tenacity",
        "urllib3",
    ),
    *("onto_fn.engine", "onto_fn.firestore", "onto_fn.functions", "onto_fn.messaging"),
    *("onto_fn.aggregates", "onto_fn.events", "onto_fn.models", "onto_fn.observability"),
    *("onto_fn.requests", "onto_fn.store", "onto_fn.views"),
)

FrozenTime = Callable[[datetime | str], None]
"""The type of the fixture `frozen_time`: `frozen_time("2026-01-02T12:00Z")`."""


@contextmanager
def frozen_clock() -> Generator[FrozenTime]:
    """Gives a function that stops the clock at an instant; the block's end lets it run again.

    What this process's code sees stands still: `datetime.now`, `date.today`, `time.time`, and so
    the time of requests that `onto_fn.testing.submit` makes. Functions on an emulator are other
    processes, whose clock goes on. Firestore's clients see the real time.

    Raises:
        ImportError: freezegun is not installed, which does this.
    """
    try:
        import freezegun
    except ImportError as error:
        raise ImportError(
            "frozen_time needs freezegun: install onto-fn[testing], or freezegun alone"
        ) from error
    with ExitStack() as stack:

        def freeze(instant: datetime | str) -> None:
            stack.close()
            freeze_time = cast(Any, freezegun).freeze_time
            stack.enter_context(freeze_time(instant, ignore=list(_REAL)))

        yield freeze
