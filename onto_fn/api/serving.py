"""An API in a process of its own: uvicorn, with bounds for what a client may take."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Timer
from time import perf_counter
from typing import Any

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose
from typing_extensions import override
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from onto_fn.api.rest.problem import HttpProblem, answer_of
from onto_fn.api.route import route_of

MAX_HEADER_BYTES = 32 * 1024
"""Of a request's headers, with its first line."""
MAX_MESSAGE_BYTES = 10 * 1024 * 1024
"""Of a message over a WebSocket, at most; the API bounds it further."""
HEADERS_SEC = 10.0
"""Seconds in which the headers of a request have to arrive."""
KEEP_ALIVE_SEC = 65
"""Seconds that a connection may be idle: longer than most load balancers keep one."""
_LAST_SEC = 1.0  # for what still runs when all requests have been answered or cancelled


@dataclass(frozen=True)
class Served:
    """A request that was answered.

    Attributes:
        method: of HTTP.
        route: template of the path; None if nothing is at the address. The path and its query
            would show ids, so they are not here.
        status: of the answer; None if the client left before.
        ms: milliseconds that it took.
    """

    method: str
    route: str | None
    status: int | None
    ms: float


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address.

    Args:
        host: a name or an address of this machine.
        port: 0 for a free one.

    Raises:
        OSError: the address is in use, or none of this machine's.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError:
        found.close()
        raise
    return found


def serve(
    application: ASGIApp,
    at: socket.socket,
    *,
    grace_sec: int,
    ready: Callable[[], None],
    served: Callable[[Served], None] | None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, in the main thread.

    Then no connection is taken any more, and requests may finish. Those that still run after
    `grace_sec` are cancelled. What waits for the database or in the app's own code then keeps the
    process for one more second.

    Args:
        application: an ASGI application without a lifespan.
        at: where.
        grace_sec: seconds that requests may take to finish.
        ready: called when connections are taken.
        served: called with each request that was answered.
    """
    config = config_of(application, served, grace_sec=grace_sec)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        _Server(config, ready).run([at])
    finally:
        last = Timer(_LAST_SEC, os._exit, (0,))
        last.daemon = True  # so that it waits for nothing where nothing else does
        last.start()


def config_of(
    application: ASGIApp, served: Callable[[Served], None] | None, *, grace_sec: int
) -> Config:
    """How uvicorn serves; see `serve`."""
    return Config(
        _Observed(application, served),
        http=_Protocol,
        ws="auto" if find_spec("websockets") else "none",
        ws_max_size=MAX_MESSAGE_BYTES,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_keep_alive=KEEP_ALIVE_SEC,
        timeout_graceful_shutdown=grace_sec,
    )


class _Server(Server):
    def __init__(self, config: Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Protocol(H11Protocol):
    """Closes a connection whose next headers do not arrive; uvicorn waits for ever."""

    _late: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._wait()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._late is None:
            self._late = self.loop.call_later(HEADERS_SEC, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class _Observed:
    """Refuses headers that are too large, and reports each request."""

    def __init__(self, application: ASGIApp, served: Callable[[Served], None] | None) -> None:
        self._application = application
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, status = perf_counter(), None

        async def answering(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and status is None:
                status = 403
            await send(message)

        try:
            # The parser counts what is incomplete, so that headers in one packet pass it by.
            answer = self._application if _fits(scope) else _too_large(scope)
            await answer(scope, receive, answering)
        finally:
            if self._served is not None:
                ms = (perf_counter() - start) * 1000
                method = scope.get("method", "GET")  # of a WebSocket
                self._served(Served(method, route_of(scope), status, round(ms, 1)))


def _fits(scope: Scope) -> bool:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    size = len(scope["raw_path"]) + len(scope["query_string"])
    return size + sum(len(name) + len(value) for name, value in headers) <= MAX_HEADER_BYTES


def _too_large(scope: Scope) -> ASGIApp:
    if scope["type"] == "websocket":
        return WebSocketClose()
    detail = f"headers and address have at most {MAX_HEADER_BYTES} bytes"
    answer: Any = answer_of(HttpProblem(431, detail, headers={"Connection": "close"}))
    return answer
