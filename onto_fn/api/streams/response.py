"""`EventStream`: an answer that goes on until it is over or its client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"


class EventStream(Response):
    """Sends texts as they come, and a heartbeat where none comes.

    The generator is closed as soon as the client leaves, and what it holds is released. Nothing is
    taken from it before the client has taken what came before.

    Args:
        texts: what is sent.
        heartbeat: text that is sent when nothing else is.
        beat_sec: seconds between two of them.
        headers: of the answer, besides its own.
    """

    def __init__(
        self,
        texts: AsyncGenerator[str],
        *,
        heartbeat: str = ": beat\n\n",
        beat_sec: float = 15.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        own = {"Cache-Control": "private, no-store, no-transform", "X-Accel-Buffering": "no"}
        super().__init__(headers={**own, **(headers or {})}, media_type=MEDIA_TYPE)
        del self.headers["content-length"]
        self._texts = texts
        self._heartbeat = heartbeat
        self._beat_sec = beat_sec

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything."""
        async with aclosing(self._texts):
            sending = asyncio.create_task(self._send(send))
            leaving = asyncio.create_task(_left(receive))
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.wait({sending, leaving})
            if not sending.cancelled() and not leaving.done():
                sending.result()

    async def _send(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        following = asyncio.create_task(_next(self._texts))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=self._beat_sec)
                text = following.result() if done else self._heartbeat
                if text is None:
                    break
                await send(_body(text))
                if done:
                    following = asyncio.create_task(_next(self._texts))
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await following
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _body(text: str) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


async def _next(texts: AsyncGenerator[str]) -> str | None:
    return await anext(texts, None)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
