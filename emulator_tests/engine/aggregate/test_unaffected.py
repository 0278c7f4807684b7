"""Events that change nothing that an aggregate counts are done after one look, and lose nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import computed_field

from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.polls import POLL, assert_exact, numbers, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DomainModel
from onto_fn.aggregates import average, count, maximum, minimum, total
from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.status import status_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.engine.targets import switch
from onto_fn.firestore import Document
from onto_fn.observability import Change, Outcome, Result
from onto_fn.testing.billing import Billing

WEIGHED = {"number": count(), "weight": total("weight")}
PATH = f"{POLL}/votes/1"


def record_of(engine: Engine, writer: Writer, path: str = PATH) -> Mapping[str, Any] | None:
    return writer.content(engine.aggregates["votes"].contribution_path(path))


@pytest.fixture
def billing() -> Billing:
    return Billing()


@pytest.fixture
def billed(connect: Callable[..., Any], billing: Billing) -> Database:
    """A database of which the calls, reads and writes are counted."""
    return connect(billing)


@pytest.fixture
def engine() -> Engine:
    return poll_engine(**WEIGHED)


def is_skipped(engine: Engine, database: Database, billing: Billing, change: Change) -> bool:
    """Handles an event; whether nothing was read but the register and the record."""
    billing.counts.clear()
    [outcome] = engine.handle(database, change)
    is_cheap = +billing.counts == {"calls": 1, "reads": 2}
    assert is_cheap is (outcome == Outcome("votes", change.path, Result.COVERED))
    return is_cheap


# What is skipped


def test_a_field_that_is_not_counted_takes_one_call_two_reads_and_no_write(
    engine: Engine, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine.handle(billed, vote(writer, 1, weight=5))
    record = record_of(engine, writer)

    skipped = [
        is_skipped(engine, billed, billing, vote(writer, 1, weight=5, **more))
        for more in ({"option": "a"}, {"option": "b"}, {"option": "b", "note": "new"}, {})
    ]

    assert skipped == [True] * 4
    assert record_of(engine, writer) == record


@pytest.mark.parametrize(
    "measures",
    [
        {"number": count()},
        {"by": count(by="option"), "mean": average("weight", by="option")},
        {"least": minimum("height"), "most": maximum("height")},
    ],
    ids=["count", "keys", "extremes"],
)
def test_only_fields_that_are_measured_matter(
    measures: dict[str, Any],
    database: Database,
    billed: Database,
    billing: Billing,
    writer: Writer,
) -> None:
    engine = poll_engine(shards=5, **measures)
    measured = {
        field for m in engine.aggregates["votes"].measures.values() for field in (m.field, m.by)
    }
    first = {"option": "a", "weight": 1.0, "height": 1, "note": "x"}
    other = {"option": "b", "weight": 2.5, "height": 2, "note": "y"}
    for name in first:
        engine.handle(billed, vote(writer, 1, **first))

        skipped = is_skipped(
            engine, billed, billing, vote(writer, 1, **{**first, name: other[name]})
        )

        assert skipped is (name not in measured), name
        assert_exact(engine, database)


def test_a_field_that_is_filtered_by_matters(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = poll_engine(number=count(), where={"option": "a"})
    for option, height in (("a", 1), ("b", 1), ("b", 2), ("a", 2), ("a", 3)):
        change = vote(writer, 1, option=option, height=height)
        before = (change.before and change.before.fields) or {}
        is_same = before.get("option") == option
        assert is_skipped(engine, billed, billing, change) is is_same
        assert numbers(engine, billed, writer) == {"number": int(option == "a")}


class Labelled(DomainModel, collection="countedPolls/{poll}/votes"):
    first: int = 0
    second: int = 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def weight(self) -> int:
        return self.first * 10


def test_what_a_computed_field_is_made_of_matters(
    database: Database, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = poll_engine(model=Labelled, **WEIGHED)
    engine.handle(billed, vote(writer, 1, first=1))

    of_another = is_skipped(engine, billed, billing, vote(writer, 1, first=1, second=7))
    of_its_own = is_skipped(engine, billed, billing, vote(writer, 1, first=2, second=7))

    assert (of_another, of_its_own) == (True, False)
    assert numbers(engine, database, writer) == {"number": 1, "weight": 20}


def test_an_event_that_is_affected_takes_no_look_before_it_is_counted(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = poll_engine(model=Labelled, **WEIGHED)
    for first in (1, 2):
        change = vote(writer, 1, first=first)
        billing.counts.clear()
        engine.handle(billed, change)

    assert +billing.counts == {"calls": 2, "reads": 4, "writes": 2}


class Anything(DomainModel, collection="countedPolls/{poll}/votes"):
    height: Any = None


def test_a_value_that_is_equal_and_stored_otherwise_matters(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = poll_engine(model=Anything, most=maximum("height"))
    engine.handle(billed, vote(writer, 1, height=1))

    skipped = is_skipped(engine, billed, billing, vote(writer, 1, height=1.0))

    record = record_of(engine, writer)
    assert not skipped
    assert record is not None
    assert isinstance(record["extremes"]["most"], float)


# What is not skipped


def test_events_without_the_content_before_and_after_are_counted(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, vote(writer, 1, weight=5))
    change = vote(writer, 1, weight=5, option="a")
    assert change.after is not None
    versions = [
        Document(PATH, {}, found.update_time) for found in (change.before, change.after) if found
    ]

    for known in (
        Change(PATH, None, change.after),
        Change(PATH, change.before, None),
        Change(PATH, *versions, versions_only=True),
    ):
        vote(writer, 1, weight=5, option=str(id(known)))
        assert engine.handle(database, known)[0].result is Result.COMMITTED


def test_a_document_that_was_never_counted_is_counted_by_its_next_event(
    engine: Engine, database: Database, writer: Writer
) -> None:
    """Its creation is from before the aggregate was deployed."""
    vote(writer, 1, weight=5)

    [outcome] = engine.handle(database, vote(writer, 1, weight=5, option="a"))

    assert outcome.result is Result.COMMITTED
    assert numbers(engine, database, writer) == {"number": 1, "weight": 5}


class Strict(DomainModel, collection="countedPolls/{poll}/votes"):
    weight: int = 0
    note: int = 0


class Lenient(DomainModel, collection="countedPolls/{poll}/votes"):
    weight: int = 0
    note: Any = 0


def test_a_document_that_other_code_refused_is_counted_by_its_next_event(
    database: Database, writer: Writer
) -> None:
    """Before the change it was as valid, for the code as it is now."""
    strict, lenient = (poll_engine(model=model, **WEIGHED) for model in (Strict, Lenient))
    [refused] = strict.handle(database, vote(writer, 1, weight=5, note="text"))

    [counted] = lenient.handle(database, vote(writer, 1, weight=5, note="text", height=1))

    assert (refused.result, counted.result) == (Result.DEAD_LETTER, Result.COMMITTED)
    assert writer.dead_letters() == {}
    assert numbers(lenient, database, writer) == {"number": 1, "weight": 5}


def test_a_document_that_other_code_counted_is_counted_by_its_next_event(
    database: Database, writer: Writer
) -> None:
    """Its contribution may be the same, but only now is that known."""
    before, now = (poll_engine(model=model, **WEIGHED) for model in (Strict, Lenient))
    before.handle(database, vote(writer, 1, weight=5))

    [outcome] = now.handle(database, vote(writer, 1, weight=5, option="a"))

    assert outcome.result is Result.COMMITTED
    assert status_of(database, now.targets["votes"], now.retry).stale == 0


def test_a_document_that_is_invalid_before_or_after_is_not_skipped(
    engine: Engine, database: Database, writer: Writer
) -> None:
    outcomes = [
        engine.handle(database, vote(writer, 1, weight=weight, option=str(place)))[0].result
        for place, weight in enumerate([5, "heavy", "heavy", 5])
    ]

    assert outcomes == [
        Result.COMMITTED,
        Result.DEAD_LETTER,
        Result.DEAD_LETTER,
        Result.COMMITTED,
    ]
    assert writer.dead_letters() == {}


def test_a_letter_is_resolved_by_a_replay_after_a_skipped_event(
    engine: Engine, database: Database, writer: Writer
) -> None:
    """The event that fixes the document is late; a later one is of the fixed document."""
    engine.handle(database, vote(writer, 1, weight=5))
    bad = vote(writer, 1, weight="heavy")
    engine.handle(database, bad)
    fixed, later = vote(writer, 1, weight=7), vote(writer, 1, weight=7, option="a")

    outcomes = [engine.handle(database, change)[0].result for change in (later, fixed, bad)]

    assert outcomes == [Result.COMMITTED, Result.COVERED, Result.COVERED]
    assert numbers(engine, database, writer) == {"number": 1, "weight": 7}
    assert writer.dead_letters() == {}


# Hazards


def test_a_deletion_and_a_new_document_after_a_skipped_version_count_right(
    engine: Engine, database: Database, writer: Writer
) -> None:
    shown: list[Any] = []
    changes = [vote(writer, 1, weight=5), vote(writer, 1, weight=5, option="a")]
    changes += [withdrawn(writer, 1)]
    for change in changes:
        engine.handle(database, change)
    shown.append(numbers(engine, database, writer))
    changes += [vote(writer, 1, weight=5, option="b"), vote(writer, 1, weight=5)]

    for change in [*changes[3:], *reversed(changes)]:
        engine.handle(database, change)

    shown.append(numbers(engine, database, writer))
    assert shown == [{"number": 0, "weight": 0}, {"number": 1, "weight": 5}]
    assert_exact(engine, database)


def test_a_version_that_is_skipped_during_the_first_count_makes_it_count_again(
    engine: Engine, interleaved: Interleaved, database: Database, writer: Writer
) -> None:
    created = vote(writer, 1, weight=5)
    skipped: list[Result] = []

    def change_and_deliver() -> None:
        change = vote(writer, 1, weight=5, option="a")
        skipped.append(engine.handle(database, change)[0].result)

    engine.handle(database, vote(writer, 0))
    interleaved.once(Point.LOCKED, change_and_deliver)
    engine.handle(interleaved, created)

    assert skipped == [Result.COMMITTED]  # there is no record yet
    assert numbers(engine, database, writer) == {"number": 2, "weight": 5}
    assert_exact(engine, database)


@pytest.mark.parametrize(
    ("model", "field", "factor"), [(None, "weight", 1), (Labelled, "first", 10)]
)
def test_a_count_in_flight_of_an_older_version_fails_after_a_change_back(
    model: type[DomainModel] | None,
    field: str,
    factor: int,
    interleaved: Interleaved,
    database: Database,
    writer: Writer,
) -> None:
    """It has read a contribution that is taken back meanwhile, and then a version is skipped."""
    engine = poll_engine(**WEIGHED) if model is None else poll_engine(model=model, **WEIGHED)
    engine.handle(database, vote(writer, 1, **{field: 5}))
    changed = vote(writer, 1, **{field: 9})

    def change_back_and_deliver() -> None:
        for change in (vote(writer, 1, **{field: 5}), vote(writer, 1, **{field: 5}, note="x")):
            engine.handle(database, change)

    interleaved.once(Point.COMMITTING, change_back_and_deliver)
    engine.handle(interleaved, changed)

    assert numbers(engine, database, writer) == {"number": 1, "weight": 5 * factor}
    assert_exact(engine, database)


# Generations


def backfill(engine: Engine, database: Database) -> Any:
    return Backfill(engine, database, targets_of(engine, ["votes"]), page=2, workers=1).run()


def of_two_deployments() -> tuple[Engine, Engine]:
    return poll_engine(number=count()), poll_engine(**WEIGHED)


def test_a_field_that_another_deployment_measures_matters(
    database: Database, billed: Database, billing: Billing, writer: Writer
) -> None:
    old, new = of_two_deployments()
    old.handle(database, vote(writer, 1, weight=5))
    before = is_skipped(old, billed, billing, vote(writer, 1, weight=6))
    backfill(new, database)

    after = is_skipped(old, billed, billing, vote(writer, 1, weight=7))

    assert (before, after) == (True, False)
    assert numbers(new, database, writer) == {"number": 1, "weight": 7}


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("point", [Point.LOCKED, Point.COMMITTING])
def test_a_version_that_comes_during_a_backfill_is_counted_by_the_new_definition(
    point: Point,
    place: int,
    interleaved: Interleaved,
    database: Database,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The old deployment does not measure it, and the backfill has read the version before it."""
    # After the switch, this counts every document once more: here it is killed before.
    monkeypatch.setattr(switch, "_delete_retired", lambda *_: None)
    old, new = of_two_deployments()
    for voter in range(3):
        old.handle(database, vote(writer, voter, weight=1))
        old.handle(database, vote(writer, voter, weight=2))

    def change_and_deliver() -> None:
        old.handle(database, vote(writer, 0, weight=10))

    for _ in range(place):  # when the generation has begun, or some documents are counted
        interleaved.once(point, lambda: None)
    interleaved.once(point, change_and_deliver)
    backfill(new, interleaved)

    assert numbers(new, database, writer) == {"number": 3, "weight": 14}


