"""What the Firebase SDKs make of a callable stream: each reads lines in a way of its own."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from onto_fn.api.streams import callable as callables
from onto_fn.api.streams.response import EventStream
from onto_fn.gate.reading import Shown
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.watching import Event

TIME = datetime(2026, 1, 2, tzinfo=UTC)


def web(text: str) -> Iterator[Any]:
    """Takes the lines with data, and leaves out all others."""
    for line in text.split("\n"):
        if found := re.match(r"data: (.*)", line.strip()):
            yield json.loads(found[1])


def ios(text: str) -> Iterator[Any]:
    """Sees no empty lines, and takes nothing but data, a line each."""
    for line in filter(None, text.split("\n")):
        if not line.startswith("data:"):
            raise ValueError("Unexpected format for streamed response.")
        yield json.loads(line[5:])


def android(text: str) -> Iterator[Any]:
    """Collects lines until an empty one, which ends an event, even if there was no data."""
    buffer = ""
    for line in text.removesuffix("\n").split("\n"):
        if not line.strip():
            yield json.loads(buffer)
            buffer = ""
        elif line.startswith("data:"):
            buffer += line[5:].strip() + "\n"


def sent(*events: Event | Refusal) -> str:
    """What a client receives, with heartbeats before each event."""
    parts: list[str] = []

    async def source() -> AsyncGenerator[Event]:
        for event in events:
            await asyncio.sleep(0.05)
            if isinstance(event, Refusal):
                raise event
            yield event

    async def send(message: Any) -> None:
        parts.append(message.get("body", b"").decode())

    async def receive() -> Any:
        await asyncio.Event().wait()

    stream: EventStream = callables.stream_of(source(), beat_sec=0.01)
    asyncio.run(stream({"type": "http"}, receive, send))
    assert parts.count(" ") > 2
    return "".join(parts)


def shown(number: int) -> Event:
    return Event("snapshot", Shown("a/b", {"n": number}, str(number), TIME))


@pytest.mark.parametrize("read", [web, ios, android])
@pytest.mark.parametrize(
    ("last", "told"),
    [
        (Event("bye", reason="ask again"), {"result": {"ended": "ask again"}}),
        (
            Event("denied", reason="no"),
            {"error": {"status": "PERMISSION_DENIED", "message": "no"}},
        ),
        (
            Refusal("unavailable", "later"),
            {"error": {"status": "UNAVAILABLE", "message": "later"}},
        ),
    ],
)
def test_each_sdk_reads_the_states_and_the_end_between_heartbeats(
    read: Callable[[str], Iterator[Any]], last: Any, told: Any
) -> None:
    text = sent(Event("unchanged", shown(1).shown), shown(2), Event("deleted"), shown(3), last)

    assert list(read(text)) == [
        {"message": {"state": "snapshot", "version": "2", "fields": {"n": 2}}},
        {"message": {"state": "deleted", "fields": None}},
        {"message": {"state": "snapshot", "version": "3", "fields": {"n": 3}}},
        told,
    ]
