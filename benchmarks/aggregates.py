"""Aggregates: votes counted by onto_fn, by increments and by read-modify-write, and the limit.

Four measurements in one run on the same emulator:

1. Cost of an event of an aggregate that has 10, 1,000 and 10,000 contributors: round trips, billed
   reads and writes, and milliseconds.
2. The same of each kind of event: a new vote, a change of what is counted and of what is not, and
   one that is delivered again.
3. Throughput of concurrent voters, with every event delivered twice and in any order, in
   interleaved rounds: onto_fn, onto_fn with each event by itself, a hand-written `Increment`
   without deduplication, a hand-written `@transactional` read-modify-write with a marker of each
   event (cut after some seconds), and plain sets of the same number of documents. The results are
   compared with the votes.
4. Coalescing: a burst of n events on one view, and how many commits are asked for.

What is counted is in the shards then; hot_document.py has the events of the shards too, by which
the view of the numbers is rebuilt.

Run it with `make bench BENCH=aggregates`.
"""

from __future__ import annotations

import itertools
import random
import resource
import secrets
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from contention import Commits
from emulator import emulator
from frame import Curves, Options, Ratio, Report, Table, interleaved
from google.cloud import firestore
from hot_counter import OPTIONS, Poll, Vote, option
from hot_view import MEMBERS, Group, GroupView, Member
from peers import hot_document as hand

from onto_fn import Store, ViewModel, aggregate, root
from onto_fn.aggregates import count
from onto_fn.editing import Database, Repository
from onto_fn.engine import Engine
from onto_fn.engine.aggregate import group_commit
from onto_fn.firestore import Document, Write
from onto_fn.observability import Change, Outcome, Result
from onto_fn.testing.billing import Billing

PAGE = 500


class PollStore(Store):
    poll = root(Poll)
    votes = aggregate(Vote, shards=10, total=count(), counts=count(by="option")).within(
        poll=lambda store: store.poll.doc_id
    )


class PollResults(ViewModel[PollStore], path="pollResults/{poll}"):
    @property
    def total(self) -> int:
        return self.store.votes["total"]

    @property
    def counts(self) -> dict[str, int]:
        return self.store.votes["counts"]


def vote(database: Database, number: int, option: str) -> Change:
    """Write a vote, as a client would, and return its event."""
    path = f"polls/p/votes/v{number:06}"
    time_written = database.commit([Write(path, {"option": option})])
    after = Document(path, {"option": option}, time_written)
    return Change(path, Document(path, None, None), after, f"event-{number}")


def of_constant_cost(report: Report, sizes: Iterable[int], events: int) -> None:
    """Round trips, billed documents and time of an event, by the number of contributors."""
    rows: list[tuple[str | float, ...]] = []
    points: list[tuple[float, float]] = []
    for size in sizes:
        project = f"demo-{secrets.token_hex(6)}"
        billing = Billing()
        plain, counted = Database(project), Database(project, interceptors=[billing])
        engine = Engine([PollResults.definition()])
        engine.handle(plain, vote(plain, 0, OPTIONS[0]))
        _multiply_the_first(plain, size)
        changes = [vote(plain, size + n, OPTIONS[n % 3]) for n in range(1, events + 1)]
        seconds: list[float] = []
        for change in changes:
            begin = time.perf_counter()
            engine.handle(counted, change)
            seconds.append(time.perf_counter() - begin)
        milliseconds = 1000 * statistics.median(seconds)
        billed = (billing.counts[name] / events for name in ("calls", "reads", "writes"))
        rows.append((f"{size:,}", *billed, milliseconds))
        points.append((size, milliseconds))
    columns = ("contributors", "round trips", "reads", "writes", "median ms")
    report.tables.append(Table("One event of an aggregate", columns, tuple(rows)))
    series = {"onto_fn": points}
    report.curves = [Curves("One event of an aggregate", "contributors", "ms", series)]


def of_each_kind(report: Report, events: int) -> None:
    """Round trips, billed documents and time of an event, by what it does."""
    project = f"demo-{secrets.token_hex(6)}"
    billing = Billing()
    plain, counted = Database(project), Database(project, interceptors=[billing])
    engine = Engine([PollResults.definition()])
    engine.handle(plain, vote(plain, 0, OPTIONS[0]))
    new = [vote(plain, n, OPTIONS[0]) for n in range(1, events + 1)]
    kinds: dict[str, Callable[[int, Change], Change]] = {
        "a new vote": lambda _, change: change,
        "delivered again": lambda _, change: change,
        "a changed vote": lambda _, change: edited(plain, change, {"option": OPTIONS[1]}),
        "a field that is not counted": lambda number, change: edited(
            plain, change, {**((change.after and change.after.fields) or {}), "note": number}
        ),
    }
    rows: list[tuple[str | float, ...]] = []
    for name, kind in kinds.items():
        new = [kind(number, change) for number, change in enumerate(new)]
        billing.counts.clear()
        seconds: list[float] = []
        cpu = time.process_time()
        for change in new:
            begin = time.perf_counter()
            engine.handle(counted, change)
            seconds.append(time.perf_counter() - begin)
        cpu = time.process_time() - cpu
        billed = (billing.counts[name] / events for name in ("calls", "reads", "writes"))
        rows.append((name, *billed, 1000 * statistics.median(seconds), 1000 * cpu / events))
    columns = ("event", "round trips", "reads", "writes", "median ms", "CPU ms")
    report.tables.append(Table("One event of an aggregate, by what it does", columns, tuple(rows)))