# What looks at versions


@pytest.fixture
def lagging(engine: Engine, database: Database, writer: Writer) -> Engine:
    """An engine of which the record names an earlier version than there is."""
    engine.handle(database, vote(writer, 1, weight=5))
    [outcome] = engine.handle(database, vote(writer, 1, weight=5, option="a"))
    record = record_of(engine, writer)
    assert outcome.result is Result.COVERED
    assert record is not None
    assert record["version"] != database.get([PATH])[0][PATH].update_time
    return engine


def test_a_skipped_version_is_no_difference_and_nothing_that_is_late(
    lagging: Engine, database: Database
) -> None:
    status = status_of(database, lagging.targets["votes"], lagging.retry, scan=True)

    assert_exact(lagging, database)
    assert status.oldest is None
    assert status.stale == 0


def test_a_skipped_version_is_not_counted_again_by_reconcile_or_a_backfill(
    lagging: Engine, database: Database, writer: Writer
) -> None:
    record = record_of(lagging, writer)

    reconciled = lagging.reconcile(database)
    report = backfill(lagging, database)
    replayed = lagging.rebuild(database, "votes", PATH)

    assert reconciled == 0
    assert report.counts.committed == 0
    assert replayed.result is Result.COVERED
    assert record_of(lagging, writer) == record


