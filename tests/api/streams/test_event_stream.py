"""How events are sent: to clients that leave, are slow, or read nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from onto_fn.api.streams.begun import Begun
from onto_fn.api.streams.response import EventStream
from onto_fn.api.streams.sse import _merged  # pyright: ignore[reportPrivateUsage]
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.watching import Event

SCOPE: Any = {"type": "http"}


class Source:
    """Events, and whether what they hold is released."""

    def __init__(self, *events: Any, then: BaseException | None = None) -> None:
        self.taken = 0
        self.released = False
        self.more = asyncio.Event()
        self._events = events
        self._then = then

    async def __call__(self) -> AsyncGenerator[Any]:
        try:
            for event in self._events:
                self.taken += 1
                yield event
            if self._then is not None:
                raise self._then
            await self.more.wait()
        finally:
            self.released = True


class Client:
    """One end of the connection."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self.has_left = asyncio.Event()

    async def receive(self) -> Any:
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.is_reading.wait()
        if message["type"] == "http.response.body":
            self.parts.append(message["body"].decode())


def stream(events: Any, **options: Any) -> EventStream:
    return EventStream(events, str, lambda refusal: f"end:{refusal.code}", **options)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.005)


def test_a_client_that_left_before_the_first_part_is_released() -> None:
    """Of generators around generators, those that have not begun close nothing."""

    async def test() -> None:
        source, client = Source("a"), Client()
        events = Begun(source())
        assert await events.begin(client.receive)
        client.has_left.set()

        await stream(events)(SCOPE, client.receive, client.send)

        assert source.released

    run(test)


def test_a_client_that_leaves_during_heartbeats_is_released() -> None:
    async def test() -> None:
        source, client = Source(), Client()
        sent = stream(source(), beat_sec=0.01)(SCOPE, client.receive, client.send)
        task = asyncio.create_task(sent)
        await until(lambda: len(client.parts) > 3)

        client.has_left.set()
        await task

        assert source.released
        assert set(client.parts) == {": beat\n\n"}

    run(test)


def test_a_server_that_gives_up_releases_all() -> None:
    async def test() -> None:
        source, client = Source(), Client()
        sent = stream(source(), beat_sec=0.01)(SCOPE, client.receive, client.send)
        task = asyncio.create_task(sent)
        await until(lambda: bool(client.parts))

        task.cancel()
        await asyncio.wait({task})

        assert task.cancelled()
        assert source.released

    run(test)


def test_nothing_is_taken_for_a_client_that_does_not_read() -> None:
    async def test() -> None:
        source, client = Source(*range(100)), Client()
        task = asyncio.create_task(stream(source())(SCOPE, client.receive, client.send))
        client.is_reading.clear()
        for _ in range(50):
            await asyncio.sleep(0)
        assert source.taken <= 1

        client.is_reading.set()
        await until(lambda: len(client.parts) == 100)
        client.has_left.set()
        await task

    run(test)


def test_a_client_that_never_reads_is_cut() -> None:
    async def test() -> None:
        source, client = Source("a"), Client()
        task = asyncio.create_task(
            stream(source(), take_sec=0.05, beat_sec=0.01)(SCOPE, client.receive, client.send)
        )
        await until(lambda: len(client.parts) > 1)
        client.is_reading.clear()

        await task

        assert source.released

    run(test)


@pytest.mark.parametrize(
    ("error", "code"),
    [(Refusal("unavailable", "x"), "unavailable"), (ValueError("secret"), "internal")],
)
def test_a_stream_that_cannot_go_on_says_so(
    error: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        client = Client()
        await stream(Source("a", then=error)())(SCOPE, client.receive, client.send)

        assert client.parts == ["a", f"end:{code}", ""]

    with caplog.at_level(logging.ERROR):
        run(test)
    assert ("a stream failed" in caplog.text) == (code == "internal")


def test_a_connection_that_cannot_be_written_to_is_an_error_of_the_server() -> None:
    async def test() -> None:
        source, client = Source("a"), Client()

        async def send(message: Any) -> None:
            raise ConnectionError("gone")

        with pytest.raises(ConnectionError):
            await stream(source())(SCOPE, client.receive, send)
        assert source.released or source.taken == 0

    run(test)


def test_a_client_that_leaves_before_there_is_anything_is_released() -> None:
    async def test() -> None:
        source, client = Source(), Client()
        begin = asyncio.create_task(Begun(source()).begin(client.receive))
        await asyncio.sleep(0.01)
        client.has_left.set()

        with pytest.raises(ClientDisconnect):
            await begin
        assert source.released

    run(test)


def test_an_answer_begins_even_if_the_first_event_is_late() -> None:
    async def test() -> None:
        source, client = Source(then=Refusal("unavailable", "x")), Client()
        hold = asyncio.Event()

        async def late() -> AsyncGenerator[Any]:
            await hold.wait()
            async for event in source():
                yield event

        events = Begun(late())
        assert not await events.begin(client.receive, 0.01)
        task = asyncio.create_task(
            stream(events, beat_sec=0.01)(SCOPE, client.receive, client.send)
        )
        await until(lambda: ": beat\n\n" in client.parts)
        hold.set()
        await task

        assert client.parts[-2:] == ["end:unavailable", ""]

    run(test)


def test_what_is_refused_at_first_is_released_and_told() -> None:
    async def test() -> None:
        for source in (
            Source(Event("denied", reason="no")),
            Source(then=Refusal("permission-denied", "no")),
        ):
            with pytest.raises(Refusal, match="no"):
                await Begun(source()).begin(Client().receive)
            assert source.released

    run(test)


def test_an_answer_that_is_given_up_while_it_waits_is_released() -> None:
    async def test() -> None:
        source = Source()
        task = asyncio.create_task(Begun(source()).begin(Client().receive))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})

        assert source.released

    run(test)


def test_of_several_the_one_that_fails_does_not_keep_the_others_waiting() -> None:
    async def test() -> None:
        sources = [
            Source(Event("missing"), then=ValueError("secret")),
            Source(then=Refusal("permission-denied", "no")),
            Source(then=Refusal("resource-exhausted", "full")),
        ]
        told = [event async for event in _merged([source() for source in sources])]

        assert {(number, event.kind) for number, event in told} == {
            (0, "missing"),
            (0, "bye"),
            (1, "denied"),
            (2, "bye"),
        }
        assert "secret" not in str(told)

    run(test)


def test_who_watches_several_releases_all() -> None:
    async def test() -> None:
        sources = [Source(Event("missing"), Event("missing")) for _ in range(50)]
        events = _merged([source() for source in sources])
        await anext(events)
        await asyncio.sleep(0)
        assert sum(source.taken for source in sources) <= 100

        await events.aclose()

        assert all(source.released for source in sources)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(test())
