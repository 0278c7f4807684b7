"""What operators do: replay dead letters, reconcile after a pause, drop a view."""

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator_tests.kit.calls import Outage
from emulator_tests.kit.domain import AddressView, BoardView, GroupView, people
from emulator_tests.kit.polls import numbers, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import App, DocumentSink, DomainModel, Mediator, RetryPolicy, Store, ViewMediator
from onto_fn.aggregates import count, total
from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.engine.targets.target import Item
from onto_fn.errors import BuildError, RetriesExhausted
from onto_fn.firestore import Reference
from onto_fn.observability import Change, Outcome, Result
from onto_fn.views import BuiltDocuments, Transition

PERSON, TOWN, GROUP = "people/ada", "towns/t", "groups/g"


class ErrandModel(DomainModel, collection="errands"):
    to: str


class Errand(Mediator):
    """A task that always fails."""

    source = ErrandModel
    sink = DocumentSink("done/{id}")
    mode = "task"

    def on_create(self, source: ErrandModel) -> Iterator[Any]:
        raise ValueError(f"there is no {source.to}")


@pytest.fixture
def engine() -> Engine:
    return Engine(view.definition() for view in (AddressView, GroupView, BoardView))


def letter_ids(engine: Engine, database: Database) -> list[str]:
    return [letter.path.rpartition("/")[2] for letter in engine.letters(database)]


# Replay


def test_replay_after_the_source_is_mended_resolves_the_letter_exactly_once(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, writer.write(PERSON, {"name": "Ada", "home": Reference(TOWN)}))
    [letter] = letter_ids(engine, database)
    writer.write(TOWN, {"name": "Turin"})  # and its event is not delivered

    outcomes = in_threads(4, lambda _: engine.replay(database, letter), range(4))

    results = [outcome.result for outcome in outcomes if outcome is not None]
    assert results.count(Result.COMMITTED) == 1
    assert set(results) <= {Result.COMMITTED, Result.UNCHANGED}
    assert writer.content("addresses/ada") == {"address": {"name": "Ada", "town": "Turin"}}
    assert writer.dead_letters() == {}


def test_replay_of_what_is_not_mended_says_so_and_keeps_the_letter(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, writer.write(PERSON, {"name": "Ada", "home": Reference(TOWN)}))
    [letter] = letter_ids(engine, database)

    outcome = engine.replay(database, letter)

    assert outcome is not None
    assert outcome.result is Result.DEAD_LETTER
    assert "towns/t does not exist" in outcome.error
    assert letter_ids(engine, database) == [letter]


def test_replay_of_a_letter_that_is_gone_does_nothing(engine: Engine, database: Database) -> None:
    assert engine.replay(database, "AddressView~people%2Fnobody") is None


# Faults of the platform, and the age limit


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    quick = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.001)
    return App([ViewMediator(GroupView)], retry=quick, max_event_age=timedelta(hours=1))


def test_a_fault_of_the_platform_is_raised_so_that_the_event_is_redelivered(
    app: App, writer: Writer, connect: Any
) -> None:
    created = writer.write(GROUP, {"title": "g"})
    broken = connect(Outage("RunQuery", times=100))

    with pytest.raises(RetriesExhausted):
        app.handle_change(broken, created, datetime.now(UTC))

    assert writer.dead_letters() == {}


def test_an_event_above_the_age_limit_becomes_a_dead_letter_that_can_be_replayed(
    app: App, writer: Writer, connect: Any, database: Database
) -> None:
    created = writer.write(GROUP, {"title": "g"})
    broken = connect(Outage("RunQuery", times=100))

    outcomes = app.handle_change(broken, created, datetime.now(UTC) - timedelta(hours=2))

    [letter] = letter_ids(app.engine, database)
    content = writer.content(f"onto_dead_letters/{letter}")
    assert outcomes == []
    assert content is not None
    assert content["event"]["document"] == GROUP
    assert content["error"]["kind"] == "RetriesExhausted"

    assert app.replay(letter, database) is None
    assert writer.content("groupViews/g") == {"title": "g", "names": [], "towns": []}
    assert writer.dead_letters() == {}


# Reconcile


def test_reconcile_rebuilds_what_changed_unseen_and_nothing_else(
    engine: Engine, database: Database, writer: Writer
) -> None:
    for change in writer.write_all(
        {
            "people/ada": {"name": "Ada"},
            "people/bob": {"name": "Bob"},
            "groups/one": {"members": people("ada")},
            "groups/two": {"members": people("bob")},
        }
    ):
        engine.handle(database, change)
    writer.delete("people/ada")  # nobody hears of it

    count = engine.reconcile(database)

    assert count == 3  # the two views of groups/one, and the person's own address
    assert writer.content("groupViews/one") == {"title": "", "names": [], "towns": []}
    assert engine.reconcile(database) == 0