def test_a_missed_change_is_still_found_after_a_skipped_version(
    lagging: Engine, database: Database, writer: Writer
) -> None:
    vote(writer, 1, weight=6)
    found: list[Any] = []
    work = Verification(
        lagging, database, targets_of(lagging, ["votes"]), settle=0, report=found.append
    )
    work.run()
    status = status_of(database, lagging.targets["votes"], lagging.retry, scan=True)

    reconciled = lagging.reconcile(database)

    assert [(it.detail, it.fields) for it in found] == [
        ("another version of the source is counted", ("amounts",))
    ]
    assert status.oldest is not None
    assert reconciled == 1
    assert numbers(lagging, database, writer) == {"number": 1, "weight": 6}
    assert_exact(lagging, database)


# Everything at once


@pytest.mark.parametrize("seed", range(3))
def test_changes_of_what_is_and_is_not_counted_in_any_order_count_right(
    seed: int, database: Database, writer: Writer
) -> None:
    generator = random.Random(seed)
    measures = {"most": maximum("height"), "least": minimum("height"), "by": count(by="option")}
    engine = poll_engine(shards=4, number=count(), weight=total("weight"), **measures)
    cast: dict[int, dict[str, Any]] = {}
    changes: list[Change] = []
    for _ in range(120):
        voter = generator.randrange(8)
        if voter in cast and generator.random() < 0.15:
            del cast[voter]
            changes.append(withdrawn(writer, voter))
            continue
        was = cast.get(voter, {"option": "a", "weight": 1, "height": 1, "note": 0})
        name = generator.choice(["option", "weight", "height", "note", "note", "note"])
        value = generator.choice("ab") if name == "option" else generator.randrange(3)
        cast[voter] = {**was, name: value}
        changes.append(vote(writer, voter, **cast[voter]))
    deliveries = [change for change in changes for _ in range(generator.randint(1, 3))]
    generator.shuffle(deliveries)

    in_threads(6, lambda change: engine.handle(database, change), deliveries)

    heights = [fields["height"] for fields in cast.values()]
    options = [fields["option"] for fields in cast.values()]
    assert numbers(engine, database, writer) == {
        "number": len(cast),
        "weight": sum(fields["weight"] for fields in cast.values()),
        "most": max(heights, default=None),
        "least": min(heights, default=None),
        "by": {option: options.count(option) for option in sorted(set(options))},
    }
    assert_exact(engine, database)
    assert len(writer.collection(CONTRIBUTIONS)) == len(cast)
    assert "votes" in {path.rpartition("/")[2] for path in database.paths(AGGREGATES)}
