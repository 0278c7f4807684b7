"""Votes that are counted, beside a raw write, an `Increment`, and a read-modify-write.

Three measurements in one run on the same emulator:

1. Cost of an event of an aggregate that has 10, 1,000 and 100,000 contributors: round trips and
   milliseconds.
2. Throughput, with every event delivered twice, from several threads: onto_fn, a hand-written
   `Increment` without deduplication, a hand-written `@transactional` read-modify-write, and plain
   sets of the same number of documents. The results are compared with the votes.
3. Coalescing: a burst of n events on one view, and how many builds it takes.

Run it with `make bench`.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore
from rich.console import Console
from rich.table import Table

from onto_fn import (
    Change,
    Database,
    DomainModel,
    Engine,
    Result,
    Store,
    ViewModel,
    aggregate,
    count,
    query,
    root,
)
from onto_fn.errors import OntoError
from onto_fn.firestore import Document, Write
from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ("green", "black", "white")
THREADS = 16
PAGE = 500


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


class BurstStore(Store):
    poll = root(Poll)
    votes = query(Vote).within(poll=lambda store: store.poll.doc_id)


class BurstView(ViewModel[BurstStore], path="bursts/{poll}"):
    @property
    def total(self) -> int:
        return len(self.store.votes)


class Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Counts round trips."""

    count = 0

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.count += 1
        return continuation(details, request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        self.count += 1
        return continuation(details, request)


def vote(database: Database, number: int, option: str) -> Change:
    """Write a vote, as a client would, and return its event."""
    path = f"polls/p/votes/v{number:06}"
    time_written = database.commit([Write(path, {"option": option})])
    after = Document(path, {"option": option}, time_written)
    return Change(path, Document(path, None, None), after, f"event-{number}")


def of_constant_cost(sizes: Iterable[int], events: int) -> Table:
    """Round trips and time of an event, by the number of contributors."""
    table = Table(title="One event of an aggregate")
    for column in ("contributors", "round trips", "median ms"):
        table.add_column(column, justify="right")
    for size in sizes:
        project = f"demo-{secrets.token_hex(6)}"
        calls = Calls()
        plain, counted = Database(project), Database(project, interceptors=[calls])
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
            f"{size:,}", f"{calls.count / events:.1f}", f"{statistics.median(seconds) * 1000:.1f}"
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

    def total(self) -> int | None:
        return (self.client.document("totals/p").get().to_dict() or {}).get("total")


class OntoFn(Counting):
    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.engine = Engine([PollResults.definition()])

    def handle(self, change: Change) -> None:
        self.engine.handle(self.database, change)

    def total(self) -> int | None:
        self.database.commit([Write("polls/p", {})])
        self.engine.rebuild(self.database, "PollResults", "polls/p")
        return (self.client.document("pollResults/p").get().to_dict() or {}).get("total")


class Increment(Counting):
    def handle(self, change: Change) -> None:
        self.client.document("totals/p").set({"total": firestore.Increment(1)}, merge=True)


class ReadModifyWrite(Counting):
    def handle(self, change: Change) -> None:
        @firestore.transactional
        def update(transaction: Any) -> None:
            reference = self.client.document("totals/p")
            totals = reference.get(transaction=transaction).to_dict() or {"total": 0, "seen": []}
            if change.event_id in totals["seen"]:
                return
            seen = [*totals["seen"][-1000:], change.event_id]
            transaction.set(reference, {"total": totals["total"] + 1, "seen": seen})

        update(self.client.transaction())


class Raw(Counting):
    """The limit: one set of a document of its own for each delivery."""

    def handle(self, change: Change) -> None:
        self.client.document(f"raw/{secrets.token_hex(8)}").set({"vote": change.path})

    def total(self) -> int | None:
        return None


def of_throughput(votes: int) -> Table:
    """Deliveries a second, and whether the result is right."""
    table = Table(title=f"{votes} votes, each delivered twice, {THREADS} threads")
    for column in ("", "seconds", "deliveries/s", "raw / it", "lost", "total", "right"):
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
        fewer = votes // 25 if make is ReadModifyWrite else votes
        changes = [vote(side.database, n, OPTIONS[n % 3]) for n in range(fewer)]
        lost: Counter[str] = Counter()

        def deliver(change: Change, side: Counting = side, lost: Counter[str] = lost) -> None:
            try:
                side.handle(change)
            except (OntoError, ValueError, GoogleAPICallError) as error:
                lost[type(error).__name__] += 1

        begin = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(deliver, [change for change in changes for _ in range(2)]))
        seconds = time.perf_counter() - begin
        rate = 2 * fewer / seconds
        raw = raw or rate
        total = side.total()
        table.add_row(
            name if fewer == votes else f"{name} ({fewer} votes)",
            f"{seconds:.1f}",
            f"{rate:.0f}",
            f"{raw / rate:.1f}",
            f"{lost.total()}",
            "" if total is None else f"{total}",
            "" if total is None else "yes" if total == fewer else "NO",
        )
        side.client.close()
    return table


def of_coalescing(bursts: Iterable[int]) -> Table:
    """How many builds a burst of events on one view takes."""
    table = Table(title=f"A burst of events on one view, {THREADS} threads")
    for column in ("events", "builds", "covered", "events / build"):
        table.add_column(column, justify="right")
    for size in bursts:
        database = Database(f"demo-{secrets.token_hex(6)}")
        engine = Engine([BurstView.definition()])
        database.commit([Write("polls/p", {})])
        engine.rebuild(database, "BurstView", "polls/p")
        changes = [vote(database, number, OPTIONS[number % 3]) for number in range(size)]
        with ThreadPoolExecutor(THREADS) as threads:
            handled = list(threads.map(lambda c, d=database, e=engine: e.handle(d, c), changes))
        results = Counter(outcome.result for outcomes in handled for outcome in outcomes)
        builds = size - results[Result.COVERED]
        ratio = f"{size / max(1, builds):.0f}"
        table.add_row(f"{size}", f"{builds}", f"{results[Result.COVERED]}", ratio)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--contributors", type=int, nargs="+", default=[10, 1000, 100_000])
    parser.add_argument("--events", type=int, default=100, help="measured events a size")
    parser.add_argument("--votes", type=int, default=1000, help="votes of the throughput")
    parser.add_argument("--bursts", type=int, nargs="+", default=[20, 200, 1000])
    options = parser.parse_args()
    console = Console(width=100)
    with EmulatorSuite(ROOT, only=("firestore",)) as suite:
        os.environ.update(suite.environ())
        console.print(of_coalescing(options.bursts))
        console.print(of_throughput(options.votes))
        console.print(of_constant_cost(options.contributors, options.events))


if __name__ == "__main__":
    main()
