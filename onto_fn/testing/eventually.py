"""Wait for what functions do in the background: conditions with deadlines, never sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

__all__ = ["Eventually", "eventually"]

T = TypeVar("T")

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.25


class Eventually(Protocol):
    """The type of `eventually`, for the annotation of a fixture."""

    def __call__(self, check: Callable[[], T], *, deadline: float = 20.0) -> T:
        """Call `check` until it holds."""
        ...


def eventually(check: Callable[[], T], *, deadline: float = 20.0) -> T:
    """Call `check` until it holds, and return what it returned.

    ```python
    def renamed():
        assert client.document("users/ada").get().get("name") == "Ada"

    eventually(renamed)
    eventually(lambda: client.document("users/ada").get().exists)
    ```

    Args:
        check: Holds when it raises no AssertionError and returns something true, or None, which is
            what a function of assertions returns. Any other exception is passed on at once.
        deadline: Seconds after which the last failure is raised. `check` is called at least once.

    Raises:
        AssertionError: The last one that `check` raised, with a note of the time and the attempts.
    """
    started = time.monotonic()
    pause = _FIRST_PAUSE
    attempts = 0
    while True:
        attempts += 1
        try:
            result = check()
            if result is None or result:
                return result
            raise AssertionError(f"{check} returned {result!r}")
        except AssertionError as failure:
            elapsed = time.monotonic() - started
            if elapsed >= deadline:
                failure.add_note(f"still so after {elapsed:.1f} s and {attempts} attempts")
                raise
        time.sleep(min(pause, max(0.0, deadline - elapsed)))
        pause = min(2 * pause, _LONGEST_PAUSE)
