"""Work of the database, which waits, beside the event loop, which must not."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from onto_fn.gate.refusal import Refusal

T = TypeVar("T")

WORKERS = 16
"""Threads. At ten milliseconds a read they serve more than two cores can answer; of a greater
number, most wait for each other."""
WAITING = 200


class Work:
    """A pool of threads, with an end to what may wait for one and to how long a caller waits.

    Args:
        timeout_sec: seconds after which a caller is told to try again; an attribute as well.
        workers: threads.
        waiting: calls that may wait for a thread.
    """

    def __init__(
        self, timeout_sec: float, *, workers: int = WORKERS, waiting: int = WAITING
    ) -> None:
        self.timeout_sec = timeout_sec
        self._room = workers + waiting
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._busy = 0

    async def run(self, call: Callable[[], T]) -> T:
        """What a call returns.

        A call that takes too long goes on until its own deadlines end it, and keeps its thread.

        Raises:
            Refusal: too many wait, or it takes too long.
        """
        if self._busy >= self._room:
            raise Refusal("resource-exhausted", "too many requests at once; try again")
        if self._pool is None:  # with the first request: a server may fork before it
            self._pool = ThreadPoolExecutor(self._workers, "onto_api")
        self._busy += 1
        future = self._pool.submit(partial(contextvars.copy_context().run, call))
        future.add_done_callback(self._done(asyncio.get_running_loop()))
        try:
            async with asyncio.timeout(self.timeout_sec):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise Refusal("unavailable", "this takes too long; try again") from error

    def _done(self, loop: asyncio.AbstractEventLoop) -> Callable[[object], None]:
        def free() -> None:
            self._busy -= 1

        def told(_: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(free)

        return told
