"""The end of the process: streams are ended first, as a server waits for them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


def before_the_end(call: Callable[[], None]) -> None:
    """Call something in this event loop when the process is told to end by SIGTERM or Ctrl-C.

    A server stops taking connections then, and waits for those that there are: for streams, until
    it is killed. The server's own handler is called afterwards. Nothing happens where there is
    none, as the process ends at once, nor in a thread other than the main one, which receives no
    signals.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        present: Any = signal.getsignal(number)
        if isinstance(present, _Ending):
            present.add(loop, call)
        elif callable(present):  # neither the system's default, nor ignored
            ending = _Ending(present)
            ending.add(loop, call)
            signal.signal(number, ending)


class _Ending:
    """Handles a signal: one for all who want to know, however many there are."""

    def __init__(self, before: Callable[[int, FrameType | None], object]) -> None:
        self._before = before
        self._calls: list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = []

    def add(self, loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
        self._calls = [(loop, call), *(c for c in self._calls if not c[0].is_closed())]

    def __call__(self, received: int, frame: FrameType | None) -> None:
        for loop, call in self._calls:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)
        self._before(received, frame)
