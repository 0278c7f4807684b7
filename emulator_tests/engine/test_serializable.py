"""`isolation="serializable"`: every source is locked from the read to the commit."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from threading import Thread
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.definitions import counted
from emulator_tests.kit.domain import GroupStore, GroupView, TeamStore, TeamView, group_view, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import ViewModel
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result

Connect = Callable[..., Any]
NAMES = "abcdefgh"


class LockedGroup(ViewModel[GroupStore], path="groupViews/{group_id}", isolation="serializable"):
    title = GroupView.title
    names = GroupView.names
    towns = GroupView.towns


class LockedTeam(ViewModel[TeamStore], path="teamViews/{team_id}", isolation="serializable"):
    names = TeamView.names


@pytest.fixture
def engine() -> Engine:
    return Engine([LockedGroup.definition(), LockedTeam.definition()])


@pytest.fixture
def changes(engine: Engine, writer: Writer) -> list[Change]:
    """The events of a group of two and a team of one of them, all handled."""
    made = [
        writer.write("people/a", {"name": "Ann", "team": "t"}),
        writer.write("people/b", {"name": "Bob"}),
        writer.write("groups/g", {"members": people("a", "b")}),
        writer.write("teams/t", {}),
    ]
    for change in made:
        engine.handle(writer.database, change)
    return made


def test_steady_state_is_materialised(
    engine: Engine, changes: list[Change], interleaved: Interleaved, writer: Writer
) -> None:
    change = writer.write("people/a", {"name": "Anna", "team": "t"})

    results = [outcome.result for outcome in engine.handle(interleaved, change)]
    again = [outcome.result for outcome in engine.handle(interleaved, change)]

    assert results == [Result.COMMITTED] * 2
    assert again == [Result.COVERED] * 2
    assert writer.content("groupViews/g") == group_view("Anna", "Bob")
    assert writer.content("teamViews/t") == {"names": ["Anna"]}


def test_stale_event_is_covered_without_a_transaction(
    engine: Engine, changes: list[Change], connect: Connect
) -> None:
    calls = Calls()

    [outcome] = engine.handle(connect(calls), changes[2])

    assert outcome.result is Result.COVERED
    assert calls.counts == {"RunQuery": 1}


def test_build_that_changes_nothing_lets_go_of_its_locks(
    engine: Engine, changes: list[Change], connect: Connect, writer: Writer
) -> None:
    calls = Calls()

    [outcome] = engine.handle(connect(calls), Change("groups/g", None, None))

    assert outcome.result is Result.UNCHANGED
    assert (calls.counts["Commit"], calls.counts["Rollback"]) == (0, 1)


@pytest.mark.parametrize(
    ("path", "fields", "view", "expected"),
    [
        ("groups/g", {"title": "new"}, "groupViews/g", group_view(title="new")),
        ("groups/g", None, "groupViews/g", None),
        ("people/a", {"name": "Anna", "team": "u"}, "groupViews/g", group_view("Anna", "Bob")),
        ("people/a", None, "groupViews/g", group_view("Bob")),
        ("people/c", {"name": "Cid", "team": "t"}, "teamViews/t", {"names": ["Ann", "Cid"]}),
        ("people/a", {"name": "Ann", "team": "u"}, "teamViews/t", {"names": []}),
    ],
)
def test_write_to_a_source_waits_until_the_commit(
    path: str,
    fields: Any,
    view: str,
    expected: Any,
    engine: Engine,
    changes: list[Change],
    interleaved: Interleaved,
    writer: Writer,
) -> None:
    """Known sources as well as new ones: a commit never is of what has been changed since."""
    root = "groups/g" if view.startswith("group") else "teams/t"
    before = writer.content(root) or {}
    change = writer.write(root, {**before, "note": "look again"})
    written: list[Change] = []
    thread = Thread(target=lambda: written.append(writer.write(path, fields)))

    def begin() -> None:
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "the write was not held up by the build's locks"

    interleaved.once(Point.COMMITTING, begin)
    # what changed is not said, so the view is built
    [outcome] = engine.handle(interleaved, replace(change, versions_only=True))
    thread.join(30)
    engine.handle(writer.database, written[0])

    assert outcome.result is Result.COMMITTED
    assert writer.content(view) == expected


def test_older_build_does_not_replace_a_newer_one(
    engine: Engine, changes: list[Change], interleaved: Interleaved, writer: Writer
) -> None:
    second = writer.write("groups/g", {"title": "second", "members": people("a", "b")})

    def overtake() -> None:
        engine.handle(writer.database, writer.write("groups/g", {"title": "third"}))

    interleaved.once(Point.LOOKED_UP, overtake)
    [outcome] = engine.handle(interleaved, second)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []
    assert writer.content("groupViews/g") == group_view(title="third")


def test_first_build_racing_with_itself_commits_once(
    interleaved: Interleaved, writer: Writer
) -> None:
    definition, builds = counted(LockedGroup.definition())
    engine = Engine([definition])
    writer.write("people/a", {"name": "Ann"})
    created = writer.write("groups/g", {"members": people("a")})
    interleaved.once(Point.COMMITTING, lambda: engine.handle(writer.database, created))

    [outcome] = engine.handle(interleaved, created)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []
    assert len(builds) == 2


def test_deletion_and_recreation_are_right_in_any_order(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    order = random.Random(3)
    for number in range(8):
        path = f"groups/{number}"
        lives = [writer.write(path, f) for f in ({"title": "a"}, None, {"title": "b"})] * 2
        order.shuffle(lives)

        for change in lives:
            engine.handle(interleaved, change)

        assert writer.content(f"groupViews/{number}") == group_view(title="b")


def test_poison_has_its_dead_letter_and_is_mended(
    engine: Engine, changes: list[Change], interleaved: Interleaved, writer: Writer
) -> None:
    [failed] = engine.handle(interleaved, writer.write("groups/g", {"title": ["no text"]}))
    letters = len(writer.dead_letters())

    engine.handle(interleaved, writer.write("groups/g", {"title": "mended"}))

    assert (failed.result, letters) == (Result.DEAD_LETTER, 1)
    assert writer.dead_letters() == {}
    assert writer.content("groupViews/g") == group_view(title="mended")


def test_hot_view_survives_four_threads(
    engine: Engine, interleaved: Interleaved, connect: Connect, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"members": people(*NAMES)}))

    def run(names: str) -> None:
        own = Writer(connect())
        for version in range(8):
            for name in names:
                change = own.write(f"people/{name}", {"name": f"{name}{version}"})
                engine.handle(interleaved, change)

    in_threads(4, run, ["ab", "cd", "ef", "gh"])

    assert writer.content("groupViews/g") == group_view(*(f"{name}7" for name in NAMES))
    history = [view["names"] for view in interleaved.history("groupViews/g") if view]
    assert all(old != new for old, new in pairwise(history))
