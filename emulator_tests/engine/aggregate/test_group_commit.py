"""Events that wait for one aggregate in one process are counted together, each exactly once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from threading import Event, get_ident
from typing import Any

import pytest
from pydantic import field_validator

from emulator_tests.kit.calls import Calls, Outage
from emulator_tests.kit.polls import assert_exact, numbers, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DomainModel, RetryPolicy
from onto_fn.aggregates import count, maximum, total
from onto_fn.aggregates.spec import CONTRIBUTIONS
from onto_fn.attempts import Phase, Subject
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.aggregate import count as counting
from onto_fn.engine.aggregate import group_commit
from onto_fn.engine.aggregate.group_commit import _Queue
from onto_fn.engine.targets.kinds import AggregateTarget
from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, Write
from onto_fn.observability import Change, Observer, Outcome, Result

DEADLINE = 20.0
WEIGHED = {"number": count(), "weight": total("weight")}


@pytest.fixture(autouse=True)
def threads_are_of_one_instance(
    threads_are_instances: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "LONGEST_WAIT", DEADLINE)


class Gate(Database):
    """A database whose reads wait at a gate; what else happens at a commit is chosen."""

    def __init__(self, project: str, **options: Any) -> None:
        super().__init__(project, **options)
        self.open = Event()
        self.open.set()
        self.before_commit: list[Callable[[], object]] = []
        self.commits: list[Sequence[Write]] = []

    def read_documents(
        self, paths: Iterable[str], consistency: dict[str, Any]
    ) -> tuple[dict[str, Document], datetime, bytes | None]:
        assert self.open.wait(DEADLINE)
        return super().read_documents(paths, consistency)

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        self.commits.append(writes)
        if len(_sources(writes)) > 1 and self.before_commit:
            self.before_commit.pop(0)()
        return super().write(writes, transaction)

    @property
    def groups(self) -> list[int]:
        """How many documents each commit has counted."""
        return [len(_sources(writes)) for writes in self.commits]


def _sources(writes: Sequence[Write]) -> list[str]:
    return [write.path for write in writes if write.path.startswith(CONTRIBUTIONS)]


@pytest.fixture
def gate(connect: Callable[..., Any]) -> Gate:
    return connect(kind=Gate)


def queue_of(engine: Engine, database: Database) -> _Queue:
    target = engine.targets["votes"]
    assert isinstance(target, AggregateTarget)
    return target.groups.queue(database)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@contextmanager
def waiting(
    engine: Engine, gate: Gate, changes: Sequence[Change]
) -> Generator[list[Future[list[Outcome]]]]:
    """The first event reads, and the others wait, in their order, until the end of the block."""
    gate.open.clear()
    queue = queue_of(engine, gate)
    with ThreadPoolExecutor(len(changes)) as threads:
        futures: list[Future[list[Outcome]]] = []
        for number, change in enumerate(changes):
            futures.append(threads.submit(engine.handle, gate, change))
            until(lambda number=number: queue.waiting() == number and queue.is_reading)
        yield futures
        gate.open.set()


def handled(engine: Engine, gate: Gate, changes: Sequence[Change]) -> list[Outcome]:
    """What becomes of events that arrive while the first of them reads."""
    with waiting(engine, gate, changes) as futures:
        pass
    return [future.result(DEADLINE)[0] for future in futures]


def results(outcomes: Iterable[Outcome]) -> list[Result]:
    return [outcome.result for outcome in outcomes]


@pytest.fixture
def engine(database: Database, writer: Writer) -> Engine:
    """One that has counted a vote of weight 100."""
    engine = poll_engine(shards=3, **WEIGHED)
    engine.handle(database, vote(writer, 0, weight=100))
    return engine


def votes(writer: Writer, voters: Iterable[int]) -> list[Change]:
    """Votes whose weights are the voters' numbers."""
    return [vote(writer, voter, weight=voter) for voter in voters]


