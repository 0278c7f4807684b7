"""What a signal does in a process with streams."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from typing import Any

import pytest

from onto_fn.api.streams.ending import before_the_end


@pytest.fixture(autouse=True)
def restored() -> Generator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_all_are_told_and_the_server_once() -> None:
    told: list[str] = []

    async def test() -> None:
        for name in "ab":
            before_the_end(lambda name=name: told.append(name))
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0.01)

    signal.signal(signal.SIGTERM, lambda *_: told.append("server"))
    asyncio.run(test())

    assert sorted(told) == ["a", "b", "server"]


def test_handlers_do_not_pile_up_with_event_loops() -> None:
    served: list[Any] = []
    signal.signal(signal.SIGTERM, lambda *_: served.append(None))

    async def test() -> None:
        before_the_end(lambda: None)

    asyncio.run(test())
    handler = signal.getsignal(signal.SIGTERM)
    for _ in range(5):
        asyncio.run(test())

    assert signal.getsignal(signal.SIGTERM) is handler
    signal.raise_signal(signal.SIGTERM)
    assert len(served) == 1


@pytest.mark.parametrize("present", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_process_that_a_signal_ends_is_still_ended_by_it(present: Any) -> None:
    signal.signal(signal.SIGTERM, present)

    async def test() -> None:
        before_the_end(lambda: None)

    asyncio.run(test())

    assert signal.getsignal(signal.SIGTERM) is present
