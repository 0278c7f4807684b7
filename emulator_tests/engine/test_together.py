"""All views of one event are read and committed together, and none holds up another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, Event, Thread
from typing import Any

import grpc
import pytest

from emulator_tests.kit.calls import Calls, Outage
from emulator_tests.kit.definitions import Builds, counted
from emulator_tests.kit.domain import (
    AddressView,
    Group,
    GroupStore,
    GroupView,
    Person,
    TeamView,
    group_view,
    people,
)
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, RetryPolicy, Store, ViewModel, many, query, root
from onto_fn.attempts import Collector
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise import grouping, protocol
from onto_fn.engine.materialise.lookup import Affected, find_these
from onto_fn.engine.materialise.together import ATTEMPTS, materialise_all
from onto_fn.engine.records.ledger import LEDGER_COLLECTION, ledger_path
from onto_fn.errors import PermanentError, RetriesExhausted
from onto_fn.observability import Change, Observer, Outcome, Result
from onto_fn.testing.billing import Billing
from onto_fn.testing.eventually import eventually
from onto_fn.views import Definition

Connect = Callable[..., Any]
ANN = {"name": "Ann", "team": "t"}


class BoardView(ViewModel[GroupStore], path="people/{person_id}/boards/{group_id}"):
    """A copy for each member. It reads their names, and is the same with other ones."""

    @property
    def title(self) -> str:
        return self.store.group.title

    @property
    def is_named(self) -> bool:
        return all(person.name for person in self.store.members)

    def targets(self) -> Iterable[Mapping[str, str]]:
        group = self.store.group
        return [{"person_id": ref.id, "group_id": group.doc_id} for ref in group.members]


SNAPSHOT = (GroupView, TeamView, BoardView)


def engine_of(*definitions: Definition, **options: Any) -> Engine:
    return Engine(definitions or [view.definition() for view in SNAPSHOT], **options)


def prepared(writer: Writer, engine: Engine, groups: Iterable[str] = ("g",)) -> None:
    """A person in some groups and in a team, whose views are up to date."""
    changes = [writer.write("people/a", ANN), writer.write("teams/t", {})]
    for group in groups:
        fields = {"title": group, "members": people("a")}
        changes.append(writer.write(f"groups/{group}", fields))
    for change in changes:
        engine.handle(writer.database, change)


def renamed(writer: Writer, name: str = "Anna") -> Change:
    return writer.write("people/a", {**ANN, "name": name})


def results(outcomes: Iterable[Outcome]) -> dict[str, Result]:
    return {f"{outcome.definition} of {outcome.root}": outcome.result for outcome in outcomes}


def test_views_of_several_definitions_share_look_up_read_and_commit(
    connect: Connect, writer: Writer
) -> None:
    engine = engine_of()
    prepared(writer, engine, "gh")
    calls = Calls()

    outcomes = engine.handle(connect(calls), renamed(writer))

    assert [outcome.definition for outcome in outcomes] == [
        *["GroupView"] * 2,
        "TeamView",
        *["BoardView"] * 2,
    ], "in the order of declaration"
    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert {outcome.attempts for outcome in outcomes} == {1}
    # one look-up, one read of all, the query of the team
    assert calls.counts == {"RunQuery": 2, "BatchGetDocuments": 1, "Commit": 1}
    assert writer.content("groupViews/g") == group_view("Anna", title="g")
    assert writer.content("teamViews/t") == {"names": ["Anna"]}


class AtOnce(grpc.UnaryStreamClientInterceptor):
    """Lets no query of people be answered before so many have been sent."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = 0
        self.times: set[str] = set()

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        answer = continuation(details, request)
        if 'collection_id: "people"' not in str(request):
            return answer
        self.sent += 1
        self.times.add(str(request.read_time))
        return self._later(answer)

    def _later(self, answer: Any) -> Any:
        assert self.sent == self.number, "a query waits for the answer of another"
        yield from answer


class Mates(Store):
    person = root(Person)
    mates = query(Person).where("team", "==", lambda store: store.person.team)
    namesakes = query(Person).where("name", "==", lambda store: store.person.name)