def test_events_that_wait_are_counted_in_one_read_and_one_commit(
    engine: Engine, database: Database, writer: Writer, connect: Callable[..., Any]
) -> None:
    for change in votes(writer, range(1, 8)):
        engine.handle(database, change)
    changed = [vote(writer, voter, weight=10 * voter) for voter in range(1, 8)]
    calls = Calls()
    gate = connect(calls, kind=Gate)

    outcomes = handled(engine, gate, changed)

    assert dict(calls.counts) == {"BatchGetDocuments": 2, "Commit": 2}
    assert sorted(gate.groups) == [1, 6]
    assert results(outcomes) == [Result.COMMITTED] * 7
    assert [outcome.root for outcome in outcomes] == [change.path for change in changed]
    assert all(outcome.written and outcome.attempts == 1 for outcome in outcomes)
    assert numbers(engine, database, writer) == {"number": 8, "weight": 100 + 280}
    assert_exact(engine, database)


def test_first_votes_of_a_group_share_one_transaction(
    engine: Engine, database: Database, writer: Writer, connect: Callable[..., Any]
) -> None:
    new = votes(writer, range(1, 8))
    calls = Calls()
    gate = connect(calls, kind=Gate)

    handled(engine, gate, new)

    assert dict(calls.counts) == {"BatchGetDocuments": 4, "Commit": 2}
    assert numbers(engine, database, writer) == {"number": 8, "weight": 128}


def test_a_shard_is_written_once_per_group(engine: Engine, gate: Gate, writer: Writer) -> None:
    handled(engine, gate, votes(writer, range(1, 30)))

    shards = [write.path for write in gate.commits[1] if write.increments]
    assert len(shards) == len(set(shards)) == 3


def test_events_of_one_document_in_a_group_count_once(
    engine: Engine, database: Database, gate: Gate, writer: Writer
) -> None:
    first, twice, other = votes(writer, range(1, 4))
    again = vote(writer, 2, weight=20)

    outcomes = handled(engine, gate, [first, twice, other, again, again])

    assert sorted(gate.groups) == [1, 2]
    assert results(outcomes).count(Result.COMMITTED) == 3
    assert results(outcomes).count(Result.COVERED) == 2
    assert numbers(engine, database, writer) == {"number": 4, "weight": 124}
    assert_exact(engine, database)


def test_an_event_of_a_document_that_is_being_counted_waits_for_it(
    engine: Engine, database: Database, gate: Gate, writer: Writer
) -> None:
    first, other = votes(writer, (1, 2))

    outcomes = handled(engine, gate, [first, first, other])

    assert results(outcomes) == [Result.COMMITTED, Result.COVERED, Result.COMMITTED]
    assert gate.groups == [1, 1]
    assert numbers(engine, database, writer) == {"number": 3, "weight": 103}


def test_deletions_and_votes_share_a_group(
    engine: Engine, database: Database, gate: Gate, writer: Writer
) -> None:
    for change in votes(writer, range(1, 4)):
        engine.handle(database, change)
    changes = [*votes(writer, (4, 5)), withdrawn(writer, 1), withdrawn(writer, 2)]

    handled(engine, gate, [*changes, changes[2]])

    assert numbers(engine, database, writer) == {"number": 4, "weight": 112}
    assert_exact(engine, database)


