"""graphql-transport-ws: operations over a WebSocket, where the server has them.

The ID token comes with the first message, `{"type": "connection_init", "payload":
{"authorization": "Bearer …"}}`, and never in the address, which is logged. A connection ends with
its token, by a code after which a client comes back with a new one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from onto_fn.api.graphql.http import text_of
from onto_fn.api.graphql.operation import StreamEnds
from onto_fn.api.graphql.running import (
    Asked,
    NotPrepared,
    Prepared,
    Running,
    asked_of,
    told_refusal,
)
from onto_fn.api.work import Work
from onto_fn.gate.caller import Caller
from onto_fn.gate.refusal import Refusal

_log = logging.getLogger("onto_fn")

PROTOCOL = "graphql-transport-ws"
INIT_SEC = 5.0
"""Seconds in which the first message has to come."""
MAX_OPERATIONS = 50
"""Operations of a connection at one time."""
_AGAIN = 1012  # a client of graphql-ws comes back
_FORBIDDEN = 4403  # and after this one, as it may have another token then

Who = Callable[[str | None, str | None], Caller]
"""Verifies the ID token and the App Check token of a client."""


class Message(BaseModel):
    """A message of a client."""

    model_config = ConfigDict(strict=True, extra="ignore")

    type: str
    id: str | None = Field(None, min_length=1, max_length=256)
    payload: Any = None


class _Closed(Exception):
    """The connection is to be closed, with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLSockets:
    """Serves WebSockets.

    Args:
        running: carries operations out.
        work: runs what waits for certificates.
        max_message: bytes of a message.
        origins: of the web pages that may connect, besides the server's own.
    """

    def __init__(
        self, running: Running, work: Work, max_message: int, origins: tuple[str, ...]
    ) -> None:
        self.running = running
        self.work = work
        self.max_message = max_message
        self._origins = origins

    async def serve(self, socket: WebSocket, who: Who) -> None:
        """Serve one connection until it ends."""
        if not self._may_connect(socket):
            await socket.close(_FORBIDDEN)  # before it is accepted: the answer is 403
            return
        if PROTOCOL not in socket.scope.get("subprotocols", ()):
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
            return
        await socket.accept(PROTOCOL)
        await _Connection(self, socket, who).serve()

    def _may_connect(self, socket: WebSocket) -> bool:
        """Whether the page that connects may: browsers leave that to the server."""
        origin = socket.headers.get("origin")
        if origin is None or "*" in self._origins or origin in self._origins:
            return True
        return origin.partition("://")[2] == socket.headers.get("host")