class MatesView(ViewModel[Mates], path="mates/{person}"):
    @property
    def mates(self) -> list[str]:
        return sorted(person.doc_id for person in self.store.mates)

    @property
    def namesakes(self) -> list[str]:
        return sorted(person.doc_id for person in self.store.namesakes)


def test_the_queries_of_all_views_run_at_once_at_one_time_and_equal_ones_once(
    connect: Connect, writer: Writer
) -> None:
    engine = engine_of(MatesView.definition(), TeamView.definition())
    contents = {f"people/{n}": {"name": n, "team": "t"} for n in "abc"}
    for change in writer.write_all({**contents, "teams/t": {}}):
        engine.handle(writer.database, change)
    # the team's query is that of its mates; and each has a name of its own
    watch = AtOnce(1 + 3)

    outcomes = engine.handle(
        connect(watch),
        replace(
            writer.write("people/a", {"name": "a", "team": "t", "more": 1}), versions_only=True
        ),
    )

    assert len(outcomes) == 4
    assert watch.sent == 4
    assert len(watch.times) == 1
    assert writer.content("mates/b") == {"mates": ["a", "b", "c"], "namesakes": ["b"]}


def test_a_query_that_is_refused_concerns_its_view_alone(
    database: Database, writer: Writer
) -> None:
    class Bare(Store):
        person = root(Person)
        same = query(Person).where("name", "==", lambda store: Refusing())

    class BareView(ViewModel[Bare], path="bare/{person}"):
        @property
        def number(self) -> int:
            return len(self.store.same)

    engine = engine_of(BareView.definition(), MatesView.definition())

    outcomes = engine.handle(database, writer.write("people/a", ANN))

    assert results(outcomes) == {
        "BareView of people/a": Result.DEAD_LETTER,
        "MatesView of people/a": Result.COMMITTED,
    }


class Refusing:
    """No value of Firestore."""


