"""`Begun`: events of which the first is waited for, so that a refusal is an answer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Self

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from onto_fn.api.streams.response import left
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.watching import Event

BEGIN_SEC = 10.0
"""Seconds that an answer waits for the first event, before it begins without."""


class Begun:
    """The events of a generator, one of which has been asked for already.

    Args:
        source: the events, of which nothing has been taken.
    """

    def __init__(self, source: AsyncGenerator[Any]) -> None:
        self._source = source
        self._first: asyncio.Task[Any] | None = asyncio.create_task(_next(source))

    async def begin(self, receive: Receive, seconds: float = BEGIN_SEC) -> bool:
        """Wait for the first event, and return whether there is one; if not, it will come later.

        Raises:
            Refusal: the caller may not watch, or not see what is there.
            ClientDisconnect: the client has left.
        """
        assert self._first is not None
        leaving = asyncio.create_task(left(receive))
        begun = False
        try:
            await asyncio.wait(
                {self._first, leaving}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if self._first.done():
                event = self._first.result()
                if isinstance(event, Event) and event.kind == "denied":
                    raise Refusal("permission-denied", event.reason)
            elif leaving.done():
                raise ClientDisconnect
            begun = True
            return self._first.done()
        finally:
            leaving.cancel()
            await asyncio.wait({leaving})
            if not begun:
                await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        first, self._first = self._first, None
        event = await (_next(self._source) if first is None else first)
        if event is None:
            raise StopAsyncIteration
        return event

    async def aclose(self) -> None:
        """Release what they hold."""
        first, self._first = self._first, None
        if first is not None:
            first.cancel()
            await asyncio.wait({first})
            if not first.cancelled():
                first.exception()  # nobody wants to know any more
        await self._source.aclose()


async def _next(source: AsyncGenerator[Any]) -> Any:
    return await anext(source, None)