class _Connection:
    """One connection: who it is, and the operations that go on."""

    def __init__(self, sockets: GraphQLSockets, socket: WebSocket, who: Who) -> None:
        self._sockets = sockets
        self._socket = socket
        self._who = who
        self._caller: Caller | None = None
        self._has_begun = False
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._end: asyncio.Future[_Closed] = asyncio.get_running_loop().create_future()
        self._sending = asyncio.Lock()
        self._timers: list[asyncio.TimerHandle] = []

    async def serve(self) -> None:
        """Take messages until the client leaves, or it is told to."""
        loop = asyncio.get_running_loop()
        self._close_after(INIT_SEC, 4408, "Connection initialisation timeout")
        receiving = loop.create_task(self._receive())
        try:
            await asyncio.wait({receiving, self._end}, return_when=asyncio.FIRST_COMPLETED)
            if self._end.done():
                await self._leave(self._end.result())
        finally:
            self._forget_timers()
            tasks = {receiving, *self._tasks.values()}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _receive(self) -> None:
        try:
            while True:
                await self._take(await self._socket.receive_text())
        except WebSocketDisconnect:
            return
        except _Closed as closed:
            self._close(closed.code, closed.reason)
        except KeyError:  # it is not text
            self._close(4400, "send messages as text")
        except Exception:
            _log.exception("a WebSocket failed")
            self._close(4500, "Internal server error")

    async def _take(self, text: str) -> None:
        message = self._message(text)
        match message.type:
            case "connection_init":
                if self._has_begun:
                    raise _Closed(4429, "Too many initialisation requests")
                self._has_begun = True
                await self._begin(message.payload)
            case "ping":
                payload = {} if message.payload is None else {"payload": message.payload}
                await self._send({"type": "pong", **payload})
            case "pong":
                pass
            case "subscribe":
                self._subscribe(message)
            case "complete":
                task = self._tasks.pop(self._id(message), None)
                if task is not None:
                    task.cancel()
            case _:
                raise _Closed(4400, f"there is no message {message.type!r:.30}")

    def _message(self, text: str) -> Message:
        if len(text) > self._sockets.max_message:
            raise _Closed(1009, f"a message has at most {self._sockets.max_message} characters")
        try:
            return Message.model_validate(json.loads(text))
        except (ValidationError, ValueError, RecursionError) as error:
            raise _Closed(4400, "this is no message of graphql-transport-ws") from error

    @staticmethod
    def _id(message: Message) -> str:
        if message.id is None:
            raise _Closed(4400, f"{message.type} has an id")
        return message.id

    async def _begin(self, payload: object) -> None:
        if payload is not None and not isinstance(payload, dict):
            raise _Closed(4400, "the payload of connection_init is an object")
        given = cast("Mapping[str, object]", payload or {})
        tokens = {name.lower(): value for name, value in given.items()}
        found: list[str | None] = []
        for name in ("authorization", "x-firebase-appcheck"):
            value = tokens.get(name)
            if value is not None and not isinstance(value, str):
                raise _Closed(4400, f"{name} is a text")
            found.append(value)
        try:
            caller = await self._sockets.work.run(lambda: self._who(found[0], found[1]))
        except Refusal as refusal:
            is_theirs = refusal.code == "unauthenticated"
            raise _Closed(_FORBIDDEN if is_theirs else _AGAIN, str(refusal)) from refusal
        self._caller = caller
        self._forget_timers()
        expires = caller.claims.get("exp")
        if isinstance(expires, int | float):
            left = max(0.0, expires - time.time())
            self._close_after(left, _FORBIDDEN, "the ID token expires")
        await self._send({"type": "connection_ack"})

    def _subscribe(self, message: Message) -> None:
        identifier = self._id(message)
        if self._caller is None:
            raise _Closed(4401, "Unauthorized")
        if identifier in self._tasks:
            raise _Closed(4409, f"Subscriber for {identifier} already exists"[:120])
        try:
            asked = asked_of(message.payload)
        except Refusal as refusal:
            raise _Closed(4400, f"the payload of subscribe: {refusal}") from refusal
        is_full = len(self._tasks) >= MAX_OPERATIONS
        self._tasks[identifier] = asyncio.get_running_loop().create_task(
            self._carry_out(identifier, asked, self._caller, is_full=is_full)
        )

    async def _carry_out(
        self, identifier: str, asked: Asked, caller: Caller, *, is_full: bool
    ) -> None:
        """Send what one operation results in."""
        own = asyncio.current_task()
        ended: dict[str, Any] = {"type": "complete"}
        try:
            if is_full:
                raise Refusal("resource-exhausted", f"at most {MAX_OPERATIONS} operations at once")
            prepared = self._sockets.running.prepare(asked)
            await self._send_events(identifier, prepared, caller)
        except NotPrepared as error:
            ended = {"type": "error", "payload": error.errors}
        except Refusal as refusal:
            ended = {"type": "error", "payload": [told_refusal(refusal)]}
        except StreamEnds as end:
            is_token = "token" in end.reason
            self._close(_FORBIDDEN if is_token else _AGAIN, end.reason)
            return
        except Exception:
            _log.exception("an operation failed")
            self._close(4500, "Internal server error")
            return
        if self._tasks.get(identifier) is own:  # the client has not left it
            del self._tasks[identifier]
            await self._send({"id": identifier, **ended})

    async def _send_events(self, identifier: str, prepared: Prepared, caller: Caller) -> None:
        events = self._sockets.running.events(prepared, caller)
        async with aclosing(events):
            async for event in events:
                await self._send({"id": identifier, "type": "next", "payload": event})

    async def _send(self, message: Mapping[str, Any]) -> None:
        async with self._sending:
            try:
                await self._socket.send_text(text_of(message))
            except (WebSocketDisconnect, RuntimeError):
                self._close(1001, "the client has left")

    def _close(self, code: int, reason: str) -> None:
        if not self._end.done():
            self._end.set_result(_Closed(code, reason))

    def _close_after(self, seconds: float, code: int, reason: str) -> None:
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(seconds, self._close, code, reason))

    def _forget_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    async def _leave(self, closed: _Closed) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        reason = closed.reason.encode()[:123].decode(errors="ignore")
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.close(closed.code, reason)
