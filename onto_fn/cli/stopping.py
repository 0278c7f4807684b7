"""Ctrl-C and SIGTERM, which mean the same: finish what was begun, and end."""

from __future__ import annotations

import signal
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
def until_stopped() -> Generator[None]:
    """For work that goes on until it is stopped, and then has succeeded: either signal ends it.

    The signal interrupts the block, and is forgotten; what the block has opened is closed on the
    way. More signals meanwhile do nothing. Use it in the main thread.
    """

    def on_signal(number: int, frame: object) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    with _handled(on_signal):
        try:
            yield
        except KeyboardInterrupt:
            return


@contextmanager
def _handled(handler: Any) -> Generator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
