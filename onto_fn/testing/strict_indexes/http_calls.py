"""The part of the proxy that speaks HTTP/1.1: the REST API, the Web SDK, the emulator's pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import h11

from onto_fn.testing.strict_indexes.checking import Checker
from onto_fn.testing.strict_indexes.rest import (
    accepted_targets,
    is_channel,
    is_query,
    refused_query,
    session_of,
)
from onto_fn.testing.strict_indexes.web_stream import WebStream

_CHUNK = 64 * 1024
_LENGTH = (b"content-length", b"transfer-encoding")


class HttpCalls:
    """Passes HTTP requests on, except for queries that production would refuse.

    Args:
        host: the emulator's host.
        port: its port.
        checker: decides about the queries.
    """

    def __init__(self, host: str, port: int, checker: Checker) -> None:
        self._host = host
        self._port = port
        self._checker = checker
        self._refused: dict[str, dict[int, str]] = {}
        """By a stream's session, what its client is still to be told."""

    async def serve(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection of a client until it ends.

        Args:
            first: what has been read of it already.
            reader: reads from the client.
            writer: writes to the client.
        """
        client = _Peer(h11.Connection(h11.SERVER), reader, writer)
        client.connection.receive_data(first)
        emulator: _Peer | None = None
        try:
            while isinstance(request := await client.event(), h11.Request):
                if emulator is None:
                    streams = await asyncio.open_connection(self._host, self._port)
                    emulator = _Peer(h11.Connection(h11.CLIENT), *streams)
                await self._answer(request, client, emulator)
                if not (client.next_cycle() and emulator.next_cycle()):
                    return
        finally:
            if emulator is not None:
                emulator.writer.close()

    async def _answer(self, request: h11.Request, client: _Peer, emulator: _Peer) -> None:
        target = request.target.decode("ascii", "replace")
        if request.method == b"POST" and is_query(target):
            body = await client.body()
            refusal = refused_query(self._checker, target, body)
            if refusal is not None:
                await client.send_all(_refusal(request, refusal), refusal)
                return
            await emulator.send_all(_resized(request, body), body)
        elif request.method == b"POST" and is_channel(target):
            body, refused = accepted_targets(self._checker, await client.body())
            await emulator.send_all(_resized(request, body), body)
            await self._channel(client, emulator, session_of(target), refused)
            return
        else:
            await emulator.send(request)
            await _pass_on(client, emulator)
            if is_channel(target):
                await self._channel(client, emulator, session_of(target), {})
                return
        await emulator.answer_to(client)

    async def _channel(
        self, client: _Peer, emulator: _Peer, session: str | None, refused: dict[int, str]
    ) -> None:
        """Pass on an answer in a stream, with the refusals in it."""
        pending = self._refused.setdefault(session, {}) if session else {}
        pending |= refused
        stream = WebStream(pending)
        async for event in emulator.events():
            if isinstance(event, h11.Response):
                await client.send(_without_length(event))
                continue
            is_end = isinstance(event, h11.EndOfMessage)
            passed = stream.feed(b"" if is_end else bytes(event.data), is_end=is_end)
            if stream.session is not None and session is None:
                session = stream.session
                self._refused[session] = pending
            if passed:
                await client.send(h11.Data(data=passed))
            if is_end:
                await client.send(h11.EndOfMessage())


class _Peer:
    """One end of a connection."""

    def __init__(
        self,
        connection: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.connection = connection
        self.writer = writer
        self._reader = reader

    async def event(self) -> Any:
        """The next thing that this end has sent."""
        while (event := self.connection.next_event()) is h11.NEED_DATA:
            if self.connection.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.connection.receive_data(await self._reader.read(_CHUNK))
        return event

    async def events(self) -> AsyncIterator[Any]:
        """The parts of a message, to its end.

        Raises:
            ConnectionError: this end has closed the connection before.
        """
        while True:
            event = await self.event()
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise ConnectionError("the connection has been closed")
            if isinstance(event, h11.InformationalResponse):
                continue
            yield event
            if isinstance(event, h11.EndOfMessage):
                return

    async def body(self) -> bytes:
        """The whole body of a message."""
        return b"".join([bytes(e.data) async for e in self.events() if isinstance(e, h11.Data)])

    async def send(self, event: Any) -> None:
        """Send a part of a message to this end."""
        content = cast("bytes | None", self.connection.send(event))
        if content:
            self.writer.write(content)
            await self.writer.drain()

    async def send_all(self, head: Any, body: bytes) -> None:
        """Send a whole message to this end."""
        await self.send(head)
        await self.send(h11.Data(data=body))
        await self.send(h11.EndOfMessage())

    async def answer_to(self, client: _Peer) -> None:
        """Pass on this end's answer, part by part."""
        async for event in self.events():
            await client.send(event)

    def next_cycle(self) -> bool:
        """Whether another message can follow on the connection."""
        if self.connection.our_state is h11.IDLE:
            return True  # it has not been used: the request was refused
        with contextlib.suppress(h11.LocalProtocolError):
            self.connection.start_next_cycle()
            return True
        return False


async def _pass_on(client: _Peer, emulator: _Peer) -> None:
    """Pass on the rest of a request, part by part."""
    async for event in client.events():
        await emulator.send(event)


def _refusal(request: h11.Request, body: bytes) -> h11.Response:
    """The head of a refusal; a page of any origin can read it, as what the emulator answers."""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    for name, value in request.headers:
        if name == b"origin":
            headers.append((b"access-control-allow-origin", value))
            headers.append((b"access-control-allow-credentials", b"true"))
    return h11.Response(status_code=400, headers=headers)


def _resized(request: h11.Request, body: bytes) -> h11.Request:
    """The request with the length of its new body."""
    headers = [(name, value) for name, value in request.headers if name not in _LENGTH]
    return h11.Request(
        method=request.method,
        target=request.target,
        headers=[*headers, (b"content-length", str(len(body)).encode())],
        http_version=request.http_version,
    )


def _without_length(response: h11.Response) -> h11.Response:
    """The head of an answer whose length will change."""
    headers = [(name, value) for name, value in response.headers if name not in _LENGTH]
    return h11.Response(
        status_code=response.status_code,
        headers=[*headers, (b"transfer-encoding", b"chunked")],
        reason=response.reason,
    )
