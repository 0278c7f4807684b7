"""Functions die, answers are lost, Firestore is away: nothing is lost or done twice (G5)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls, Outage
from emulator_tests.kit.definitions import counted
from emulator_tests.kit.domain import AddressView, GroupView, TeamView, group_view, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn import RetryPolicy
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.errors import RetriesExhausted
from onto_fn.observability import Change, Observer, Outcome, Result

Connect = Callable[..., Any]
ANN = {"name": "Ann", "team": "t"}


class Died(BaseException):
    """The process ends here."""


class Abandoned(Interleaved):
    """A database whose transactions nobody rolls back, as after the death of their process."""

    def release(self, transaction: bytes) -> None:
        return


def die() -> None:
    raise Died


def test_crash_after_the_commit_is_covered_on_redelivery(
    interleaved: Interleaved, writer: Writer
) -> None:
    definition, builds = counted(GroupView.definition())
    engine = Engine([definition])
    created = writer.write("groups/g", {"title": "here"})
    interleaved.once(Point.COMMITTED, die)
    with pytest.raises(Died):
        engine.handle(interleaved, created)

    [outcome] = engine.handle(interleaved, created)

    assert outcome.result is Result.COVERED
    assert len(interleaved.commits) == 1
    assert len(builds) == 1


@pytest.mark.parametrize("point", Point)
@pytest.mark.parametrize("known", [False, True], ids=["first build", "later build"])
def test_crash_at_any_point_is_made_good_on_redelivery(
    point: Point, known: bool, connect: Connect, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    writer.write("people/a", ANN)
    if known:
        engine.handle(writer.database, writer.write("groups/g", {"title": "old"}))
    change = writer.write("groups/g", {"title": "new", "members": people("a")})
    dying = connect(kind=Abandoned)
    dying.once(point, die)
    with pytest.raises(Died):
        engine.handle(dying, change)

    database = connect(kind=Interleaved)
    [outcome] = engine.handle(database, change)

    applied = point is Point.COMMITTED
    assert outcome.result is (Result.COVERED if applied else Result.COMMITTED)
    assert len(dying.commits + database.commits) == 1
    assert writer.content("groupViews/g") == group_view("Ann", title="new")


def test_loser_of_a_race_finds_itself_covered_and_does_not_build(
    interleaved: Interleaved, writer: Writer
) -> None:
    definition, builds = counted(GroupView.definition())
    engine = Engine([definition])
    writer.write_all({"people/a": ANN, "people/b": {"name": "Bob"}})
    engine.handle(writer.database, writer.write("groups/g", {"members": people("a", "b")}))
    first = writer.write("people/a", {"name": "Anna"})
    second = writer.write("people/b", {"name": "Bea"})
    builds.made.clear()
    # The second has looked the ledger up when the first, whose snapshot has both, commits.
    interleaved.once(Point.READ, lambda: engine.handle(writer.database, first))

    [outcome] = engine.handle(interleaved, second)

    assert outcome.result is Result.COVERED
    assert outcome.attempts == 2
    assert len(builds) == 2, "the winner's, and the loser's before it lost"
    assert interleaved.commits == []
    assert writer.content("groupViews/g") == group_view("Anna", "Bea")


def test_event_of_a_committed_snapshot_is_not_built(
    interleaved: Interleaved, writer: Writer
) -> None:
    definition, builds = counted(GroupView.definition())
    engine = Engine([definition])
    writer.write_all({"people/a": ANN, "people/b": {"name": "Bob"}})
    engine.handle(writer.database, writer.write("groups/g", {"members": people("a", "b")}))
    first = writer.write("people/a", {"name": "Anna"})
    second = writer.write("people/b", {"name": "Bea"})
    engine.handle(writer.database, first)
    builds.made.clear()

    [outcome] = engine.handle(interleaved, second)

    assert outcome.result is Result.COVERED
    assert len(builds) == 0
    assert interleaved.commits == []


@pytest.mark.parametrize("change", ["creation", "update", "deletion", "refusal"])
def test_commit_that_is_applied_and_not_answered_is_not_repeated(
    change: str, connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([GroupView.definition()], retry=quick)
    if change != "creation":
        engine.handle(writer.database, writer.write("groups/g", {"title": "old"}))
    content: dict[str, Any] = {
        "creation": {"title": "new"},
        "update": {"title": "new"},
        "deletion": None,
        "refusal": {"title": ["not a title"]},
    }
    event = writer.write("groups/g", content[change])
    calls, outage = Calls(), Outage("Commit", 1, applied=True)
    database = connect(calls, outage)

    [outcome] = engine.handle(database, event)

    expected = Result.UNCHANGED if change == "deletion" else Result.COVERED
    assert outcome.result is expected
    assert outcome.attempts == 2
    assert outage.times == 0
    assert calls.counts["Commit"] == 1
    assert len(writer.dead_letters()) == (change == "refusal")


def test_rebuild_whose_commit_is_not_answered_is_not_repeated(
    connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([GroupView.definition()], retry=quick)
    writer.write("groups/g", {"title": "here"})
    calls = Calls()
    database = connect(calls, Outage("Commit", 1, applied=True))

    outcome = engine.rebuild(database, "GroupView", "groups/g")

    assert outcome.result is Result.UNCHANGED
    assert calls.counts["Commit"] == 1
    assert writer.content("groupViews/g") == group_view(title="here")


@pytest.mark.parametrize("call", ["RunQuery", "BatchGetDocuments", "Commit"])
def test_outage_within_the_policy_is_survived(
    call: str, connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([GroupView.definition()], retry=quick)
    change = writer.write("groups/g", {"title": "here"})

    [outcome] = engine.handle(connect(Outage(call, 2)), change)

    assert outcome.result is Result.COMMITTED
    assert writer.content("groupViews/g") == group_view(title="here")


@pytest.mark.parametrize("call", ["RunQuery", "BatchGetDocuments", "Commit"])
def test_outage_past_the_policy_raises_and_commits_nothing(
    call: str, connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([GroupView.definition()], retry=quick)
    change = writer.write("groups/g", {"title": "here"})
    outage = Outage(call, 99)

    with pytest.raises(RetriesExhausted):
        engine.handle(connect(outage), change)

    assert outage.times == 99 - quick.attempts
    assert writer.content("groupViews/g") is None
    assert writer.collection("onto_ledger") == {}
    assert writer.dead_letters() == {}


def test_source_that_changes_in_every_attempt_ends_the_attempts(
    interleaved: Interleaved, writer: Writer, quick: RetryPolicy
) -> None:
    """Nothing is committed, and the redelivered event makes it good."""
    engine = Engine([GroupView.definition()], retry=quick)
    writer.write("people/a", ANN)
    created = writer.write("groups/g", {"members": people("a")})
    for number in range(quick.attempts):
        interleaved.once(Point.READ, lambda: None)  # the root; then the members
        interleaved.once(Point.READ, lambda n=number: writer.write("people/a", {"name": str(n)}))

    with pytest.raises(RetriesExhausted, match="Contention"):
        engine.handle(interleaved, created)

    assert interleaved.commits == []
    engine.handle(interleaved, created)
    assert writer.content("groupViews/g") == group_view("2")


def test_view_that_cannot_commit_does_not_hold_up_the_others(
    connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([AddressView.definition(), TeamView.definition()], retry=quick)
    engine.handle(writer.database, writer.write("teams/t", {}))
    change = writer.write("people/a", ANN)

    with pytest.raises(RetriesExhausted, match="AddressView") as raised:
        engine.handle(connect(Outage("Commit", 1000, about="AddressView~")), change)
    assert "TeamView" not in str(raised.value)

    assert writer.content("teamViews/t") == {"names": ["Ann"]}
    assert_redelivery_makes_good(engine, writer.database, change)


def assert_redelivery_makes_good(engine: Engine, database: Database, change: Change) -> None:
    results = {o.definition: o.result for o in engine.handle(database, change)}
    # Ann has no home, which AddressView requires.
    assert results == {"AddressView": Result.DEAD_LETTER, "TeamView": Result.COVERED}


def test_observer_that_raises_does_not_hold_up_the_other_views(
    interleaved: Interleaved, writer: Writer
) -> None:
    """Else no redelivery would ever get past it."""

    class Failing(Observer):
        def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
            raise ZeroDivisionError("no metrics")

    quiet = Engine([GroupView.definition(), TeamView.definition()])
    quiet.handle(writer.database, writer.write("groups/g", {"members": people("a")}))
    quiet.handle(writer.database, writer.write("teams/t", {}))
    engine = Engine([GroupView.definition(), TeamView.definition()], observers=[Failing()])
    change = writer.write("people/a", ANN)

    with contextlib.suppress(ZeroDivisionError):
        engine.handle(interleaved, change)

    assert writer.content("groupViews/g") == group_view("Ann")
    assert writer.content("teamViews/t") == {"names": ["Ann"]}
