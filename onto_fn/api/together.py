"""Documents that several requests want at the same time, read by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from onto_fn.api.work import Work
from onto_fn.gate.refusal import Refusal

T = TypeVar("T")

AT_ONCE = 4
"""Calls that are made at the same time. What is wanted meanwhile waits until one of them ends, and
is read together by the next. So with one request at a time, nothing waits."""
MOST = 100
"""Documents of one call."""


class Together(Generic[T]):
    """Reads by key, for one event loop at a time.

    A key that is wanted several times before its call begins is read once.

    Args:
        work: runs the calls.
        read: reads several at once.
        at_once: calls that are made at the same time.
    """

    def __init__(
        self, work: Work, read: Callable[[Sequence[str]], dict[str, T]], at_once: int = AT_ONCE
    ) -> None:
        self._work = work
        self._read = read
        self._at_once = at_once
        self._wanted: dict[str, asyncio.Future[T]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> T:
        """What is read for a key, by a call that begins after this one did.

        Raises:
            Refusal: it cannot be read.
        """
        future = self._wanted.get(key)
        if future is None:
            future = self._wanted[key] = asyncio.get_running_loop().create_future()
            if len(self._running) < self._at_once:
                self._begin()
        return await asyncio.shield(future)

    def _begin(self) -> None:
        batch = dict(list(self._wanted.items())[:MOST])
        for key in batch:
            del self._wanted[key]
        task = asyncio.get_running_loop().create_task(self._call(batch))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._wanted and not task.cancelled():
            self._begin()

    async def _call(self, batch: dict[str, asyncio.Future[T]]) -> None:
        try:
            found = await self._work.run(lambda: self._read(list(batch)))
        except Refusal as refusal:
            if len(batch) > 1 and refusal.code == "internal":
                # One that cannot be read must not be the reason why others are refused.
                for key, future in batch.items():
                    await self._call({key: future})
                return
            for future in batch.values():
                _settle(future, refusal)
        except BaseException as error:
            for future in batch.values():
                _settle(future, error)
            if not isinstance(error, Exception):
                raise
        else:
            for key, future in batch.items():
                if not future.done():
                    future.set_result(found[key])


def _settle(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # whoever wanted it may have left
