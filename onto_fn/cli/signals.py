"""Ctrl-C and SIGTERM, which mean the same: finish what was begun, and end."""

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
    """For work that ends by itself: the first signal sets the event, a second one interrupts.

    Work in steps, look at the event between them, and end with exit code 130 if it is set. Use it
    in the main thread.

    Raises:
        KeyboardInterrupt: inside of the block, at the second signal.
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
    """For work that goes on until it is stopped, and then has succeeded: either signal ends it.

    The first signal sets the event and interrupts the block; what the block has opened is closed on
    the way. More signals meanwhile do nothing. A loop has to look at the event as well: Python
    loses an exception that comes up while it runs a destructor or another library's callback, and
    nothing is printed of it. Use it in the main thread.
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
