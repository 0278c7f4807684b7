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
    it is killed. The server's own handler is called afterwards. In a thread other than the main
    one, which receives no signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before: Any = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None, before: Any = before) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)
            if callable(before):
                before(received, frame)

        signal.signal(number, handle)
