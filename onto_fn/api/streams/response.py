"""`EventStream`: an answer that goes on until it is over or its client leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from onto_fn.gate.refusal import Refusal

_log = logging.getLogger("onto_fn")

MEDIA_TYPE = "text/event-stream"
TAKE_SEC = 120.0
"""Seconds that a client may take nothing of what it is sent."""
_NO_MORE = object()


class Closable(Protocol):
    """Events that are released when they are closed, such as an asynchronous generator."""

    def __anext__(self) -> Awaitable[Any]:
        """The next event."""
        ...

    def aclose(self) -> Awaitable[None]:
        """Release what they hold."""
        ...


class EventStream(Response):
    """Sends events as they come, and a heartbeat where none comes.

    The events are closed as soon as the client leaves, and what they hold is released. None is
    taken before the client has taken the one before; a client that takes nothing for too long is
    cut.

    Args:
        events: what is sent.
        text_of: the text of an event.
        ending: the text with which a stream ends that cannot go on.
        greeting: the first text.
        heartbeat: text that is sent when nothing else is.
        beat_sec: seconds between two of them.
        take_sec: seconds in which a client has to take a part.
        headers: of the answer, besides its own.
    """

    def __init__(
        self,
        events: Closable,
        text_of: Callable[[Any], str],
        ending: Callable[[Refusal], str],
        *,
        greeting: str = "",
        heartbeat: str = ": beat\n\n",
        beat_sec: float = 15.0,
        take_sec: float = TAKE_SEC,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        own = {"Cache-Control": "private, no-store, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(headers={**own, **(headers or {})}, media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._events = events
        self._text_of = text_of
        self._ending = ending
        self._greeting = greeting
        self._heartbeat = heartbeat
        self._beat_sec = beat_sec
        self._take_sec = take_sec

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything."""
        async with aclosing(self._events):
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(left(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
                has_left = leaving.done()
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait({sending, leaving})
            error = None if sending.cancelled() else sending.exception()
            if error is not None and not has_left:
                raise error

    async def _send(self, send: Send) -> None:
        async def sent(text: str, *, more: bool = True) -> None:
            body = {"type": "http.response.body", "body": text.encode(), "more_body": more}
            async with asyncio.timeout(self._take_sec):
                await send(body)

        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        try:
            await self._send_events(sent)
            await sent("", more=False)
        except TimeoutError:
            _log.info("a client takes nothing any more, and is cut")

    async def _send_events(self, sent: Any) -> None:
        if self._greeting:
            await sent(self._greeting)
        following = asyncio.create_task(self._next())
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=self._beat_sec)
                if not done:
                    await sent(self._heartbeat)
                    continue
                text = following.result()
                if text is None:
                    return
                await sent(text)
                following = asyncio.create_task(self._next())
        except Refusal as refusal:
            await sent(self._ending(refusal))
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await following

    async def _next(self) -> str | None:
        """The text of the next event; None at the end.

        Raises:
            Refusal: there cannot be another.
        """
        try:
            event = await anext(self._events, _NO_MORE)
            return None if event is _NO_MORE else self._text_of(event)
        except Refusal:
            raise
        except Exception as error:
            _log.exception("a stream failed")
            raise Refusal("internal", "internal error; the log says why") from error


async def left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
