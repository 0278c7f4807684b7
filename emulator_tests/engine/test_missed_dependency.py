"""A source changes after a build has read it, and its event finds no ledger record yet.

No further event will come: what is committed in the end must have the change (G1, G3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Any

import pytest

from emulator_tests.kit.definitions import counted, during_build
from emulator_tests.kit.domain import GroupView, TeamView, Town, group_view, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result

GROUP = "groups/g"
TEAM = "teams/t"


@dataclass(frozen=True)
class Case:
    """`root` is created; while its view is built, `changed` becomes `becomes`."""

    name: str
    present: Mapping[str, Any]
    root: str
    content: Mapping[str, Any]
    changed: str
    becomes: Mapping[str, Any] | None
    expected: Mapping[str, Any] | None
    is_found: bool = False

    @property
    def view(self) -> str:
        return "groupViews/g" if self.root == GROUP else "teamViews/t"


ANN = {"name": "Ann"}
CASES = [
    Case(
        "a referenced document changes",
        {"people/a": ANN},
        GROUP,
        {"members": people("a")},
        "people/a",
        {"name": "Anna"},
        group_view("Anna"),
    ),
    Case(
        "a referenced document is deleted",
        {"people/a": ANN},
        GROUP,
        {"members": people("a")},
        "people/a",
        None,
        group_view(),
    ),
    Case(
        "a missing document is created",
        {},
        GROUP,
        {"members": people("a")},
        "people/a",
        ANN,
        group_view("Ann"),
    ),
    Case(
        "a document behind a reference changes",
        {"people/a": {**ANN, "home": Town.ref("x")}, "towns/x": {"name": "Oslo"}},
        GROUP,
        {"members": people("a")},
        "towns/x",
        {"name": "Bergen"},
        group_view("Ann", towns=["Bergen"]),
    ),
    Case(
        "a missing document behind a reference is created",
        {"people/a": {**ANN, "home": Town.ref("x")}},
        GROUP,
        {"members": people("a")},
        "towns/x",
        {"name": "Oslo"},
        group_view("Ann", towns=["Oslo"]),
    ),
    Case(
        "a new document matches a query",
        {"people/a": {**ANN, "team": "t"}},
        TEAM,
        {},
        "people/b",
        {"name": "Bob", "team": "t"},
        {"names": ["Ann", "Bob"]},
    ),
    Case(
        "a first document matches a query",
        {},
        TEAM,
        {},
        "people/b",
        {"name": "Bob", "team": "t"},
        {"names": ["Bob"]},
    ),
    Case(
        "a document leaves a query",
        {"people/a": {**ANN, "team": "t"}},
        TEAM,
        {},
        "people/a",
        {**ANN, "team": "u"},
        {"names": []},
    ),
    Case(
        "a matched document changes",
        {"people/a": {**ANN, "team": "t"}},
        TEAM,
        {},
        "people/a",
        {"name": "Anna", "team": "t"},
        {"names": ["Anna"]},
    ),
    Case(
        "a matched document is deleted",
        {"people/a": {**ANN, "team": "t"}},
        TEAM,
        {},
        "people/a",
        None,
        {"names": []},
    ),
    Case(
        "the root changes",
        {},
        GROUP,
        {"title": "old"},
        GROUP,
        {"title": "new"},
        group_view(title="new"),
        is_found=True,
    ),
    Case(
        "the root is deleted",
        {},
        GROUP,
        {"title": "old"},
        GROUP,
        None,
        None,
        is_found=True,
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def views() -> Engine:
    return Engine([GroupView.definition(), TeamView.definition()])


@every_case
def test_change_between_the_read_and_the_commit_is_not_missed(
    case: Case, interleaved: Interleaved, writer: Writer
) -> None:
    writer.write_all(case.present)
    created = writer.write(case.root, case.content)
    found: list[Any] = []

    def change_and_deliver() -> None:
        change = writer.write(case.changed, case.becomes)
        found.extend(views().handle(writer.database, change))

    definition = {GROUP: GroupView, TEAM: TeamView}[case.root].definition()
    slow = Engine([during_build(definition, change_and_deliver)])
    slow.handle(interleaved, created)

    assert bool(found) == case.is_found
    assert writer.content(case.view) == case.expected


@every_case
def test_change_after_the_lock_waits_for_the_commit_and_finds_it(
    case: Case, interleaved: Interleaved, writer: Writer
) -> None:
    writer.write_all(case.present)
    created = writer.write(case.root, case.content)

    def change_and_deliver() -> None:
        views().handle(writer.database, writer.write(case.changed, case.becomes))

    thread = Thread(target=change_and_deliver)

    def begin() -> None:
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "the write was not held up by the build's locks"

    interleaved.once(Point.COMMITTING, begin)
    views().handle(interleaved, created)
    thread.join(30)

    assert not thread.is_alive()
    assert writer.content(case.view) == case.expected


def test_reference_that_an_existing_view_gains_is_not_missed(
    interleaved: Interleaved, writer: Writer
) -> None:
    writer.write_all({"people/a": ANN, "people/b": {"name": "Bob"}})
    views().handle(writer.database, writer.write(GROUP, {"members": people("a")}))
    gained = writer.write(GROUP, {"members": people("a", "b")})
    found: list[Any] = []

    def change_and_deliver() -> None:
        change = writer.write("people/b", {"name": "Bea"})
        found.extend(views().handle(writer.database, change))

    slow = Engine([during_build(GroupView.definition(), change_and_deliver)])
    slow.handle(interleaved, gained)

    assert found == []
    assert writer.content("groupViews/g") == group_view("Ann", "Bea")


def test_change_of_a_known_source_is_not_missed(interleaved: Interleaved, writer: Writer) -> None:
    """Nothing is gained, so nothing is locked: the ledger's precondition has to do it."""
    writer.write("people/a", ANN)
    views().handle(writer.database, writer.write(GROUP, {"members": people("a")}))
    renamed = writer.write(GROUP, {"title": "new", "members": people("a")})

    def change_and_deliver() -> None:
        views().handle(writer.database, writer.write("people/a", {"name": "Anna"}))

    interleaved.once(Point.COMMITTING, change_and_deliver)
    [outcome] = views().handle(interleaved, renamed)

    assert outcome.result is Result.COVERED
    assert writer.content("groupViews/g") == group_view("Anna", title="new")


