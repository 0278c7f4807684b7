"""The hub on a real connection: what `grpc.aio` does with streams that end or say nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc

from onto_fn.firestore.hub import Hub
from onto_fn.firestore.rpc import ListenMessage
from tests.firestore.hub.listened import (
    DATABASE,
    KIND,
    changed,
    consistent,
    decoded,
    turned,
)

_aio = cast(Any, grpc.aio)
Script = Callable[[AsyncIterator[Any], Any, int], AsyncIterator[Any]]


class Listened(grpc.GenericRpcHandler):
    """Answers each Listen stream by a script, which is told the number of the stream."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.opened = 0
        self.open = 0

    def service(self, handler_call_details: Any) -> Any:
        async def stream(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            self.opened += 1
            self.open += 1
            try:
                async for response in self.script(requests, context, self.opened):
                    yield response
            finally:
                self.open -= 1

        return cast(Any, grpc).stream_stream_rpc_method_handler(
            stream, ListenMessage.FromString, lambda response: response.SerializeToString()
        )


@asynccontextmanager
async def serving(script: Script, **options: Any) -> AsyncIterator[tuple[Listened, Hub]]:
    server, handler = _aio.server(), Listened(script)
    server.add_generic_rpc_handlers((handler,))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    hub = Hub(
        lambda: _aio.insecure_channel(address),
        DATABASE,
        [],
        decoded,
        **{"longest_wait": 0.01, **options},
    )
    try:
        yield handler, hub
    finally:
        await hub.close()
        await server.stop(None)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)


def requesting() -> int:
    """Tasks in which grpc takes requests."""
    names = [cast(Any, task.get_coro()).__qualname__ for task in asyncio.all_tasks()]
    return sum("_consume_request_iterator" in name for name in names)


def shown(number: int) -> list[Any]:
    return [
        changed(1, "things/a", number),
        turned(KIND.CURRENT, 1, token=number),
        consistent(number),
    ]


def test_streams_that_the_server_ends_leave_no_task_behind() -> None:
    async def script(requests: Any, context: Any, number: int) -> AsyncIterator[Any]:
        await anext(requests)
        for response in shown(number):
            yield response
        if number % 2:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "go away")

    async def test() -> None:
        async with serving(script) as (handler, hub):
            states = hub.watch("things/a")
            while handler.opened < 20:
                await anext(states)
            gc.disable()  # it would find some of them
            try:
                assert requesting() <= 2
            finally:
                gc.enable()
            await states.aclose()
            await until(lambda: requesting() == 0 and handler.open == 0)
            assert hub.counts == {"targets": 0, "streams": 0, "watchers": 0}

    run(test)


def test_a_stream_that_says_nothing_is_opened_again() -> None:
    async def script(requests: Any, context: Any, number: int) -> AsyncIterator[Any]:
        await anext(requests)
        if number == 3:
            for response in shown(number):
                yield response
        await asyncio.Event().wait()

    async def test() -> None:
        async with serving(script, silence=0.2) as (handler, hub):
            states = hub.watch("things/a")
            state = await anext(states)
            assert [document.path for document in state.documents] == ["things/a"]
            assert handler.opened == 3
            await states.aclose()
            await until(lambda: handler.open == 0)

    run(test)


def test_a_response_that_cannot_be_parsed_is_asked_for_again() -> None:
    async def test() -> None:
        async with serving(script) as (handler, hub):
            states = hub.watch("things/a")
            assert (await anext(states)).documents != ()
            assert handler.opened == 2
            await states.aclose()

    class Garbage:
        def SerializeToString(self) -> bytes:
            return b"\xff\xff\xff"

    async def script(requests: Any, context: Any, number: int) -> AsyncIterator[Any]:
        await anext(requests)
        for response in [Garbage()] if number == 1 else shown(number):
            yield response
        await asyncio.Event().wait()

    run(test)


def test_a_stream_that_works_for_a_moment_each_time_is_asked_for_less_and_less_often() -> None:
    """The acknowledgement of a target is no success: it comes before any refusal."""

    async def script(requests: Any, context: Any, number: int) -> AsyncIterator[Any]:
        await anext(requests)
        yield turned(KIND.ADD, 1)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "quota")

    async def test() -> None:
        async with serving(script, longest_wait=1000.0) as (handler, hub):
            states = hub.watch("things/a")
            task = asyncio.ensure_future(anext(states))
            await asyncio.sleep(1.5)
            # On average after 0.1, 0.2, 0.4, 0.8 seconds; without going slower, 15 times.
            assert 1 <= handler.opened <= 9
            task.cancel()
            await asyncio.wait({task})

    run(test)
