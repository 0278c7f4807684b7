"""Several pages in flight, with their results in order."""

from __future__ import annotations

import gc
from threading import Event

import pytest

from onto_fn.engine.operate.flow import fewer_collections, in_order


def test_results_come_in_the_order_of_the_items_whichever_ends_first() -> None:
    second_is_done = Event()

    def work(number: int) -> int:
        if number == 0:
            assert second_is_done.wait(10)
        if number == 1:
            second_is_done.set()
        return number

    assert list(in_order(work, range(6), 3, Event())) == list(range(6))


def test_no_more_items_are_taken_than_are_in_flight() -> None:
    taken: list[int] = []

    def items():
        for number in range(10):
            taken.append(number)
            yield number

    for result in in_order(lambda number: number, items(), 2, Event()):
        assert len(taken) <= result + 2


def test_when_it_is_stopped_what_is_in_flight_still_ends() -> None:
    stop = Event()
    found: list[int] = []

    for result in in_order(lambda number: number, range(100), 4, stop):
        found.append(result)
        stop.set()

    assert found == [0, 1, 2, 3]


def test_an_error_of_one_item_ends_it_after_those_before() -> None:
    found: list[int] = []

    def work(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    def collect() -> None:
        for result in in_order(work, range(100), 1, Event()):
            found.append(result)

    with pytest.raises(ValueError, match="two"):
        collect()
    assert found == [0, 1]


def test_garbage_is_collected_as_before_after_a_scan() -> None:
    before = gc.get_threshold()

    with fewer_collections():
        assert gc.get_threshold() != before

    assert gc.get_threshold() == before