def edited(database: Database, last: Change, fields: dict[str, object]) -> Change:
    """Replace a vote after its last change, and return the event."""
    time_written = database.commit([Write(last.path, fields)])
    after = Document(last.path, fields, time_written)
    return Change(last.path, last.after, after, f"{last.event_id}+")


def _multiply_the_first(database: Database, size: int) -> None:
    """Records of as many contributors, written at once, as if each had voted like the first."""
    client = firestore.Client(project=database.project)
    [record] = client.collection("onto_contributions").stream()
    fields = dict(record.to_dict() or {})
    for begin in range(1, size, PAGE):
        batch = client.batch()
        for number in range(begin, min(begin + PAGE, size)):
            path = f"polls/p/votes/v{number:06}"
            reference = client.document(f"onto_contributions/PollStore.votes~{number}")
            batch.set(reference, fields | {"source": path})
        batch.commit()
    client.close()


class Counting:
    """One way of counting votes; `patient` ones are waited for, others are cut."""

    patient = True

    def __init__(self, project: str) -> None:
        self.client = firestore.Client(project=project)
        self.reader = firestore.Client(project=project)  # which is not cut
        self.database = Database(project)

    def handle(self, change: Change) -> None:
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """Votes by option."""
        return self.reader.document("totals/p").get().to_dict() or {}


class OntoFn(Counting):
    longest_wait = group_commit.LONGEST_WAIT

    def __init__(self, project: str) -> None:
        super().__init__(project)
        group_commit.LONGEST_WAIT = self.longest_wait
        self.engine = Engine([PollResults.definition()])

    def handle(self, change: Change) -> None:
        self.engine.handle(self.database, change)

    def counts(self) -> dict[str, int]:
        self.database.commit([Write("polls/p", {})])
        self.engine.rebuild(self.database, "PollResults", "polls/p")
        return (self.reader.document("pollResults/p").get().to_dict() or {}).get("counts", {})


class EachByItself(OntoFn):
    """Without groups: nobody waits for anybody."""

    longest_wait = 0.0


class Increment(Counting):
    def handle(self, change: Change) -> None:
        added = {option(change): firestore.Increment(1)}
        self.client.document("totals/p").set(added, merge=True)


class ReadModifyWrite(Counting):
    patient = False

    def handle(self, change: Change) -> None:
        total = self.client.document("totals/p")
        hand.count_once(self.client, total, option(change), change.event_id)


class Raw(Counting):
    """The limit: one set of a document of its own for each delivery."""

    def handle(self, change: Change) -> None:
        self.client.document(f"raw/{secrets.token_hex(8)}").set({"vote": change.path})

    def counts(self) -> dict[str, int]:
        return {}


SIDES: dict[str, Callable[[str], Counting]] = {
    "plain sets": Raw,
    "onto_fn, 10 shards": OntoFn,
    "onto_fn, each event by itself": EachByItself,
    "Increment": Increment,
    "@transactional, marker": ReadModifyWrite,
}


WANTED = {"Increment": "at least 1.0", "onto_fn, each event by itself": "at least 2.5"}


@dataclass
class Throughput:
    """What became of the deliveries of one side, in all rounds."""

    seconds: float = 0.0
    cpu: float = 0.0
    delivered: int = 0
    handled: int = 0
    lost: int = 0
    counted: int = 0
    right: bool = True