def test_reconcile_goes_on_after_a_root_that_cannot_be_committed(
    engine: Engine, database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for group in "abc":
        engine.handle(database, writer.write(f"groups/{group}", {"title": "old"}))
        writer.write(f"groups/{group}", {"title": "new"})  # nobody hears of it
    target = engine.targets["GroupView"]
    one = target.one

    def failing(
        database: Database, item: Item, change: Change | None, policy: RetryPolicy
    ) -> Outcome:
        if item[0] == "groups/b":
            raise RetriesExhausted("groups/b is in the way")
        return one(database, item, change, policy)

    monkeypatch.setattr(target, "one", failing)
    with pytest.raises(RetriesExhausted, match="groups/b is in the way"):
        engine.reconcile(database)

    titles = [(writer.content(f"groupViews/{group}") or {})["title"] for group in "abc"]
    assert titles == ["new", "old", "new"]


def test_reconcile_builds_what_failed_before_its_code_was_mended(
    engine: Engine, database: Database, writer: Writer
) -> None:
    def broken(store: Store, transition: Transition) -> BuiltDocuments:
        raise BuildError("not yet")

    definition = replace(GroupView.definition(), build=broken)
    Engine([definition]).handle(database, writer.write(GROUP, {"title": "g"}))

    count = engine.reconcile(database)

    assert count == 1
    assert writer.content("groupViews/g") == {"title": "g", "names": [], "towns": []}
    assert writer.dead_letters() == {}
    assert engine.reconcile(database) == 0


def test_reconcile_takes_out_of_an_aggregate_what_was_deleted_unseen(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(total=count())
    for voter in range(3):
        engine.handle(database, vote(writer, voter))
    withdrawn(writer, 1)  # nobody hears of it

    counted = engine.reconcile(database)

    assert counted == 1
    assert numbers(engine, database, writer) == {"total": 2}


# Drop


def test_drop_deletes_all_of_one_view_and_leaves_the_others(
    engine: Engine, database: Database, writer: Writer
) -> None:
    for index in range(3):
        writer.write(f"people/p{index}", {"name": f"P{index}"})
        engine.handle(database, writer.write(f"groups/{index}", {"members": people("p0", "p1")}))

    count = engine.drop(database, "BoardView")

    assert count == 3
    assert writer.content("people/p0/boards/0") is None
    assert writer.content("groupViews/0") is not None
    definitions = {r["definition"] for r in writer.collection(LEDGER_COLLECTION).values() if r}
    assert definitions == {"GroupView"}
    assert engine.drop(database, "BoardView") == 0


def test_an_event_of_unknown_payload_is_replayed_from_the_sources(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write(GROUP, {"title": "g"})

    engine.handle(database, Change(GROUP, None, None, "e"))

    assert writer.content("groupViews/g") == {"title": "g", "names": [], "towns": []}


def test_changes_without_an_event_id_that_are_given_up_have_a_letter_each(
    app: App, writer: Writer, connect: Any
) -> None:
    broken = connect(Outage("RunQuery", times=100))
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    written = writer.write_all({"groups/a": {"title": "x"}, "groups/b": {"title": "x"}})

    for change in [*written, *written]:
        heard = Change(change.path, change.before, change.after)  # as a listener hears of it
        app.handle_change(broken, heard, long_ago)

    letters = [letter["event"]["document"] for letter in writer.dead_letters().values() if letter]
    assert sorted(letters) == ["groups/a", "groups/b"]


def test_drop_deletes_the_letters_of_a_task(database: Database, writer: Writer) -> None:
    engine = Engine([Errand().definition()])
    engine.handle(database, writer.write("errands/e", {"to": "nowhere"}))
    assert len(writer.dead_letters()) == 1

    Engine([]).drop(database, "Errand")

    assert writer.dead_letters() == {}


def test_drop_deletes_all_of_an_aggregate_and_leaves_the_others(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(total=count(), sum=total("weight"))
    for voter, weight in enumerate((1, 2, 3, math.inf)):
        engine.handle(database, vote(writer, voter, weight=weight))
    other = poll_engine(name="others", total=count())
    other.handle(database, vote(writer, 0))
    assert len(writer.dead_letters()) == 1

    dropped = Engine([]).drop(database, "votes")

    assert dropped == 4
    assert writer.dead_letters() == {}
    assert [r["aggregate"] for r in writer.collection(CONTRIBUTIONS).values() if r] == ["others"]
    groups = {path.partition("~")[0] for path in database.paths(AGGREGATES)}
    assert groups == {"onto_aggregates/others"}
    assert numbers(other, database, writer) == {"total": 1}
