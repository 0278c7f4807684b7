"""Votes that are counted, beside a raw write, an `Increment`, and a read-modify-write.

Three measurements in one run on the same emulator:

1. Cost of an event of an aggregate that has 10, 1,000 and 100,000 contributors: round trips, billed
   reads and writes, and milliseconds.
2. Throughput of concurrent voters, with every event delivered twice and in any order: onto_fn, a
   hand-written `Increment` without deduplication, a hand-written `@transactional`
   read-modify-write, and plain sets of the same number of documents. The results are compared
   with the votes.
3. Coalescing: a burst of n events on one view, and how many builds it takes.

Run it with `make bench BENCH=aggregates`.
"""

from __future__ import annotations

import itertools
import random
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from emulator import emulator
from frame import Options, Report, from_rich
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore
from rich.table import Table

from onto_fn import (
    Change,
    Database,
    DomainModel,
    Engine,
    Outcome,
    Ref,
    Repository,
    Result,
    Store,
    ViewModel,
    aggregate,
    count,
    many,
    root,
)
from onto_fn.errors import OntoError
from onto_fn.firestore import Document, Write
from onto_fn.testing.billing import Billing

OPTIONS = ("green", "black", "white")
PAGE = 500
MEMBERS = 8


class Poll(DomainModel, collection="polls"):
    pass


class Vote(DomainModel, collection="polls/{poll}/votes"):
    option: str


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


class Member(DomainModel, collection="members"):
    points: int = 0


class Team(DomainModel, collection="teams"):
    members: list[Ref[Member]]


class TeamStore(Store):
    team = root(Team)
    members = many(Member, lambda store: store.team.members)


class TeamScore(ViewModel[TeamStore], path="scores/{team}"):
    @property
    def points(self) -> int:
        return sum(member.points for member in self.store.members)


def vote(database: Database, number: int, option: str) -> Change:
    """Write a vote, as a client would, and return its event."""
    path = f"polls/p/votes/v{number:06}"
    time_written = database.commit([Write(path, {"option": option})])
    after = Document(path, {"option": option}, time_written)
    return Change(path, Document(path, None, None), after, f"event-{number}")


def option(change: Change) -> str:
    """What an event's vote is for."""
    assert change.after is not None
    assert change.after.fields is not None
    return change.after.fields["option"]


def of_constant_cost(sizes: Iterable[int], events: int) -> Table:
    """Round trips, billed documents and time of an event, by the number of contributors."""
    table = Table(title="One event of an aggregate")
    for column in ("contributors", "round trips", "reads", "writes", "median ms"):
        table.add_column(column, justify="right")
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
        table.add_row(
            f"{size:,}",
            *(f"{billing.counts[name] / events:.1f}" for name in ("calls", "reads", "writes")),
            f"{statistics.median(seconds) * 1000:.1f}",
        )
    return table


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
    """One way of counting votes."""

    def __init__(self, project: str) -> None:
        self.client = firestore.Client(project=project)
        self.database = Database(project)

    def handle(self, change: Change) -> None:
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """Votes by option."""
        return self.client.document("totals/p").get().to_dict() or {}


class OntoFn(Counting):
    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.engine = Engine([PollResults.definition()])

    def handle(self, change: Change) -> None:
        self.engine.handle(self.database, change)

    def counts(self) -> dict[str, int]:
        self.database.commit([Write("polls/p", {})])
        self.engine.rebuild(self.database, "PollResults", "polls/p")
        return (self.client.document("pollResults/p").get().to_dict() or {}).get("counts", {})


class Increment(Counting):
    def handle(self, change: Change) -> None:
        added = {option(change): firestore.Increment(1)}
        self.client.document("totals/p").set(added, merge=True)


class ReadModifyWrite(Counting):
    def handle(self, change: Change) -> None:
        @firestore.transactional
        def update(transaction: Any) -> None:
            reference = self.client.document("totals/p")
            counts = reference.get(transaction=transaction).to_dict() or {}
            seen = self.client.document(f"seen/{change.event_id}")
            if seen.get(transaction=transaction).exists:
                return
            chosen = option(change)
            transaction.set(reference, counts | {chosen: counts.get(chosen, 0) + 1})
            transaction.set(seen, {})

        update(self.client.transaction())


