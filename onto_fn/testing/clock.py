"""Stop the clock of a test's own process."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, cast

__all__ = ["FrozenTime", "frozen_clock"]

# Modules that wait for answers need the real time. Modules that distinguish values by their classes
# need the real classes. In onto_fn, only the modules that set the time of a request see the frozen
# time.
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
    """Yield a function that stops the clock at an instant. The clock runs again after the block.

    In this process, `datetime.now`, `date.today` and `time.time` return the frozen time, and
    `onto_fn.testing.submit` makes its requests at that time. Functions on an emulator run in other
    processes with the real time. Firestore's clients see the real time too.

    Raises:
        ImportError: the package freezegun is not installed.
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
