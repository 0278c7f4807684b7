"""A changed aggregate: the old numbers are shown, and right, until the new ones are complete."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.polls import POLL, RESULTS, numbers, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn.aggregates import average, count, maximum, minimum, total
from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.aggregate import count as counting
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.operate.backfill import Backfill, Report, targets_of
from onto_fn.engine.operate.status import status_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, Query, Write
from onto_fn.observability import Change, Result

VOTERS = 5


def before() -> Engine:
    return poll_engine(number=count())


def after() -> Engine:
    return poll_engine(number=count(), weight=total("weight"))


def counted(engine: Engine, database: Database, writer: Writer, voters: int = VOTERS) -> None:
    """Votes of weight 1 to `voters`, counted by a deployment."""
    for voter in range(voters):
        engine.handle(database, vote(writer, voter, option="a", weight=voter + 1))


def backfill(engine: Engine, database: Database, **options: Any) -> Report:
    work = Backfill(engine, database, targets_of(engine, ["votes"]), page=2, workers=1, **options)
    return work.run()


def stopped(engine: Engine, database: Database) -> Report:
    """A backfill that is stopped after its first page."""
    stop = Event()
    work = Backfill(engine, database, targets_of(engine, ["votes"]), page=2, workers=1)
    return work.run(lambda _: stop.set(), stop)


def shards(database: Database) -> list[Document]:
    """All shards of all groups."""
    return [
        shard
        for group in database.paths(AGGREGATES)
        if "~" in group
        for page in database.pages(Query(f"{group}/shards"))
        for shard in page
    ]


def assert_clean(database: Database, writer: Writer, voters: int) -> None:
    """Nothing of an earlier definition is left."""
    contributions = writer.collection(CONTRIBUTIONS)
    assert len(contributions) == voters
    assert all("others" not in (record or {}) for record in contributions.values())
    assert len(shards(database)) == 1
    assert (writer.content(f"{AGGREGATES}/votes") or {})["retired"] == []
    assert len((writer.content(f"{AGGREGATES}/votes") or {})["generations"]) == 1


def test_the_old_numbers_are_shown_until_the_new_ones_are_complete(
    database: Database, writer: Writer
) -> None:
    old, new = before(), after()
    counted(old, database, writer)

    deployed = numbers(new, database, writer)
    new.handle(database, vote(writer, 5, weight=6))
    with_event = numbers(new, database, writer)
    stopped(new, database)
    half_way = numbers(new, database, writer)
    new.handle(database, withdrawn(writer, 0))
    old.handle(database, vote(writer, 6, weight=7))
    with_more_events = numbers(new, database, writer)
    report = backfill(new, database)

    assert deployed == {"number": 5, "weight": 0}
    assert with_event == half_way == with_more_events == {"number": 6, "weight": 0}
    assert report.resumed
    assert report.not_shown == ()
    assert numbers(new, database, writer) == {"number": 6, "weight": 27}
    assert_clean(database, writer, 6)


def test_the_old_deployment_counts_by_the_new_definition_as_well(
    database: Database, writer: Writer
) -> None:
    old, new = before(), after()
    counted(old, database, writer)
    backfill(new, database)

    old.handle(database, vote(writer, 7, weight=10))
    old.handle(database, vote(writer, 0, weight=100))
    old.handle(database, withdrawn(writer, 1))

    assert numbers(new, database, writer) == {"number": 5, "weight": 3 + 4 + 5 + 10 + 100}
    assert numbers(old, database, writer) == {"number": 5}


def test_the_switch_rebuilds_each_view_once(
    interleaved: Interleaved, database: Database, writer: Writer
) -> None:
    old, new = before(), after()
    counted(old, database, writer)
    numbers(new, database, writer)
    paths = [shard.path for shard in shards(database)]
    backfill(new, database)
    pointer = f"{AGGREGATES}/votes/shards/current"
    events = [Change(path, None, None, path) for path in [pointer, *paths, pointer]]

    outcomes = [outcome for event in events for outcome in new.handle(interleaved, event)]

    results = [outcome.result for outcome in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert writer.content(RESULTS) == {"numbers": {"number": 5, "weight": 15}}
    assert len(interleaved.history(RESULTS)) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["switch first", "deletion first"])
def test_a_view_that_remembers_its_sources_shows_the_new_numbers_after_the_switch(
    order: tuple[int, int], database: Database, writer: Writer
) -> None:
    old = poll_engine(number=count(), consistency="eventual")
    new = poll_engine(number=count(), weight=total("weight"), consistency="eventual")
    counted(old, database, writer)
    numbers(old, database, writer)
    pointer = f"{AGGREGATES}/votes/shards/current"
    old_shard = shards(database)[0]
    was = database.get([pointer])[0][pointer]
    backfill(new, database)
    events = [
        Change(pointer, was, database.get([pointer])[0][pointer], "switch"),
        Change(old_shard.path, old_shard, Document(old_shard.path, None, None), "deletion"),
    ]

    for place in order:
        new.handle(database, events[place])
    new.handle(database, vote(writer, 9, weight=10))
    [shard] = shards(database)
    new.handle(database, Change(shard.path, None, shard, "shard"))

    assert writer.content(RESULTS) == {"numbers": {"number": 6, "weight": 25}}
    assert writer.dead_letters() == {}


class Died(BaseException):
    """The process ends here."""


class Dying(Database):
    """A database on which the process dies at one of its commits, before or after it is applied."""

    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.left = -1
        self.applied = False

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        self.left -= 1
        if self.left == 0 and not self.applied:
            raise Died
        time = super().write(writes, transaction)
        if self.left == 0:
            raise Died
        return time


@pytest.mark.parametrize("applied", [False, True], ids=["before the commit", "after it"])
def test_killed_at_any_commit_a_backfill_goes_on_to_the_right_numbers(
    applied: bool, connect: Callable[..., Any], writer: Writer
) -> None:
    old, new = before(), after()
    dying = connect(kind=Dying)
    counted(old, writer.database, writer)
    deaths = 0
    while True:
        dying.left, dying.applied = 1 + deaths % 7, applied
        try:
            backfill(new, dying)
        except Died:
            deaths += 1
            shown = numbers(new, writer.database, writer)
            assert shown in ({"number": 5, "weight": 0}, {"number": 5, "weight": 15})
            assert deaths < 60
        else:
            break

    assert deaths > 5
    assert numbers(new, writer.database, writer) == {"number": 5, "weight": 15}
    assert_clean(writer.database, writer, 5)


@pytest.mark.parametrize("voter", [0, 9], ids=["counted before", "new"])
def test_an_event_in_flight_during_the_whole_backfill_counts_for_the_new_definition(
    voter: int, interleaved: Interleaved, database: Database, writer: Writer
) -> None:
    """It has read what is counted, and commits only when all is over."""
    old, new = before(), after()
    counted(old, database, writer)
    numbers(old, database, writer)
    changed = vote(writer, voter, weight=100)
    interleaved.once(Point.LOCKED, lambda: backfill(new, database))

    old.handle(interleaved, changed)

    rest = 15 if voter else 14
    expected = {"number": 6 if voter else 5, "weight": rest + 100}
    assert numbers(new, database, writer) == expected
    assert_clean(database, writer, 6 if voter else 5)


def test_an_event_in_flight_during_the_switch_brings_nothing_old_back(
    interleaved: Interleaved, database: Database, writer: Writer
) -> None:
    """The document is new, and the backfill has passed its place already."""
    old, new = before(), after()
    counted(old, database, writer)
    stopped(new, database)
    created = writer.write(f"{POLL}/votes/+", {"weight": 100})  # before the first vote
    interleaved.once(Point.LOCKED, lambda: backfill(new, database))

    old.handle(interleaved, created)

    assert numbers(new, database, writer) == {"number": 6, "weight": 115}
    assert_clean(database, writer, 6)


def test_shards_that_are_deleted_stay_so_whatever_a_record_says(
    database: Database, writer: Writer
) -> None:
    new = after()
    counted(before(), database, writer)
    backfill(new, database)
    path = new.aggregates["votes"].contribution_path(f"{POLL}/votes/0")
    record = dict(writer.content(path) or {})
    left = {name: record[name] for name in ("groups", "amounts", "extremes", "shard")}
    gone = {**left, "generation": 0, "groups": ["votes~0123"]}
    writer.write(path, {**record, "others": [gone]})

    new.handle(database, vote(writer, 0, weight=11))

    assert numbers(new, database, writer) == {"number": 5, "weight": 25}
    assert_clean(database, writer, 5)


def test_a_backfill_that_runs_twice_changes_nothing(database: Database, writer: Writer) -> None:
    new = after()
    counted(before(), database, writer)
    backfill(new, database)
    stored = {shard.path: shard.update_time for shard in shards(database)}

    report = backfill(new, database)

    assert report.counts.committed == 0
    assert {shard.path: shard.update_time for shard in shards(database)} == stored
    assert numbers(new, database, writer) == {"number": 5, "weight": 15}


def test_a_second_change_before_the_first_is_through_switches_once_to_the_last(
    database: Database, writer: Writer
) -> None:
    first, second, third = before(), after(), poll_engine(mean=average("weight"), number=count())
    counted(first, database, writer)
    stopped(second, database)
    second.handle(database, vote(writer, 0, weight=11))
    stopped(third, database)
    half_way = numbers(third, database, writer)
    third.handle(database, vote(writer, 1, weight=12))

    backfill(third, database)

    assert half_way == {"mean": None, "number": 5}
    assert numbers(third, database, writer) == {"mean": (11 + 12 + 3 + 4 + 5) / 5, "number": 5}
    assert_clean(database, writer, 5)


def test_a_backfill_of_a_definition_that_another_has_replaced_does_not_show_it(
    database: Database, writer: Writer
) -> None:
    first, second, third = before(), after(), poll_engine(number=count(), mean=average("weight"))
    counted(first, database, writer)
    late = Backfill(second, database, targets_of(second, ["votes"]), page=2, workers=1)
    done: list[Report] = []

    def replace_it(_: object) -> None:
        if not done:
            done.append(backfill(third, database))

    report = late.run(replace_it)

    assert report.not_shown == ("votes",)
    assert numbers(third, database, writer) == {"number": 5, "mean": 3}
    assert_clean(database, writer, 5)


def test_going_back_to_the_old_definition_gives_up_what_was_begun(
    database: Database, writer: Writer
) -> None:
    old, new = before(), after()
    counted(old, database, writer)
    stopped(new, database)

    backfill(old, database)

    assert numbers(old, database, writer) == {"number": 5}
    assert_clean(database, writer, 5)


def test_going_back_after_the_switch_counts_the_old_definition_anew(
    database: Database, writer: Writer
) -> None:
    old, new = before(), after()
    counted(old, database, writer)
    backfill(new, database)
    old.handle(database, vote(writer, 5, weight=6))

    backfill(old, database)

    assert numbers(old, database, writer) == {"number": 6}
    assert_clean(database, writer, 6)


@pytest.mark.parametrize("seed", range(3))
def test_events_of_two_deployments_beside_a_backfill_count_once(
    seed: int, database: Database, writer: Writer
) -> None:
    generator = random.Random(seed)
    old = poll_engine(number=count(), most=maximum("weight"))
    new = poll_engine(sums=total("weight", by="option"), number=count(), most=maximum("height"))
    votes: dict[int, dict[str, Any]] = {}
    changes: list[Change] = []
    for _ in range(60):
        voter = generator.randrange(12)
        if voter in votes and generator.random() < 0.3:
            del votes[voter]
            changes.append(withdrawn(writer, voter))
        else:
            fields = {name: generator.randrange(1, 50) for name in ("weight", "height")}
            votes[voter] = {"option": generator.choice("ab"), **fields}
            changes.append(vote(writer, voter, **votes[voter]))
        if len(changes) == 20:
            in_threads(4, lambda change: old.handle(database, change), list(changes))
    deliveries = [(change, generator.choice((old, new))) for change in changes for _ in range(2)]
    generator.shuffle(deliveries)
    work: list[Callable[[], object]] = [
        (lambda change=change, engine=engine: engine.handle(database, change))
        for change, engine in deliveries
    ]
    work.insert(len(work) // 2, lambda: backfill(new, database))

    in_threads(4, lambda call: call(), work)

    found = numbers(new, database, writer)
    options = sorted({fields["option"] for fields in votes.values()})
    assert found == {
        "number": len(votes),
        "most": max((fields["height"] for fields in votes.values()), default=None),
        "sums": {
            option: sum(f["weight"] for f in votes.values() if f["option"] == option)
            for option in options
        },
    }
    backfill(new, database)  # what an event of an old register left is deleted
    assert_clean(database, writer, len(votes))
    ended = Verification(new, database, targets_of(new, ["votes"]), settle=0).run()
    assert ended.found == 0


def test_a_changed_extreme_shows_the_old_one_until_the_new_one_is_complete(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(most=maximum("weight"), number=count())
    new = poll_engine(most=maximum("height"), number=count())
    for voter in range(4):
        old.handle(database, vote(writer, voter, weight=voter + 1, height=10 - voter))
    stopped(new, database)
    new.handle(database, vote(writer, 9, weight=9, height=3))
    half_way = numbers(new, database, writer)
    new.handle(database, withdrawn(writer, 9))
    without = numbers(new, database, writer)

    backfill(new, database)

    assert half_way == {"most": 9, "number": 5}
    assert without == {"most": 4, "number": 4}
    assert numbers(new, database, writer) == {"most": 10, "number": 4}
    assert_clean(database, writer, 4)


def test_more_shards_take_effect_at_the_switch(database: Database, writer: Writer) -> None:
    old, new = poll_engine(number=count()), poll_engine(number=count(), shards=3)
    counted(old, database, writer)
    stopped(new, database)
    half_way = numbers(new, database, writer)

    backfill(new, database)

    assert half_way == numbers(new, database, writer) == {"number": 5}
    assert len(shards(database)) > 1


def test_a_filter_that_is_added_takes_effect_at_the_switch(
    database: Database, writer: Writer
) -> None:
    old, new = before(), poll_engine(number=count(), where={"option": "b"})
    counted(old, database, writer)
    new.handle(database, vote(writer, 0, option="b"))
    deployed = numbers(new, database, writer)

    backfill(new, database)

    assert deployed == {"number": 5}
    assert numbers(new, database, writer) == {"number": 1}
    assert_clean_groups(database)


def assert_clean_groups(database: Database) -> None:
    assert {path.count("~") for path in database.paths(AGGREGATES)} == {0, 2}


def test_where_the_old_numbers_cannot_be_asked_for_the_view_stays_as_it_is(
    database: Database, writer: Writer
) -> None:
    old, new = poll_engine(number=count(), where={"option": "a"}), before()
    counted(old, database, writer)
    numbers(old, database, writer)

    deployed = numbers(new, database, writer)
    letters = list(writer.dead_letters().values())
    backfill(new, database)
    new.handle(database, Change(f"{AGGREGATES}/votes/shards/current", None, None, "switch"))

    assert deployed == {"number": 5}
    [letter] = letters
    assert letter is not None
    assert "run `onto backfill votes`" in letter["error"]["message"]
    assert writer.content(RESULTS) == {"numbers": {"number": 5}}
    assert writer.dead_letters() == {}


def test_a_new_aggregate_shows_what_is_counted_so_far(database: Database, writer: Writer) -> None:
    engine = after()
    for voter in range(3):
        vote(writer, voter, weight=5)  # before the aggregate was deployed

    nothing = numbers(engine, database, writer)
    engine.handle(database, vote(writer, 3, weight=5))
    some = numbers(engine, database, writer)
    backfill(engine, database)

    assert nothing == {"number": 0, "weight": 0}
    assert some == {"number": 1, "weight": 5}
    assert numbers(engine, database, writer) == {"number": 4, "weight": 20}


@pytest.fixture
def switched(database: Database, writer: Writer) -> Engine:
    """An engine of which the definition has changed, and is shown."""
    new = poll_engine(number=count(), least=minimum("weight"))
    counted(before(), database, writer)
    backfill(new, database)
    numbers(new, database, writer)
    return new


def test_after_a_switch_an_event_takes_no_more_calls_than_before(
    switched: Engine, database: Database, writer: Writer, connect: Callable[..., Any]
) -> None:
    calls = Calls()
    counting = connect(calls)

    switched.handle(counting, vote(writer, 1, weight=1000))
    of_the_vote = dict(calls.counts)
    calls.clear()
    [outcome] = switched.handle(counting, Change(shards(database)[0].path, None, None, "shard"))

    assert of_the_vote == {"BatchGetDocuments": 1, "Commit": 1}
    assert outcome.result is Result.COMMITTED
    # The look-up, the read of everything, the minimum, the commit.
    assert dict(calls.counts) == {"RunQuery": 2, "BatchGetDocuments": 1, "Commit": 1}


def test_published_batches_count_for_the_new_definition_and_a_backfill_shows_it(
    database: Database, writer: Writer
) -> None:
    new = after()
    counted(before(), database, writer)
    batches: list[Batch] = []

    published = backfill(new, database, publish=batches.append)
    for batch in [*batches, *batches]:
        new.handle_batch(database, batch)
    waiting = numbers(new, database, writer)
    report = backfill(new, database)

    assert published.not_shown == ("votes",)
    assert waiting == {"number": 5, "weight": 0}
    assert report.counts.committed == 0
    assert numbers(new, database, writer) == {"number": 5, "weight": 15}
    assert_clean(database, writer, 5)


def test_dropping_an_aggregate_half_way_leaves_nothing(database: Database, writer: Writer) -> None:
    new = poll_engine(number=count(), most=maximum("weight"))
    counted(before(), database, writer)
    stopped(new, database)

    new.drop(database, "votes")

    assert writer.collection(CONTRIBUTIONS) == {}
    assert list(database.paths(AGGREGATES)) == []


def test_reconcile_counts_what_was_missed_half_way(database: Database, writer: Writer) -> None:
    new = after()
    counted(before(), database, writer)
    stopped(new, database)
    vote(writer, 0, weight=11)
    withdrawn(writer, 1)

    new.reconcile(database)
    backfill(new, database)

    assert numbers(new, database, writer) == {"number": 4, "weight": 11 + 3 + 4 + 5}


def test_status_tells_that_views_show_an_earlier_definition(
    database: Database, writer: Writer
) -> None:
    old, new = before(), after()
    counted(old, database, writer)

    deployed = status_of(database, new.targets["votes"], new.retry)
    backfill(new, database)
    switched = status_of(database, new.targets["votes"], new.retry)

    assert (deployed.stale, deployed.is_shown) == (5, False)
    assert (switched.stale, switched.is_shown) == (0, True)


def test_what_an_earlier_version_of_onto_fn_has_stored_goes_on_to_count(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(number=count(), weight=total("weight"))
    spec = engine.aggregates["votes"]
    group = spec.group(f"{POLL}/votes?")
    stored = vote(writer, 0, option="a", weight=2.0).after
    assert stored is not None
    writer.write(
        spec.contribution_path(stored.path),
        {
            "aggregate": "votes",
            "definition": spec.identity,
            "source": stored.path,
            "version": stored.update_time,
            "groups": [group],
            "shard": 0,
            "amounts": [
                {"names": ["number"], "amount": 1},
                {"names": ["weight", "sum"], "amount": 2.0},
                {"names": ["weight", "count"], "amount": 1},
            ],
            "extremes": {},
        },
    )
    writer.write(
        f"{AGGREGATES}/{group}/shards/0",
        {"number": 1, "weight": {"sum": 2.0, "count": 1}, "onto_changes": 1},
    )

    as_stored = numbers(engine, database, writer)
    engine.handle(database, vote(writer, 0, weight=5.0))
    engine.handle(database, vote(writer, 1, weight=1.0))

    assert as_stored == {"number": 1, "weight": 2}
    assert numbers(engine, database, writer) == {"number": 2, "weight": 6}


def test_records_of_both_names_of_the_fingerprint_are_counted_as_current(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(number=count())
    votes = [vote(writer, number) for number in range(2)]
    for change in votes:
        engine.handle(database, change)
    path = engine.aggregates["votes"].contribution_path(votes[0].path)
    record = dict(writer.content(path) or {})
    former = record.pop("fingerprint")

    writer.write(path, {**record, "definition": former})
    as_before = status_of(database, engine.targets["votes"], engine.retry)
    writer.write(path, {**record, "definition": "of other code"})
    by_others = status_of(database, engine.targets["votes"], engine.retry)

    assert (as_before.built, as_before.stale) == (2, 0)
    assert (by_others.built, by_others.stale) == (2, 1)


def test_a_count_that_firestore_refuses_is_a_dead_letter_and_counts_as_nothing(
    database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = poll_engine(number=count())
    commit = counting.commit_counted

    def refusing(database: Database, found: Any, counted: Any, writes: list[Write]) -> None:
        if any(write.increments for write in writes):
            raise PermanentError("Firestore refuses the request")
        commit(database, found, counted, writes)

    monkeypatch.setattr(counting, "commit_counted", refusing)
    change = vote(writer, 0)
    refused = [o for o in engine.handle(database, change) if o.definition == "votes"]
    after_refusal = numbers(engine, database, writer)
    monkeypatch.undo()
    replayed = engine.rebuild(database, "votes", change.path)

    assert [outcome.result for outcome in refused] == [Result.DEAD_LETTER]
    assert after_refusal == {"number": 0}
    assert replayed.result is Result.COMMITTED
    assert numbers(engine, database, writer) == {"number": 1}
    assert writer.dead_letters() == {}
