"""Whatever happens to the sources and their events, every view ends as its sources are (G1).

A state machine changes sources, and delivers their events late, again, in any order, and in the
midst of each other. In the end everything is delivered, and each view is computed once more, here,
from what the sources hold.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from emulator_tests.kit.domain import (
    AddressView,
    BoardView,
    GroupStore,
    GroupView,
    Person,
    TeamView,
    Town,
)
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Fields, Writer
from onto_fn import ViewModel
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Change
from onto_fn.views.definition import Consistency

PEOPLE, GROUPS, TEAMS, TOWNS = "abc", "gh", "tu", "xy"

person = st.fixed_dictionaries(
    {"name": st.sampled_from(["Ann", "Bob", "Cid", "Dan"])},
    optional={
        "team": st.sampled_from(TEAMS),
        "home": st.sampled_from(TOWNS).map(Town.ref),
        "note": st.sampled_from("12"),
    },
)
group = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["one", "two"]),
        "members": st.lists(st.sampled_from(PEOPLE), unique=True).map(
            lambda names: [Person.ref(name) for name in names]
        ),
    }
)
titled = st.fixed_dictionaries({"title": st.sampled_from(["one", "two"])})
town = st.fixed_dictionaries({"name": st.sampled_from(["Oslo", "Bergen"])})
source = st.one_of(
    st.tuples(st.sampled_from(PEOPLE).map("people/{}".format), person | st.none()),
    st.tuples(st.sampled_from(GROUPS).map("groups/{}".format), group | st.none()),
    st.tuples(st.sampled_from(TEAMS).map("teams/{}".format), titled | st.none()),
    st.tuples(st.sampled_from(TOWNS).map("towns/{}".format), town | st.none()),
)
place = st.integers(0, 10**6)  # which of the events there are


class NotesView(ViewModel[GroupStore], path="notes/{group_id}"):
    """What is read of its members depends on the group."""

    @property
    def notes(self) -> list[str]:
        if self.store.group.title == "one":
            return []
        return [getattr(person, "note", "none") for person in self.store.members]


class Deliveries(RuleBasedStateMachine):
    """Sources change, and events arrive."""

    def __init__(
        self, connect: Callable[[str, type[Database]], Database], consistency: Consistency
    ) -> None:
        super().__init__()
        project = f"demo-{secrets.token_hex(6)}"
        views = (GroupView, TeamView, BoardView, AddressView, NotesView)
        self.engine = Engine(
            [replace(view.definition(), consistency=consistency) for view in views]
        )
        database = connect(project, Interleaved)
        assert isinstance(database, Interleaved)
        self.database = database
        self.writer = Writer(connect(project, Database))
        self.sources: dict[str, Fields] = {}
        self.pending: list[Change] = []
        self.past: list[Change] = []

    @rule(written=source)
    def write(self, written: tuple[str, Fields]) -> None:
        path, fields = written
        self.pending.append(self.writer.write(path, fields))
        self.sources[path] = fields

    @precondition(lambda self: self.pending)
    @rule(which=place)
    def deliver(self, which: int) -> None:
        self.engine.handle(self.database, self.next(which))

    @precondition(lambda self: self.pending)
    @rule(which=place)
    def deliver_without_payload(self, which: int) -> None:
        self.engine.handle(self.database, Change(self.next(which).path, None, None))

    @precondition(lambda self: self.past)
    @rule(which=place)
    def deliver_again(self, which: int) -> None:
        self.engine.handle(self.database, self.past[which % len(self.past)])

    @precondition(lambda self: len(self.pending) > 1)
    @rule(outer=place, inner=place, point=st.sampled_from(Point))
    def deliver_in_the_midst(self, outer: int, inner: int, point: Point) -> None:
        slow, fast = self.next(outer), self.next(inner)
        self.run(slow, point, lambda: self.engine.handle(self.writer.database, fast))

    @precondition(lambda self: self.pending)
    @rule(which=place, written=source, point=st.sampled_from([Point.LOOKED_UP, Point.READ]))
    def write_and_deliver_in_the_midst(
        self, which: int, written: tuple[str, Fields], point: Point
    ) -> None:
        slow = self.next(which)

        def change() -> None:
            self.write(written)
            self.engine.handle(self.writer.database, self.next(-1))

        self.run(slow, point, change)

    def run(self, change: Change, point: Point, action: Callable[[], object]) -> None:
        self.database.once(point, action)
        self.engine.handle(self.database, change)
        if not self.database.is_done:  # the event did not go as far
            self.database.forget()
            action()

    def next(self, which: int) -> Change:
        """Takes one of the events that nobody has delivered yet."""
        change = self.pending.pop(which if which < 0 else which % len(self.pending))
        self.past.append(change)
        return change

    def teardown(self) -> None:
        while self.pending:
            self.engine.handle(self.database, self.next(0))
        expected = Expected({p: dict(f) for p, f in self.sources.items() if f is not None})
        for path, content in expected.views().items():
            assert self.writer.content(path) == content, path
        assert set(self.writer.dead_letters()) == expected.dead_letters()
        self.database.commits.clear()
        for change in self.past:
            self.engine.handle(self.database, change)
        assert self.database.commits == []


class Expected:
    """The views of some sources, computed without the library."""

    def __init__(self, sources: dict[str, dict[str, Any]]) -> None:
        self.sources = sources

    def views(self) -> dict[str, Any]:
        """The content of each view's document, None where there must be none."""
        views: dict[str, Any] = {}
        for identifier in GROUPS:
            found = self.sources.get(f"groups/{identifier}")
            views[f"groupViews/{identifier}"] = found and self.group(found)
            views[f"notes/{identifier}"] = found and {"notes": self.notes(found)}
            for name in PEOPLE:
                board = f"people/{name}/boards/{identifier}"
                invited = found and f"people/{name}" in {ref.path for ref in found["members"]}
                views[board] = {"title": found["title"]} if found and invited else None
        for identifier in TEAMS:
            exists = f"teams/{identifier}" in self.sources
            views[f"teamViews/{identifier}"] = {"names": self.team(identifier)} if exists else None
        for name in PEOPLE:
            found = self.sources.get(f"people/{name}")
            if found is None:
                views[f"addresses/{name}"] = None
            elif (home := self.home(found)) is not None:
                address = {"name": found["name"], "town": home["name"]}
                views[f"addresses/{name}"] = {"address": address}
        return views

    def group(self, fields: dict[str, Any]) -> dict[str, Any]:
        members = [self.sources[r.path] for r in fields["members"] if r.path in self.sources]
        towns = [home["name"] for home in map(self.home, members) if home is not None]
        names = [member["name"] for member in members]
        return {"title": fields["title"], "names": names, "towns": towns}

    def notes(self, fields: dict[str, Any]) -> list[str]:
        members = [self.sources[r.path] for r in fields["members"] if r.path in self.sources]
        return [] if fields["title"] == "one" else [m.get("note", "none") for m in members]

    def team(self, identifier: str) -> list[str]:
        people = [fields for path, fields in self.sources.items() if path.startswith("people/")]
        return sorted(p["name"] for p in people if p.get("team") == identifier)

    def home(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        home = fields.get("home")
        return self.sources.get(home.path) if home else None

    def dead_letters(self) -> set[str]:
        """Of those whose address is required and missing."""
        return {
            f"onto_dead_letters/AddressView~people%2F{name}"
            for name in PEOPLE
            if (found := self.sources.get(f"people/{name}")) and self.home(found) is None
        }


@pytest.mark.parametrize("consistency", get_args(Consistency))
def test_every_view_converges_to_its_sources(project: str, consistency: Consistency) -> None:
    databases: list[Database] = []

    def connect(name: str, kind: type[Database]) -> Database:
        databases.append(kind(name))
        return databases[-1]

    try:
        run_state_machine_as_test(
            lambda: Deliveries(connect, consistency),
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        for database in databases:
            database.close()
