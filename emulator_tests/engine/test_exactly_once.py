"""Each version of a source is committed at most once a view, however it is delivered (G4)."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from threading import Lock
from typing import Any

from emulator_tests.kit.domain import GroupView, TeamView, group_view, people
from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn.engine import Engine
from onto_fn.observability import Change, Outcome, Result

Connect = Callable[..., Any]
NAMES = "abcdefgh"


def test_events_delivered_five_times_in_any_order_commit_once(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([GroupView.definition(), TeamView.definition()])
    changes = [
        writer.write("teams/t", {}),
        writer.write("groups/g", {"members": people(*"abcd")}),
    ]
    for version in range(6):
        for name in "abcd":
            content = {"name": f"{name}{version}", "team": "t" if version % 2 else None}
            changes.append(writer.write(f"people/{name}", content))
            if version % 3 == 0:  # some views are made of what is not the newest
                engine.handle(interleaved, changes[-1])
    deliveries = changes * 5
    random.Random(8).shuffle(deliveries)

    in_threads(4, lambda change: engine.handle(interleaved, change), deliveries)

    for view, final in (
        ("groupViews/g", group_view("a5", "b5", "c5", "d5")),
        ("teamViews/t", {"names": ["a5", "b5", "c5", "d5"]}),
    ):
        history = interleaved.history(view)
        assert len(history) <= len(changes)
        assert history[-1] == writer.content(view) == final
        repeated = [old for old, new in pairwise(history) if old == new]
        assert repeated == []
    assert_quiet(engine, interleaved, changes)


def test_each_version_delivered_as_it_comes_commits_once(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a")}))
    interleaved.commits.clear()
    for version in range(10):
        change = writer.write("people/a", {"name": f"Ann {version}"})

        outcomes = in_threads(5, lambda c: engine.handle(interleaved, c), [change] * 5)

        results = [outcome.result for [outcome] in outcomes]
        assert results.count(Result.COMMITTED) == 1
        assert results.count(Result.COVERED) == 4
    assert interleaved.history("groupViews/g") == [group_view(f"Ann {v}") for v in range(10)]


def test_change_of_a_field_that_a_view_does_not_read_writes_nothing(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    writer.write("people/a", {"name": "Ann", "team": "t"})
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a")}))
    interleaved.commits.clear()
    change = writer.write("people/a", {"name": "Ann", "team": "u"})

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.UNAFFECTED
    assert outcome.written == ()
    assert interleaved.commits == []


def test_hot_view_without_ledger_record_survives_32_events_at_once(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    changes = [writer.write("groups/g", {"members": people(*NAMES)})]
    for version in range(4):
        changes += [writer.write(f"people/{name}", {"name": f"{name}{version}"}) for name in NAMES]
    created, *others = changes
    deliveries = [created, *others[-31:]]

    outcomes = in_threads(32, lambda change: engine.handle(interleaved, change), deliveries)

    final = group_view(*(f"{name}3" for name in NAMES))
    assert len(outcomes) == 32
    assert interleaved.history("groupViews/g") == [final]
    assert writer.content("groupViews/g") == final
    assert_quiet(engine, interleaved, changes)


def test_hot_view_whose_ledger_record_nobody_has_survives_24_redelivered_creations(
    interleaved: Interleaved, writer: Writer
) -> None:
    """Every delivery builds for the first time, and locks all that it gains."""
    engine = Engine([GroupView.definition()])
    writer.write_all({f"people/{name}": {"name": name} for name in NAMES})
    created = writer.write("groups/g", {"members": people(*NAMES)})

    outcomes = in_threads(24, lambda change: engine.handle(interleaved, change), [created] * 24)

    results = [outcome.result for [outcome] in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert results.count(Result.COVERED) == 23
    assert len(interleaved.commits) == 1
    assert writer.content("groupViews/g") == group_view(*NAMES)


def test_hot_source_survives_16_threads_of_10_increments(
    interleaved: Interleaved, connect: Connect, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    writer.write("people/a", {"name": "0"})
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a")}))
    one_at_a_time = Lock()
    changes: list[Change] = []

    def increment(own: Writer) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _ in range(10):
            with one_at_a_time:
                [change] = own.update(
                    ["people/a"],
                    lambda d: {"people/a": {"name": str(int(d["people/a"].fields["name"]) + 1)}},
                )
                changes.append(change)
            outcomes += engine.handle(interleaved, change)
        return outcomes

    outcomes = in_threads(16, increment, [Writer(connect()) for _ in range(16)])

    assert sum(len(outcome) for outcome in outcomes) == 160
    assert writer.content("groupViews/g") == group_view("160")
    counts = [int(view["names"][0]) for view in interleaved.history("groupViews/g") if view]
    assert counts == sorted(set(counts))
    assert_quiet(engine, interleaved, changes)


def assert_quiet(engine: Engine, database: Interleaved, changes: list[Change]) -> None:
    """Delivering everything again commits nothing."""
    database.commits.clear()
    for change in changes:
        engine.handle(database, change)
    assert database.commits == []