def test_a_poisoned_view_has_its_dead_letter_in_the_same_commit_as_the_others(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = engine_of(AddressView.definition(), GroupView.definition(), TeamView.definition())
    prepared(writer, engine)
    letters = writer.dead_letters().keys()

    outcomes = engine.handle(interleaved, renamed(writer))

    assert results(outcomes) == {
        "AddressView of people/a": Result.DEAD_LETTER,  # Ann has no home
        "GroupView of groups/g": Result.COMMITTED,
        "TeamView of teams/t": Result.COMMITTED,
    }
    assert letters == writer.dead_letters().keys() == {"onto_dead_letters/AddressView~people%2Fa"}
    assert len(interleaved.commits) == 1
    assert writer.content("groupViews/g") == group_view("Anna", title="g")


def counting() -> tuple[list[Definition], dict[str, Builds]]:
    pairs = [counted(view.definition()) for view in SNAPSHOT]
    return [made for made, _ in pairs], {made.name: builds for made, builds in pairs}


def test_a_view_that_loses_its_race_and_is_covered_leaves_the_others_as_built(
    interleaved: Interleaved, writer: Writer
) -> None:
    definitions, builds = counting()
    engine = engine_of(*definitions)
    prepared(writer, engine)
    change = renamed(writer)
    for made in builds.values():
        made.made.clear()
    alone = engine_of(TeamView.definition())
    interleaved.once(Point.COMMITTING, lambda: alone.handle(writer.database, change))

    outcomes = engine.handle(interleaved, change)

    assert {o.definition: (o.result, o.attempts) for o in outcomes} == {
        "GroupView": (Result.COMMITTED, 1),
        "TeamView": (Result.COVERED, 2),
        "BoardView": (Result.COMMITTED, 1),
    }
    assert {name: len(made) for name, made in builds.items()} == dict.fromkeys(builds, 1)
    assert len(interleaved.history(ledger_path("GroupView", "groups/g"))) == 1


def test_a_view_that_loses_its_race_to_another_change_is_built_again_alone(
    interleaved: Interleaved, writer: Writer
) -> None:
    definitions, builds = counting()
    engine = engine_of(*definitions)
    prepared(writer, engine)
    change = renamed(writer)
    for made in builds.values():
        made.made.clear()
    told: list[str] = []

    class Told(Observer):
        def retry(self, change: Change, subject: Any, attempt: int, error: BaseException) -> None:
            told.append(str(subject))

    def overtake() -> None:
        """Another process commits what it has read before this change."""
        path = ledger_path("TeamView", "teams/t")
        record = dict(writer.content(path) or {})
        writer.write(path, {**record, "eventId": "of another"})

    interleaved.once(Point.COMMITTING, overtake)
    watched = engine_of(*definitions, observers=[Told()])

    outcomes = watched.handle(interleaved, change)

    assert {o.definition: (o.result, o.attempts) for o in outcomes} == {
        "GroupView": (Result.COMMITTED, 1),
        "TeamView": (Result.COMMITTED, 2),
        "BoardView": (Result.COMMITTED, 1),
    }
    assert {name: len(made) for name, made in builds.items()} == {
        "GroupView": 1,
        "TeamView": 2,
        "BoardView": 1,
    }
    assert told == ["TeamView of teams/t"]
    assert writer.content("teamViews/t") == {"names": ["Anna"]}


def test_a_new_source_that_changes_concerns_the_views_that_gain_it_alone(
    interleaved: Interleaved, writer: Writer
) -> None:
    """Its view is built again; the other, whose sources are all known, is committed as built."""
    (group, builds), (team, others) = map(counted, (GroupView.definition(), TeamView.definition()))
    engine = engine_of(group, team)
    writer.write_all({"people/a": ANN, "people/b": {"name": "Bob"}})
    engine.handle(writer.database, writer.write("teams/t", {}))
    writer.write("groups/g", {"members": people("a", "b")})  # and its event is late
    builds.made.clear()
    others.made.clear()
    grown = renamed(writer)
    items = [Affected(group, "groups/g"), Affected(team, "teams/t")]
    wanted = find_these(interleaved, items)
    interleaved.once(Point.READ, lambda: None)
    interleaved.once(Point.READ, lambda: writer.write("people/b", {"name": "Bea"}))
    collector: Collector[Outcome] = Collector()

    materialise_all(interleaved, wanted, grown, RetryPolicy(), collector)

    assert {o.definition: o.attempts for o in collector.outcomes()} == {
        "TeamView": 1,
        "GroupView": 2,
    }
    assert (len(builds), len(others)) == (2, 1)
    assert writer.content("groupViews/g") == group_view("Anna", "Bea")
    assert writer.content("teamViews/t") == {"names": ["Anna"]}


class BigStore(Store):
    person = root(Person)


class BigView(ViewModel[BigStore], path="big/{person}"):
    @property
    def text(self) -> str:
        return "x" * 1_100_000


class LongView(ViewModel[BigStore], path="long/{person}"):
    @property
    def keyed(self) -> dict[str, int]:
        return {"k" * 1600: 1}


@pytest.mark.parametrize("refused", [BigView, LongView])
def test_a_commit_that_is_refused_for_one_leaves_the_others_committed_in_the_event(
    refused: type[ViewModel[Any]], interleaved: Interleaved, writer: Writer
) -> None:
    group, builds = counted(GroupView.definition())
    engine = engine_of(group, refused.definition(), TeamView.definition())
    quiet = engine_of(GroupView.definition(), TeamView.definition())
    prepared(writer, quiet)

    outcomes = engine.handle(interleaved, renamed(writer))

    assert results(outcomes) == {
        "GroupView of groups/g": Result.COMMITTED,
        f"{refused.__name__} of people/a": Result.DEAD_LETTER,
        "TeamView of teams/t": Result.COMMITTED,
    }
    assert {outcome.attempts for outcome in outcomes} == {1}
    assert len(builds) == 1
    assert list(writer.dead_letters()) == [f"onto_dead_letters/{refused.__name__}~people%2Fa"]
    assert writer.content("groupViews/g") == group_view("Anna", title="g")
    assert writer.content("teamViews/t") == {"names": ["Anna"]}
    for name, path in (("GroupView", "groups/g"), ("TeamView", "teams/t")):
        assert len(interleaved.history(ledger_path(name, path))) == 1


class Referring(Store):
    person = root(Person)
    other = many(Person, lambda store: [Person.ref("refused")], missing="skip")


class ReferringView(ViewModel[Referring], path="referring/{person}"):
    @property
    def number(self) -> int:
        return len(self.store.other)


class RefusedRead(Interleaved):
    """Firestore refuses to read one document, and all that is asked for with it."""

    def read_documents(self, paths: Iterable[str], consistency: dict[str, Any]) -> Any:
        paths = list(paths)
        if "people/refused" in paths:
            raise PermanentError("this name is refused")
        return super().read_documents(paths, consistency)


def test_a_read_that_is_refused_for_one_leaves_the_others_together(
    connect: Connect, writer: Writer
) -> None:
    """The half that has no refused read shares its commit as before."""
    database = connect(kind=RefusedRead)
    views = (GroupView, BoardView, TeamView, ReferringView)
    engine = engine_of(*(view.definition() for view in views))
    prepared(writer, engine_of())

    outcomes = engine.handle(database, renamed(writer))

    assert results(outcomes) == {
        "GroupView of groups/g": Result.COMMITTED,
        "BoardView of groups/g": Result.COMMITTED,
        "TeamView of teams/t": Result.COMMITTED,
        "ReferringView of people/a": Result.DEAD_LETTER,
    }
    first = database.commits[0].contents
    assert {ledger_path(name, "groups/g") for name in ("GroupView", "BoardView")} < first.keys()
    assert len(database.commits) == 3


class Died(BaseException):
    """The process ends here."""


class Abandoned(Interleaved):
    """A database whose transactions nobody rolls back, as after the death of their process."""

    def release(self, transaction: bytes) -> None:
        return


def die() -> None:
    raise Died


@pytest.mark.parametrize("skipped", [0, 1])
@pytest.mark.parametrize("point", Point)
@pytest.mark.parametrize("known", [False, True], ids=["first builds", "later builds"])
def test_a_crash_at_any_call_with_several_views_is_made_good_on_redelivery(
    point: Point, skipped: int, known: bool, connect: Connect, writer: Writer, monkeypatch: Any
) -> None:
    monkeypatch.setattr(grouping, "MAX_LOCKED", 5)  # so there are several commits
    definitions = [GroupView.definition(), BoardView.definition()]
    if known:
        prepared(writer, engine_of(*definitions), "g")
    else:
        writer.write("people/a", ANN)
    change = writer.write("groups/g", {"title": "new", "members": people("a")})
    dying = connect(kind=Abandoned)
    for _ in range(skipped):
        dying.once(point, lambda: None)
    dying.once(point, die)
    with suppress(Died):  # where it does not come as far, it is done
        engine_of(*definitions).handle(dying, change)
    dying.forget()

    again = connect(kind=Interleaved)
    outcomes = engine_of(*definitions).handle(again, change)

    assert {o.result for o in outcomes} <= {Result.COMMITTED, Result.COVERED}
    assert writer.content("groupViews/g") == group_view("Ann", title="new")
    assert writer.content("people/a/boards/g") == {"title": "new", "isNamed": True}
    for definition in definitions:
        path = ledger_path(definition.name, "groups/g")
        assert len(dying.history(path) + again.history(path)) == 1, "exactly once"


def test_a_joint_commit_that_is_not_answered_is_not_repeated(
    connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = engine_of(retry=quick)
    prepared(writer, engine)
    calls = Calls()

    outcomes = engine.handle(connect(calls, Outage("Commit", 1, applied=True)), renamed(writer))

    assert {(o.result, o.attempts) for o in outcomes} == {(Result.COVERED, 2)}
    assert calls.counts["Commit"] == 1


@pytest.mark.parametrize("call", ["BatchGetDocuments", "RunQuery", "Commit"])
def test_an_outage_is_survived_by_all_views(
    call: str, connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = engine_of(retry=quick)
    prepared(writer, engine)

    outcomes = engine.handle(connect(Outage(call, ATTEMPTS - 2)), renamed(writer))

    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert writer.content("teamViews/t") == {"names": ["Anna"]}


def test_retries_are_exhausted_for_the_view_that_failed_alone(
    connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = engine_of(retry=quick)
    prepared(writer, engine)
    change = renamed(writer)

    with pytest.raises(RetriesExhausted) as raised:
        engine.handle(connect(Outage("Commit", 1000, about="TeamView~")), change)

    assert "TeamView of teams/t" in str(raised.value)
    assert "GroupView" not in str(raised.value)
    assert writer.content("groupViews/g") == group_view("Anna", title="g")
    assert results(engine.handle(writer.database, change)) == {
        "GroupView of groups/g": Result.COVERED,
        "TeamView of teams/t": Result.COMMITTED,
        "BoardView of groups/g": Result.COVERED,
    }


def test_eventual_and_snapshot_views_share_a_commit(connect: Connect, writer: Writer) -> None:
    eventual = replace(GroupView.definition(), consistency="eventual")
    engine = engine_of(eventual, TeamView.definition())
    prepared(writer, engine)
    calls, billing = Calls(), Billing()

    outcomes = engine.handle(connect(calls, billing), renamed(writer))

    assert [outcome.result for outcome in outcomes] == [Result.COMMITTED] * 2
    assert calls.counts == {"RunQuery": 2, "BatchGetDocuments": 1, "Commit": 1}
    # two records; the team's root and its query: the group reads nothing
    assert billing.counts["reads"] == 2 + 1 + 1
    assert writer.content("groupViews/g") == group_view("Anna", title="g")
    assert writer.content("teamViews/t") == {"names": ["Anna"]}


def test_a_serializable_view_is_done_alone(connect: Connect, writer: Writer) -> None:
    locked = replace(GroupView.definition(), isolation="serializable")
    engine = engine_of(locked, TeamView.definition(), BoardView.definition())
    prepared(writer, engine)
    database = connect(kind=Interleaved)

    outcomes = engine.handle(database, renamed(writer))

    assert [o.definition for o in outcomes] == ["GroupView", "TeamView", "BoardView"]
    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    ledgers = [
        sorted(p for p in commit.contents if p.startswith(LEDGER_COLLECTION))
        for commit in database.commits
    ]
    assert ledgers == [
        sorted([ledger_path("TeamView", "teams/t"), ledger_path("BoardView", "groups/g")]),
        [ledger_path("GroupView", "groups/g")],
    ]


@pytest.mark.parametrize("number", [30, 120])
def test_very_many_views_of_one_event_are_in_as_few_commits_as_hold_them(
    number: int, interleaved: Interleaved, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the groups has a view and a board, with a record each."""
    engine = engine_of(GroupView.definition(), BoardView.definition())
    writer.write("people/a", ANN)
    groups = {f"groups/g{n:03}": {"members": people("a"), "title": "t"} for n in range(number)}
    for change in writer.write_all(groups):
        engine.handle(writer.database, change)
    monkeypatch.setattr(grouping, "MAX_LOCKED", 200)

    outcomes = engine.handle(interleaved, renamed(writer))

    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert len(outcomes) == 2 * number
    assert all(len(commit.contents) <= 200 for commit in interleaved.commits)
    # a view and a record of each group; of a board, whose title is the same, its record alone
    assert len(interleaved.commits) == -(-3 * number // 200)
    views = writer.collection("groupViews")
    assert [view and view["names"] for view in views.values()] == [["Anna"]] * number


def test_outcomes_and_billed_writes_are_those_of_each_view_by_itself(
    connect: Connect, writer: Writer
) -> None:
    engine = engine_of()
    prepared(writer, engine, "gh")
    together, single = Billing(), Billing()

    joint = engine.handle(connect(together), renamed(writer, "Anna"))
    change = renamed(writer, "Annie")
    apart = [
        outcome
        for view in SNAPSHOT
        for outcome in engine_of(view.definition()).handle(connect(single), change)
    ]

    assert [(o.definition, o.root, o.result, o.written) for o in joint] == [
        (o.definition, o.root, o.result, o.written) for o in apart
    ]
    assert together.counts["writes"] == single.counts["writes"]


# A document that moves


class Slot(DomainModel, collection="slots"):
    holder: str = ""


class SlotStore(Store):
    group = root(Group)
    slots = many(Slot, lambda store: [Slot.ref("s")])


class FirstHolder(ViewModel[SlotStore], path="held/{name}"):
    @property
    def by(self) -> str:
        return type(self).__name__

    def targets(self) -> Iterable[Mapping[str, str]]:
        return [{"name": "it"}] if self.store.slots[0].holder == type(self).__name__ else []


class SecondHolder(ViewModel[SlotStore], path="held/{name}"):
    @property
    def by(self) -> str:
        return type(self).__name__

    def targets(self) -> Iterable[Mapping[str, str]]:
        return [{"name": "it"}] if self.store.slots[0].holder == type(self).__name__ else []


@pytest.mark.parametrize("max_locked", [1, 1000])
def test_a_document_that_one_view_gives_up_and_another_takes_is_there(
    max_locked: int, database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "MAX_LOCKED", max_locked)
    engine = engine_of(FirstHolder.definition(), SecondHolder.definition())
    writer.write("slots/s", {"holder": "FirstHolder"})
    engine.handle(database, writer.write("groups/g", {}))

    for holder in ("SecondHolder", "FirstHolder", "SecondHolder"):
        engine.handle(database, writer.write("slots/s", {"holder": holder}))

        assert writer.content("held/it") == {"by": holder}


def test_a_document_that_moves_is_right_after_a_lost_race(
    interleaved: Interleaved, writer: Writer
) -> None:
    """Those between which it moves are built again together."""
    engine = engine_of(FirstHolder.definition(), SecondHolder.definition(), GroupView.definition())
    writer.write("slots/s", {"holder": "SecondHolder"})
    engine.handle(interleaved, writer.write("groups/g", {}))

    def overtake() -> None:
        path = ledger_path("FirstHolder", "groups/g")
        writer.write(path, {**(writer.content(path) or {}), "eventId": "of another"})

    interleaved.once(Point.COMMITTING, overtake)
    engine.handle(interleaved, writer.write("slots/s", {"holder": "FirstHolder"}))

    assert writer.content("held/it") == {"by": "FirstHolder"}
    records = [r for r in writer.collection(LEDGER_COLLECTION).values() if r and r["documents"]]
    assert {r["definition"] for r in records} == {"FirstHolder", "GroupView"}


# Turns


def test_views_that_another_thread_is_building_are_done_afterwards(
    connect: Connect, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LONGEST_TURN", 600.0)
    engine = engine_of()
    prepared(writer, engine)
    database = connect(kind=Interleaved)
    first, second = renamed(writer, "Anna"), renamed(writer, "Annie")
    team = ledger_path("TeamView", "teams/t")
    held, may_end = Event(), Event()
    other: list[Outcome] = []

    def hold() -> None:
        with protocol.TURNS.turn(database, team):
            held.set()
            may_end.wait(60)

    holder = Thread(target=hold)
    holder.start()
    held.wait(60)
    handling = Thread(target=lambda: other.extend(engine.handle(database, second)))
    handling.start()

    def the_others_are_committed() -> None:
        assert writer.content("groupViews/g") == group_view("Annie", title="g")
        assert protocol.TURNS.waiting(database, team) == 1

    eventually(the_others_are_committed, deadline=60)
    assert writer.content("teamViews/t") == {"names": ["Ann"]}
    may_end.set()
    holder.join(60)
    handling.join(60)

    assert {outcome.result for outcome in other} == {Result.COMMITTED}
    assert writer.content("teamViews/t") == {"names": ["Annie"]}
    assert {o.result for o in engine.handle(database, first)} == {Result.COVERED}


def test_events_of_the_same_views_at_once_are_committed_once(
    connect: Connect, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LONGEST_TURN", 600.0)
    engine = engine_of()
    prepared(writer, engine)
    database = connect(kind=Interleaved)
    change, barrier = renamed(writer), Barrier(8)
    found: list[Outcome] = []

    def handle() -> None:
        barrier.wait(60)
        found.extend(engine.handle(database, change))

    threads = [Thread(target=handle) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert len(found) == 8 * 3
    for view, path in (("GroupView", "groups/g"), ("TeamView", "teams/t")):
        assert len(database.history(ledger_path(view, path))) == 1