class Raw(Counting):
    """The limit: one set of a document of its own for each delivery."""

    def handle(self, change: Change) -> None:
        self.client.document(f"raw/{secrets.token_hex(8)}").set({"vote": change.path})

    def counts(self) -> dict[str, int]:
        return {}


def of_throughput(votes: int, voters: int) -> Table:
    """Deliveries a second, and whether the result is right."""
    table = Table(title=f"{votes} votes, each delivered twice in any order, {voters} at a time")
    for column in ("", "seconds", "deliveries/s", "raw / it", "lost", "counted", "right"):
        table.add_column(column, justify="left" if column == "" else "right")
    sides: dict[str, Callable[[str], Counting]] = {
        "plain sets": Raw,
        "onto_fn, 10 shards": OntoFn,
        "Increment": Increment,
        "@transactional": ReadModifyWrite,
    }
    raw = 0.0
    for name, make in sides.items():
        side = make(f"demo-{secrets.token_hex(6)}")
        fewer = votes // 100 if make is ReadModifyWrite else votes
        changes = [vote(side.database, n, OPTIONS[n % 3]) for n in range(fewer)]
        lost: Counter[str] = Counter()

        def deliver(change: Change, side: Counting = side, lost: Counter[str] = lost) -> None:
            try:
                side.handle(change)
            except (OntoError, ValueError, GoogleAPICallError) as error:
                lost[type(error).__name__] += 1

        deliveries = changes * 2
        random.Random(1).shuffle(deliveries)
        begin = time.perf_counter()
        with ThreadPoolExecutor(voters) as threads:
            list(threads.map(deliver, deliveries))
        seconds = time.perf_counter() - begin
        rate = 2 * fewer / seconds
        raw = raw or rate
        counts = side.counts()
        right = counts == Counter(map(option, changes))
        table.add_row(
            name if fewer == votes else f"{name} ({fewer} votes)",
            f"{seconds:.1f}",
            f"{rate:.0f}",
            f"{raw / rate:.1f}",
            f"{lost.total()}",
            f"{sum(counts.values())}" if counts else "",
            ("yes" if right else "NO") if counts else "",
        )
        side.client.close()
    return table


def of_coalescing(bursts: Iterable[int], workers: int) -> Table:
    """How many builds a burst of events on one view takes.

    Twice: when all are written before the first is handled, and when each is handled as it comes.
    """
    table = Table(title=f"A burst of events on one view, {workers} at a time")
    for column in ("events", "handled", "builds", "covered", "events / build"):
        table.add_column(column, justify="right")
    for size, late in itertools.product(bursts, (True, False)):
        database = Database(f"demo-{secrets.token_hex(6)}")
        engine = Engine([TeamScore.definition()])
        members = [Member(doc_id=f"m{number}") for number in range(MEMBERS)]
        Repository(database).save(*members, Team(doc_id="t", members=[m.doc_ref for m in members]))
        engine.rebuild(database, "TeamScore", "teams/t")

        def write(number: int, database: Database = database) -> Change:
            path = f"members/m{number % MEMBERS}"
            time_written = database.commit([Write(path, {"points": number})])
            before, after = (Document(path, {}, t) for t in (datetime.min, time_written))
            return Change(path, before, after, f"event-{number}")

        def handle(
            change: int | Change, database: Database = database, engine: Engine = engine
        ) -> list[Outcome]:
            return engine.handle(
                database, write(change, database) if isinstance(change, int) else change
            )

        with ThreadPoolExecutor(workers) as threads:
            changes = list(threads.map(write, range(size))) if late else range(size)
            handled = list(threads.map(handle, changes))
        results = Counter(outcome.result for outcomes in handled for outcome in outcomes)
        builds = size - results[Result.COVERED]
        table.add_row(
            f"{size}",
            "late" if late else "at once",
            f"{builds}",
            f"{results[Result.COVERED]}",
            f"{size / max(1, builds):.0f}",
        )
    return table


def run(options: Options) -> Report:
    """All three, on one emulator."""
    voters, events = options.pick(64, 16), options.pick(100, 20)
    with emulator():
        tables = [
            of_coalescing(options.pick((20, 200, 1000), (20, 100)), voters),
            of_throughput(options.pick(5000, 300), voters),
            of_constant_cost(options.pick((10, 1000, 100_000), (10, 1000)), events),
        ]
    return Report([from_rich(table) for table in tables])