@pytest.mark.parametrize("becomes", [{**ANN, "team": "u"}, None], ids=["moved", "deleted"])
def test_new_match_that_leaves_without_payload_is_not_missed(
    becomes: Mapping[str, Any] | None, interleaved: Interleaved, writer: Writer
) -> None:
    """The event that it left says neither what it was nor, once it has left, what it matched."""
    views().handle(writer.database, writer.write(TEAM, {}))
    joined = writer.write("people/a", {**ANN, "team": "t"})

    def leave_and_deliver() -> None:
        left = writer.write("people/a", becomes)
        views().handle(writer.database, Change(left.path, None, None))

    slow = Engine([during_build(TeamView.definition(), leave_and_deliver)])
    slow.handle(interleaved, joined)

    assert writer.content("teamViews/t") == {"names": []}


@pytest.mark.parametrize("payload", [True, False], ids=["with payload", "without"])
def test_creation_that_is_undone_while_its_event_is_built_is_not_missed(
    payload: bool, interleaved: Interleaved, writer: Writer
) -> None:
    """The ledger has the document as MISSING before and after: the deletion seems to be covered."""
    views().handle(writer.database, writer.write(GROUP, {"members": people("a", "b")}))
    created = writer.write("people/a", ANN)

    def delete_and_deliver() -> None:
        gone = writer.delete("people/a")
        event = gone if payload else Change(gone.path, None, None)
        views().handle(writer.database, event)

    slow = Engine([during_build(GroupView.definition(), delete_and_deliver)])
    slow.handle(interleaved, created)

    assert writer.content("groupViews/g") == group_view()


def test_match_that_is_undone_while_its_event_is_built_is_not_missed(
    interleaved: Interleaved, writer: Writer
) -> None:
    views().handle(writer.database, writer.write(TEAM, {}))
    joined = writer.write("people/a", {**ANN, "team": "t"})

    def leave_and_deliver() -> None:
        views().handle(writer.database, writer.write("people/a", ANN))

    slow = Engine([during_build(TeamView.definition(), leave_and_deliver)])
    slow.handle(interleaved, joined)

    assert writer.content("teamViews/t") == {"names": []}


def test_first_build_racing_with_itself_commits_once(
    interleaved: Interleaved, writer: Writer
) -> None:
    writer.write("people/a", ANN)
    created = writer.write(GROUP, {"members": people("a")})
    definition, builds = counted(GroupView.definition())
    other = Engine([definition])
    first: list[Any] = []
    interleaved.once(Point.COMMITTING, lambda: first.extend(other.handle(writer.database, created)))

    [second] = other.handle(interleaved, created)

    assert [outcome.result for outcome in first] == [Result.COMMITTED]
    assert second.result is Result.COVERED
    assert interleaved.commits == []
    assert len(builds) == 2, "each built once, and the loser not again"
    assert writer.content("groupViews/g") == group_view("Ann")