def test_a_group_is_of_bounded_size(
    engine: Engine, database: Database, gate: Gate, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST", 4)

    outcomes = handled(engine, gate, votes(writer, range(1, 12)))

    assert sorted(gate.groups) == [1, 2, 4, 4]
    assert results(outcomes) == [Result.COMMITTED] * 11
    assert numbers(engine, database, writer) == {"number": 12, "weight": 166}


# A failure splits the group


def test_an_invalid_document_has_its_dead_letter_and_the_others_of_its_group_count(
    engine: Engine, database: Database, gate: Gate, writer: Writer
) -> None:
    good = votes(writer, range(1, 5))
    first, bad = vote(writer, 5, weight="heavy"), vote(writer, 5, weight="too heavy")

    outcomes = handled(engine, gate, [*good[:2], first, bad, *good[2:]])

    assert sorted(gate.groups) == [1, 4]
    its_own = [outcome.result for outcome in outcomes if outcome.root == bad.path]
    assert its_own == [Result.COVERED, Result.DEAD_LETTER]
    [letter] = writer.dead_letters().values()
    assert letter is not None
    assert letter["root"] == bad.path
    assert letter["event"]["id"] == bad.event_id
    assert numbers(engine, database, writer) == {"number": 5, "weight": 110}
    assert_exact(engine, database)


def refuse(monkeypatch: pytest.MonkeyPatch, path: str) -> list[int]:
    """Refuse every commit that counts a document; the sizes of the commits that are asked for."""
    commit, asked = counting.commit_counted, list[int]()

    def refusing(
        database: Database, found: Any, counted: Mapping[str, Any], writes: list[Write]
    ) -> None:
        asked.append(len(counted))
        if path in counted and any(write.increments for write in writes):
            raise PermanentError("Firestore refuses the request")
        commit(database, found, counted, writes)

    monkeypatch.setattr(counting, "commit_counted", refusing)
    return asked


def test_a_document_that_firestore_refuses_gets_a_dead_letter_alone(
    engine: Engine,
    database: Database,
    gate: Gate,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = votes(writer, range(1, 10))
    asked = refuse(monkeypatch, new[4].path)

    outcomes = handled(engine, gate, new)

    assert [o.root for o in outcomes if o.result is Result.DEAD_LETTER] == [new[4].path]
    assert results(outcomes).count(Result.COMMITTED) == 8
    assert max(asked) == 8
    assert len(asked) <= 9  # in halves
    assert numbers(engine, database, writer) == {"number": 9, "weight": 140}


def test_a_vote_that_another_instance_counts_meanwhile_splits_the_group_and_counts_once(
    engine: Engine, database: Database, gate: Gate, writer: Writer
) -> None:
    new = votes(writer, range(1, 10))
    elsewhere = poll_engine(shards=3, **WEIGHED)
    gate.before_commit.append(lambda: elsewhere.handle(database, new[4]))

    outcomes = handled(engine, gate, new)

    assert [o.root for o in outcomes if o.result is Result.COVERED] == [new[4].path]
    assert results(outcomes).count(Result.COMMITTED) == 8
    assert numbers(engine, database, writer) == {"number": 10, "weight": 145}
    assert_exact(engine, database)


def test_a_vote_that_changes_while_its_group_is_counted_counts_as_it_is_in_the_end(
    engine: Engine,
    database: Database,
    gate: Gate,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = votes(writer, range(1, 6))
    changed: list[Change] = []
    lock = counting.lock

    def changing(transaction: Any, gain: Any, versions: Mapping[str, Any]) -> None:
        if not changed and new[2].path in versions:
            changed.append(vote(writer, 3, weight=50))
        lock(transaction, gain, versions)

    monkeypatch.setattr(counting, "lock", changing)
    handled(engine, gate, new)
    [outcome] = engine.handle(database, changed[0])

    assert outcome.result is Result.COVERED
    assert numbers(engine, database, writer) == {"number": 6, "weight": 162}
    assert_exact(engine, database)


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
def test_an_outage_at_the_commit_of_a_group_is_met_by_each_event_with_its_own_retries(
    applied: bool,
    engine: Engine,
    database: Database,
    writer: Writer,
    connect: Callable[..., Any],
) -> None:
    for change in votes(writer, range(1, 6)):
        engine.handle(database, change)
    changed = [vote(writer, voter, weight=10) for voter in range(1, 6)]
    gate = connect(Outage("Commit", 2, applied=applied), kind=Gate)

    outcomes = handled(engine, gate, changed)

    expected = Result.COVERED if applied else Result.COMMITTED
    assert results(outcomes) == [expected] * 5
    assert numbers(engine, database, writer) == {"number": 6, "weight": 150}
    assert_exact(engine, database)


def test_an_event_that_gives_up_is_the_only_one_that_fails(
    database: Database, gate: Gate, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each event has the engine's policy for itself, and a failure is its own."""
    engine = poll_engine(
        shards=3, retry=RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.002), **WEIGHED
    )
    engine.handle(database, vote(writer, 0, weight=100))
    new = votes(writer, range(1, 6))
    commit = counting.commit_counted

    def contended(
        database: Database, found: Any, counted: Mapping[str, Any], writes: list[Write]
    ) -> None:
        if new[3].path in counted:
            raise counting.Contention("another instance is faster")
        commit(database, found, counted, writes)

    monkeypatch.setattr(counting, "commit_counted", contended)
    with waiting(engine, gate, new) as futures:
        pass
    failed = [isinstance(future.exception(DEADLINE), Exception) for future in futures]
    monkeypatch.undo()

    assert failed == [False, False, False, True, False]
    assert numbers(engine, database, writer) == {"number": 5, "weight": 111}
    engine.handle(database, new[3])  # delivered again
    assert numbers(engine, database, writer) == {"number": 6, "weight": 115}


class Died(BaseException):
    """The thread ends here."""


@pytest.mark.parametrize("applied", [False, True], ids=["before the commit", "after it"])
def test_a_leader_that_dies_leaves_nobody_waiting(
    applied: bool, engine: Engine, database: Database, gate: Gate, writer: Writer
) -> None:
    new = votes(writer, range(1, 6))

    def die() -> None:
        raise Died

    write = gate.write

    def writing(writes: Sequence[Write], transaction: bytes | None) -> datetime:
        time_written = write(writes, transaction)
        if len(_sources(writes)) > 1:
            raise Died
        return time_written

    if applied:
        gate.write = writing  # type: ignore[method-assign]
    else:
        gate.before_commit.append(die)
    with waiting(engine, gate, new) as futures:
        pass
    outcomes = [future.exception(DEADLINE) or future.result()[0] for future in futures]

    died = [outcome for outcome in outcomes if isinstance(outcome, Died)]
    lived = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    assert (len(died), len(lived)) == (1, 4)
    assert lived[0].result is Result.COMMITTED
    others = Result.COVERED if applied else Result.COMMITTED
    assert results(lived[1:]) == [others] * 3
    engine.handle(database, new[1])  # the platform delivers again what has died
    assert numbers(engine, database, writer) == {"number": 6, "weight": 115}
    assert_exact(engine, database)
    assert queue_of(engine, gate).waiting() == 0


def test_an_event_that_has_waited_too_long_is_counted_by_itself(
    engine: Engine,
    database: Database,
    gate: Gate,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its leader may hang; if it goes on, the event counts once even so."""
    monkeypatch.setattr(group_commit, "LONGEST_WAIT", 0.3)
    new = votes(writer, range(1, 5))
    goes_on = Event()
    gate.before_commit.append(lambda: goes_on.wait(DEADLINE))

    with waiting(engine, gate, new) as futures:
        gate.open.set()
        own = [future for future in futures if future is not futures[1]]
        early = [future.result(DEADLINE)[0] for future in own]
        goes_on.set()
    late = futures[1].result(DEADLINE)[0]

    assert results(early) == [Result.COMMITTED] * 3
    assert late.result is Result.COMMITTED
    assert numbers(engine, database, writer) == {"number": 5, "weight": 110}
    assert_exact(engine, database)


# What is an event's own


class Noted(Observer):
    """Notes what is reported, with the event and the thread that reports it."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str, Result, int]] = []
        self.events: dict[str, int] = {}
        self.phases: list[tuple[Phase, str, int]] = []
        self.retries: list[tuple[str, str]] = []

    def event(self, change: Change) -> AbstractContextManager[object]:
        self.events[change.path] = get_ident()
        return super().event(change)

    def phase(self, name: Phase, definition: str) -> AbstractContextManager[object]:
        self.phases.append((name, definition, get_ident()))
        return super().phase(name, definition)

    def retry(self, change: Change, subject: Subject, attempt: int, error: BaseException) -> None:
        self.retries.append((change.path, str(subject)))

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        self.outcomes.append((change.path, outcome.root, outcome.result, get_ident()))


def test_each_event_of_a_group_has_its_own_outcome_phases_and_thread(
    database: Database, gate: Gate, writer: Writer
) -> None:
    noted = Noted()
    engine = Engine(poll_engine(**WEIGHED).definitions.values(), observers=[noted])
    engine.handle(database, vote(writer, 0, weight=100))
    new = votes(writer, range(1, 6))
    noted.phases.clear()

    handled(engine, gate, new)

    of_votes = {path: (root, thread) for path, root, _, thread in noted.outcomes[1:]}
    assert of_votes == {c.path: (c.path, noted.events[c.path]) for c in new}
    threads = {thread for name, _, thread in noted.phases if name == "commit"}
    assert threads == {noted.events[change.path] for change in new}
    assert noted.retries == []


def test_a_group_that_fails_is_reported_as_a_retry(
    database: Database, gate: Gate, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = Noted()
    engine = Engine(poll_engine(**WEIGHED).definitions.values(), observers=[noted])
    engine.handle(database, vote(writer, 0, weight=100))
    new = votes(writer, range(1, 4))
    refuse(monkeypatch, new[2].path)

    handled(engine, gate, new)

    assert noted.retries == [(new[1].path, "count: 2 documents of votes together")]


handling: ContextVar[str] = ContextVar("handling", default="nothing")
seen: dict[str, str] = {}


class SeenVote(DomainModel, collection="countedPolls/{poll}/votes"):
    weight: float = 0
    name: str = ""

    @field_validator("name")
    @classmethod
    def _note(cls, name: str) -> str:
        seen[name] = handling.get()
        return name


def test_code_of_the_model_sees_the_context_of_its_own_event(
    database: Database, gate: Gate, writer: Writer
) -> None:
    engine = poll_engine(model=SeenVote, **WEIGHED)
    engine.handle(database, vote(writer, 0))
    new = [vote(writer, voter, name=f"v{voter}") for voter in range(1, 5)]
    handle = engine.handle

    def in_context(database: Database, change: Change) -> list[Outcome]:
        handling.set(change.path)
        return handle(database, change)

    engine.handle = in_context  # type: ignore[method-assign,assignment]
    handled(engine, gate, new)

    assert {seen[f"v{voter}"] for voter in range(1, 5)} == {change.path for change in new}
    assert all(seen[f"v{voter}"].endswith(f"/{voter}") for voter in range(1, 5))


# Everything at once


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_delivered_at_once_and_however_often_counts_once(
    seed: int, database: Database, writer: Writer, connect: Callable[..., Any]
) -> None:
    """Two instances of sixteen threads, invalid votes among them, and answers that are lost."""
    generator = random.Random(seed)
    measures = {**WEIGHED, "by": count(by="option"), "most": maximum("height")}
    engines = [poll_engine(shards=3, **measures) for _ in range(2)]
    databases = [
        connect(Outage("Commit", 5, applied=True)),
        connect(Outage("BatchGetDocuments", 5)),
    ]
    cast: dict[int, dict[str, Any]] = {}
    changes: list[Change] = []
    for _ in range(120):
        voter = generator.randrange(25)
        if voter in cast and generator.random() < 0.25:
            del cast[voter]
            changes.append(withdrawn(writer, voter))
        else:
            weight = generator.choice([1, 2, 3, "heavy"])
            cast[voter] = {"option": generator.choice("ab"), "weight": weight, "height": voter}
            cast[voter] |= {"note": generator.randrange(3)}
            changes.append(vote(writer, voter, **cast[voter]))
    deliveries = [(c, generator.randrange(2)) for c in changes for _ in range(2)]
    generator.shuffle(deliveries)

    in_threads(32, lambda it: engines[it[1]].handle(databases[it[1]], it[0]), deliveries)

    valid = {voter: v for voter, v in cast.items() if v["weight"] != "heavy"}
    assert numbers(engines[0], database, writer) == {
        "number": len(valid),
        "weight": sum(v["weight"] for v in valid.values()),
        "by": {
            option: sum(v["option"] == option for v in valid.values())
            for option in sorted({v["option"] for v in valid.values()})
        },
        "most": max((v["height"] for v in valid.values()), default=None),
    }
    assert_exact(engines[0], database)
    assert len(writer.dead_letters()) == len(cast) - len(valid)
