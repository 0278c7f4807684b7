"""Reads that several requests want at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from onto_fn.api.together import MOST, Together
from onto_fn.api.work import Work
from onto_fn.gate.refusal import Refusal


class Reads:
    """Reads that begin only when they may; `poison` cannot be read with or without others."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.calls: list[list[str]] = []
        self.may = threading.Event()
        if is_open:
            self.may.set()

    def __call__(self, keys: Sequence[str]) -> dict[str, str]:
        self.calls.append(list(keys))
        assert self.may.wait(20)
        if "poison" in keys:
            raise Refusal("internal", "it cannot be read")
        if "away" in keys:
            raise Refusal("unavailable", "try again")
        return {key: key.upper() for key in keys}


async def wanted(reads: Reads, keys: Sequence[str], at_once: int) -> list[object]:
    together = Together(Work(20), reads, at_once)
    tasks = [asyncio.create_task(together.get(key)) for key in keys]
    while len(reads.calls) < at_once:
        await asyncio.sleep(0.001)
    reads.may.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_one_request_is_read_at_once_by_a_call_of_its_own() -> None:
    reads = Reads()

    assert asyncio.run(wanted(reads, ["a"], 1)) == ["A"]
    assert reads.calls == [["a"]]


def test_what_is_wanted_meanwhile_is_read_together_and_once() -> None:
    reads = Reads(is_open=False)
    keys = ["a", "b", "c", "b", "d"]

    assert asyncio.run(wanted(reads, keys, 1)) == ["A", "B", "C", "B", "D"]
    assert reads.calls == [["a"], ["b", "c", "d"]]


def test_a_read_that_has_begun_is_not_shared_with_who_comes_later() -> None:
    reads = Reads(is_open=False)

    assert asyncio.run(wanted(reads, ["a", "a"], 1)) == ["A", "A"]
    assert reads.calls == [["a"], ["a"]]


def test_a_call_has_a_bounded_number_of_documents() -> None:
    reads = Reads(is_open=False)
    keys = [f"k{number}" for number in range(1 + 2 * MOST)]

    assert asyncio.run(wanted(reads, keys, 1)) == [key.upper() for key in keys]
    assert list(map(len, reads.calls)) == [1, MOST, MOST]


def test_what_cannot_be_read_is_no_reason_to_refuse_others() -> None:
    reads = Reads(is_open=False)

    found = asyncio.run(wanted(reads, ["a", "b", "poison", "c"], 1))

    assert [found[0], found[1], found[3]] == ["A", "B", "C"]
    assert isinstance(found[2], Refusal)


def test_a_database_that_is_away_is_asked_once_for_all() -> None:
    reads = Reads(is_open=False)

    found = asyncio.run(wanted(reads, ["a", "b", "away"], 1))

    assert found[0] == "A"
    assert all(isinstance(one, Refusal) for one in found[1:])
    assert reads.calls == [["a"], ["b", "away"]]


def test_who_leaves_takes_nothing_from_the_others() -> None:
    reads = Reads(is_open=False)

    async def leave() -> str:
        together = Together(Work(20), reads, 1)
        tasks = [asyncio.create_task(together.get(key)) for key in ("a", "b", "b")]
        while not reads.calls:
            await asyncio.sleep(0.001)
        tasks[1].cancel()
        reads.may.set()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        return await tasks[2]

    assert asyncio.run(leave()) == "B"
