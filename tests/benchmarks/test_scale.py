"""The simulation of docs/scale.md: its queues are those of theory, its tables those of the page."""

from __future__ import annotations

import re
from functools import cache
from math import factorial
from pathlib import Path

import pytest

from benchmarks.scale.loads import loads, steps
from benchmarks.scale.model import RATES, Setup
from benchmarks.scale.report import Shown, sections
from benchmarks.scale.resources import (
    constant,
    exponential,
    hot_view,
    instance,
    queue,
    ramp,
    shard_writes,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"
found = cache(lambda: dict[str, Shown](sections()))


def erlang_wait(rate: float, servers: int, service: float) -> float:
    """Mean seconds of waiting in M/M/c, by Erlang's formula."""
    offered = rate * service
    use = offered / servers
    last = offered**servers / factorial(servers) / (1 - use)
    waits = last / (sum(offered**n / factorial(n) for n in range(servers)) + last)
    return waits * service / (servers * (1 - use))


@pytest.mark.parametrize(("servers", "use"), [(1, 0.5), (1, 0.7), (3, 0.7), (8, 0.8)])
def test_a_queue_waits_as_long_as_erlang_says(servers: int, use: float) -> None:
    rate = use * servers / 0.1

    seen = queue(rate, servers, exponential(0.1), seed=1, customers=40_000)

    assert seen.load == pytest.approx(use, rel=0.03)
    assert seen.wait == pytest.approx(erlang_wait(rate, servers, 0.1), rel=0.12)


def test_a_queue_of_constant_service_waits_half_as_long() -> None:
    seen = queue(7, 1, constant(0.1), seed=2, customers=40_000)

    assert seen.wait == pytest.approx(0.7 * 0.1 / (2 * (1 - 0.7)), rel=0.1)


def test_an_overloaded_queue_falls_behind_by_what_it_cannot_do() -> None:
    seen = queue(20, 1, exponential(0.1), seed=3)

    assert seen.load == pytest.approx(2, rel=0.05)
    assert seen.behind == pytest.approx(1, rel=0.1)


def test_an_instance_uses_its_vcpu_by_the_measured_time_of_an_event() -> None:
    assert instance(94, 80, seed=4, customers=10_000).load == pytest.approx(94 * 0.0064, rel=0.03)
    assert instance(50, 1, seed=4).load == pytest.approx(50 * (0.06 + 0.0064), rel=0.08)


def test_events_that_meet_in_an_instance_write_a_shard_once() -> None:
    apart = shard_writes(50, 500, 10, seed=5)
    together = shard_writes(500, 1, 10, seed=5)

    assert apart == pytest.approx(50, rel=0.1)
    assert together < 0.5 * 500


def test_a_hot_view_commits_less_often_than_events_come() -> None:
    rare, often = hot_view(0.1, 10, seed=6), hot_view(500, 10, seed=6)

    assert rare.share == pytest.approx(1, abs=0.05)
    assert often.share < 0.15
    assert hot_view(100, 1, seed=6).lost == 0


def test_a_new_range_takes_500_a_second_and_half_as_much_again_every_five_minutes() -> None:
    seen = ramp(750, 500)

    # 300 s at 500 have done 150,000 of 225,000; at 750 the rest stays, and at 1,125 it takes 200 s.
    assert (seen.allowed, seen.longest, seen.caught_up) == (300, 100, 800)


def test_a_simulation_gives_the_same_each_time() -> None:
    first, again = (loads.__wrapped__(10_000, Setup(), events=500) for _ in range(2))

    assert [load.value for load in first] == [load.value for load in again]


def test_the_remedies_leave_nothing_that_breaks() -> None:
    for rate in RATES:
        setup = Setup()
        for step in steps(rate, events=1_000):
            setup = step.relieve(setup)
        assert not [load for load in loads(rate, setup, events=1_000) if load.breaks]


def test_the_page_says_what_breaks_first() -> None:
    columns = {row[0]: list(row[1:]) for row in found()["first"].rows}

    assert [columns[f"{rate:,}"][0].split(" (")[0] for rate in RATES] == [
        "document: view of the busiest group",
        "index: ledger, outbox",
        "index: ledger, outbox",
    ]
    assert [columns[f"{rate:,}"][2].split(" (")[0] for rate in RATES] == [
        "document: view of the busiest group",
        "document: view of the busiest group",
        "document: shard of the busiest group",
    ]


def test_the_tables_of_the_page_are_those_of_the_simulation() -> None:
    shown = dict(re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->", PAGE.read_text(), re.DOTALL))

    assert shown == {name: str(table) for name, table in found().items()}, (
        "run `python -m benchmarks.scale --write`"
    )