def of_throughput(report: Report, rounds: int, votes: int, voters: int, limit: float) -> None:
    """Deliveries a second, and whether the result is right."""
    found = {name: Throughput() for name in SIDES}

    def measure(name: str) -> float:
        side = SIDES[name](f"demo-{secrets.token_hex(6)}")
        changes = [vote(side.database, n, OPTIONS[n % 3]) for n in range(votes)]
        return _delivered(side, changes, voters, limit, found[name])

    rates = interleaved(rounds, {name: lambda _, name=name: measure(name) for name in SIDES})
    rows: list[tuple[str | float, ...]] = []
    for name, made in found.items():
        counted = ("", "") if name == "plain sets" else (made.counted, _yes(made.right))
        cells = (f"{made.handled:,} of {made.delivered:,}", made.lost, *counted, made.seconds)
        cpu = 1000 * made.cpu / max(made.handled, 1)
        rows.append((name, *cells, cpu, made.handled / made.seconds))
    columns = ("", "handled", "lost", "counted", "right", "seconds", "CPU ms", "deliveries/s")
    often = f"{rounds} x {votes} votes, each delivered twice in any order, {voters} at a time"
    report.tables.append(Table(f"An aggregate: {often}", columns, tuple(rows)))
    ours = "onto_fn, 10 shards"
    for name in SIDES:
        if name != ours:
            wanted = WANTED.get(name, "")
            ratio = Ratio.of(
                f"{ours} / {name}",
                rates[ours],
                rates[name],
                unit="deliveries/s",
                target=wanted,
            )
            report.ratios.append(ratio)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report.notes.append(f"peak memory of the process: {peak:.0f} MiB, wanted at most 120")


def _delivered(
    side: Counting, changes: list[Change], voters: int, limit: float, found: Throughput
) -> float:
    """Deliveries a second of one round: what is handled before it is cut."""
    deliveries = changes * 2
    random.Random(1).shuffle(deliveries)
    handled: list[Change] = []
    lost: list[str] = []
    ended = threading.Event()

    def deliver(change: Change) -> None:
        if ended.is_set():
            return
        try:
            side.handle(change)
        except Exception as error:  # whatever a function raises, its event is lost
            if not ended.is_set():
                lost.append(type(error).__name__)
        else:
            handled.append(change)

    def cut() -> None:
        ended.set()
        side.client._firestore_api.transport.close()

    clock = threading.Timer(limit, cut)
    begin, cpu = time.perf_counter(), time.process_time()
    if not side.patient:
        clock.start()
    with ThreadPoolExecutor(voters) as threads:
        list(threads.map(deliver, deliveries))
    clock.cancel()
    seconds = limit if ended.is_set() else time.perf_counter() - begin
    counts = side.counts()
    found.seconds += seconds
    found.cpu += time.process_time() - cpu
    found.delivered += len(deliveries)
    found.handled += len(handled)
    found.lost += len(lost)
    found.counted += sum(counts.values())
    found.right &= counts == Counter(map(option, changes))
    return max(len(handled), 1) / seconds


def _yes(right: bool) -> str:
    return "yes" if right else "NO"


def of_coalescing(report: Report, bursts: Sequence[int], workers: int) -> None:
    """How many commits a burst of events on one view asks for.

    Twice: when all are written before the first is handled, and when each is handled as it comes.
    """
    rows: list[tuple[str | float, ...]] = []
    for size, late in itertools.product(bursts, (True, False)):
        project, commits = f"demo-{secrets.token_hex(6)}", Commits()
        writer, database = Database(project), Database(project, interceptors=[commits])
        engine = Engine([GroupView.definition()])
        members = [Member(doc_id=f"m{number}") for number in range(MEMBERS)]
        Repository(writer).save(*members, Group(doc_id="g", members=[m.doc_ref for m in members]))
        engine.rebuild(writer, "GroupView", "groups/g")

        def write(number: int, writer: Database = writer) -> Change:
            path = f"members/m{number % MEMBERS}"
            time_written = writer.commit([Write(path, {"changes": number})])
            before, after = (Document(path, {}, t) for t in (datetime.min, time_written))
            return Change(path, before, after, f"event-{number}")

        def handle(
            change: int | Change, database: Database = database, engine: Engine = engine
        ) -> list[Outcome]:
            return engine.handle(database, write(change) if isinstance(change, int) else change)

        with ThreadPoolExecutor(workers) as threads:
            changes = list(threads.map(write, range(size))) if late else range(size)
            handled = list(threads.map(handle, changes))
        results = Counter(outcome.result for outcomes in handled for outcome in outcomes)
        committed = size - results[Result.COVERED]
        how = "late" if late else "at once"
        rows.append((f"{size:,}, {how}", committed, commits.asked, size / commits.asked))
    columns = ("events, handled", "committed", "commits asked for", "events / commit asked for")
    title = f"A burst of events on one view, {workers} at a time"
    report.tables.append(Table(title, columns, tuple(rows)))


def run(options: Options) -> Report:
    """All three, on one emulator."""
    report = Report()
    with emulator():
        of_coalescing(report, options.pick((20, 200), (20,)), options.pick(32, 16))
        rounds, votes, limit = options.pick(5, 1), options.pick(300, 60), options.pick(6.0, 2.0)
        of_throughput(report, rounds, votes, options.pick(64, 16), limit)
        sizes = options.pick((10, 1000, 10_000), (10, 500))
        of_constant_cost(report, sizes, options.pick(100, 20))
        of_each_kind(report, options.pick(100, 20))
    return report
