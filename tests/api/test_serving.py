"""What a process that serves an API takes from clients."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn import Config

from onto_fn.api import serving
from onto_fn.api.route import keep_route
from onto_fn.api.serving import MAX_HEADER_BYTES, Served, listening
from onto_fn.cli.commands import serve as command
from onto_fn.cli.errors import CommandError

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
SECONDS = 20.0


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    keep_route(scope, "towns/{town_id}")
    await Response("here")(scope, receive, send)


def run(
    talk: Callable[[Reader, Writer], Awaitable[bytes]], app: Any = application
) -> tuple[bytes, list[Served]]:
    """What the server answers on one connection, and how it reports the requests."""
    told: list[Served] = []

    async def together() -> bytes:
        at, ready = listening("127.0.0.1", 0), asyncio.Event()
        server = serving._Server(_config(app, told.append), ready.set)  # pyright: ignore[reportPrivateUsage]
        task = asyncio.create_task(server.serve([at]))
        await ready.wait()
        reader, writer = await asyncio.open_connection(*at.getsockname())
        try:
            async with asyncio.timeout(SECONDS):
                return await talk(reader, writer)
        except ConnectionError:  # what was sent and is not read resets the connection
            return b""
        finally:
            writer.close()
            server.should_exit = True
            await task

    return asyncio.run(together()), told


def _config(app: Any, served: Callable[[Served], None]) -> Config:
    return serving.config_of(app, served, grace_sec=1)


def test_a_request_is_told_by_its_route_and_without_its_path() -> None:
    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET /towns/oslo?key=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await reader.read()

    answer, (told,) = run(talk)

    assert answer.endswith(b"here")
    assert (told.method, told.route, told.status) == ("GET", "towns/{town_id}", 200)


def test_a_request_that_fails_is_told_too() -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("inside")

    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return await reader.read()

    answer, (told,) = run(talk, fails)

    assert answer.startswith(b"HTTP/1.1 500")
    assert b"inside" not in answer
    assert (told.route, told.status) == (None, None)


def test_headers_that_come_at_once_and_are_too_large_are_refused() -> None:
    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n")
        return await reader.read()

    answer, told = run(talk)

    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))
    assert [one.status for one in told] in ([431], [])


def test_a_long_address_is_refused_with_problem_details() -> None:
    async def answered(path: bytes) -> tuple[int, Any]:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": "GET",
            "raw_path": path,
            "query_string": b"",
            "headers": [],
        }

        async def send(message: Any) -> None:
            sent.append(message)

        await serving._Observed(application, None)(scope, send, send)  # type: ignore[arg-type]
        return sent[0]["status"], sent[1]["body"]

    status, body = asyncio.run(answered(b"/" + b"a" * MAX_HEADER_BYTES))

    assert (status, json.loads(body)["status"]) == (431, 431)


def test_headers_that_never_end_are_not_kept() -> None:
    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for _ in range(2 * MAX_HEADER_BYTES // 1000):
            writer.write(b"X: " + b"a" * 997 + b"\r\n")
            await writer.drain()
        return await reader.read()

    answer, told = run(talk)

    assert answer.startswith(b"HTTP/1.1 400") or not answer
    assert told == []


@pytest.mark.parametrize("begins", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_whose_headers_do_not_arrive_is_closed(
    begins: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "HEADERS_SEC", 0.2)

    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(begins)
        return await reader.read()

    assert run(talk) == (b"", [])


def test_headers_that_do_not_arrive_close_a_connection_that_was_used_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HEADERS_SEC", 0.2)

    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"here")
        writer.write(b"GET / HTTP/1.1\r\n")
        return await reader.read()

    answer, told = run(talk)

    assert answer == b""
    assert len(told) == 1


def test_a_request_that_takes_longer_than_headers_may_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "HEADERS_SEC", 0.05)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.2)
        await application(scope, receive, send)

    async def talk(reader: Reader, writer: Writer) -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await reader.read()

    answer, _ = run(talk, slow)

    assert answer.endswith(b"here")


def test_without_uvicorn_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "onto_fn.api.serving")
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(CommandError, match="install functions-framework"):
        command._socket("127.0.0.1", 0)  # pyright: ignore[reportPrivateUsage]
