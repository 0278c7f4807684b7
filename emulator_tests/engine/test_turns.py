"""Threads of one process wait for each other's materialisation, and do not build in vain."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator_tests.kit.domain import GroupView, group_view, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn.engine import Engine
from onto_fn.engine.materialise import protocol
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.observability import Change, Outcome, Result
from onto_fn.testing.eventually import eventually

LEDGER = ledger_path("GroupView", "groups/g")


@pytest.fixture(autouse=True)
def _patient(threads_are_instances: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are threads of one instance, and wait however long it takes."""
    monkeypatch.setattr(protocol, "LONGEST_TURN", 600.0)


def made(interleaved: Interleaved, writer: Writer) -> Engine:
    """A group of two with its view."""
    engine = Engine([GroupView.definition()])
    writer.write_all({f"people/{name}": {"name": f"{name}0"} for name in "ab"})
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a", "b")}))
    interleaved.commits.clear()
    return engine


def delivered_meanwhile(
    interleaved: Interleaved, engine: Engine, point: Point, changes: Callable[[], list[Change]]
) -> Callable[[Change], list[list[Outcome]]]:
    """Handles a change; at a point of that, others come and wait. The outcomes, its own first."""

    def handle(change: Change) -> list[list[Outcome]]:
        with ThreadPoolExecutor(8) as threads:
            others: list[Any] = []

            def deliver() -> None:
                others.extend(threads.submit(engine.handle, interleaved, c) for c in changes())

                def all_wait() -> None:
                    assert protocol.TURNS.waiting(interleaved, LEDGER) == len(others)

                eventually(all_wait, deadline=120)

            interleaved.once(point, deliver)
            own = engine.handle(interleaved, change)
            return [own, *(other.result(120) for other in others)]

    return handle


def test_events_that_come_during_a_commit_are_covered_by_it(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = made(interleaved, writer)
    other = writer.write("people/b", {"name": "b1"})
    change = writer.write("people/a", {"name": "a1"})

    outcomes = delivered_meanwhile(
        interleaved, engine, Point.COMMITTING, lambda: [other, change] * 3
    )(change)

    results = [outcome.result for [outcome] in outcomes]
    assert results == [Result.COMMITTED] + [Result.COVERED] * 6
    assert all(outcome.attempts == 1 for [outcome] in outcomes)
    assert interleaved.history("groupViews/g") == [group_view("a1", "b1")]


def test_event_of_a_change_that_the_commit_has_not_seen_builds_after_it(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = made(interleaved, writer)
    change = writer.write("people/a", {"name": "a1"})

    outcomes = delivered_meanwhile(
        interleaved, engine, Point.READ, lambda: [writer.write("people/b", {"name": "b1"})]
    )(change)

    results = [outcome.result for [outcome] in outcomes]
    assert results == [Result.COMMITTED, Result.COMMITTED]
    assert all(outcome.attempts == 1 for [outcome] in outcomes)
    assert interleaved.history("groupViews/g") == [group_view("a1", "b0"), group_view("a1", "b1")]


def test_event_of_the_same_view_that_comes_out_of_its_build_does_not_wait_for_itself(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = made(interleaved, writer)
    change = writer.write("people/a", {"name": "a1"})
    interleaved.once(Point.READ, lambda: engine.handle(interleaved, change))

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.COVERED
    assert interleaved.history("groupViews/g") == [group_view("a1", "b0")]
