"""Handle Ctrl-C and SIGTERM alike: finish the current step, and end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stoppable() -> Generator[Event]:
    """For work that ends by itself: the first signal sets the event, the second one interrupts.

    Work in steps, check the event between them, and end with exit code 130 if it is set. Use this
    in the main thread.

    Raises:
        KeyboardInterrupt: inside the block, at the second signal.
    """
    stopping = Event()

    def on_signal(number: int, frame: object) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    with _handled(on_signal):
        yield stopping


@contextmanager
def until_stopped() -> Generator[Event]:
    """For work that runs until it is stopped. Either signal ends it, and that is a success.

    The first signal sets the event and interrupts the block, which closes what it has opened. Later
    signals have no effect. A loop must check the event as well: if the exception arises in a
    destructor or in another library's callback, Python drops it. Python's report of that is not
    printed. Use this in the main thread.
    """
    stopping = Event()
    report = sys.unraisablehook

    def on_signal(number: int, frame: object) -> None:
        if not stopping.is_set():
            stopping.set()
            raise KeyboardInterrupt

    def on_lost(lost: Any) -> None:
        if not (stopping.is_set() and lost.exc_type is KeyboardInterrupt):
            report(lost)

    with _handled(on_signal):
        sys.unraisablehook = on_lost
        try:
            yield stopping
        except KeyboardInterrupt:
            return
        finally:
            sys.unraisablehook = report


@contextmanager
def _handled(handler: Any) -> Generator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
