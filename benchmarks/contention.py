"""Many workers whose events all touch one document, on one side of a comparison."""

from __future__ import annotations

import secrets
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar

import grpc
from peers.raw import client

from onto_fn import RetryPolicy
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Write
from onto_fn.firestore.documents import Value
from onto_fn.observability import Change


class Commits(grpc.UnaryUnaryClientInterceptor):
    """Counts the commits that a side asks for: one an attempt."""

    def __init__(self) -> None:
        self.asked = 0
        self._lock = Lock()

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        if details.method.endswith("/Commit"):
            with self._lock:
                self.asked += 1
        return continuation(details, request)


class Side:
    """One way of handling events, on a project of its own.

    What writes the sources, and what reads the view in the end, have connections of their own.
    """

    name: ClassVar[str]
    patient: ClassVar[bool] = False

    def __init__(self) -> None:
        self.project = f"demo-{secrets.token_hex(6)}"
        self.commits = Commits()
        self.client = client(self.project, self.commits)
        self.reader = client(self.project)
        self.writer = Database(self.project)

    def change(self, worker: int, number: int) -> Change:
        """Write a source, as a user would, and return the event."""
        raise NotImplementedError

    def handle(self, change: Change) -> None:
        """Do what the event asks for."""
        raise NotImplementedError

    def is_right(self) -> bool:
        """Whether the view shows what the sources say now."""
        raise NotImplementedError

    def write(self, path: str, fields: dict[str, Value]) -> Any:
        """Write a document; the time. While others lock it, even this has to be tried again."""
        return RetryPolicy().run(path, lambda _: self.writer.commit([Write(path, fields)]))

    def cut(self) -> None:
        """End all calls that are under way; all that follow fail."""
        self.client._firestore_api.transport.close()
        self.writer.close()


class Materialised(Side):
    """A side whose engine handles the events, however long it takes: it must not lose one."""

    patient = True
    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.database = Database(self.project, interceptors=[self.commits])

    def handle(self, change: Change) -> None:
        self.engine.handle(self.database, change)


@dataclass(frozen=True)
class Round:
    """What became of the events of one side in one round.

    Attributes:
        events: how many there were.
        latencies: seconds of each event that was handled.
        lost: how many failed for good, by the name of the error.
        seconds: until the last was handled or given up, or the round was cut.
        commits: how many were asked for.
        right: whether the view showed what the sources said in the end.
    """

    events: int
    latencies: list[float]
    lost: Counter[str]
    seconds: float
    commits: int
    right: bool

    @property
    def rate(self) -> float:
        """Events handled a second; where none was, as if it had been one."""
        return max(len(self.latencies), 1) / self.seconds

    @staticmethod
    def row(name: str, rounds: list[Round]) -> tuple[str | float, ...]:
        """A row of `COLUMNS`, of all rounds of a side."""
        handled = [seconds for one in rounds for seconds in one.latencies]
        lost = sum(one.lost.total() for one in rounds)
        events = sum(one.events for one in rounds)
        quantiles = statistics.quantiles([*handled, *handled[:1]], n=20) if handled else [0.0]
        return (
            name,
            f"{len(handled)} of {events}",
            lost,
            events - len(handled) - lost,
            "yes" if all(one.right for one in rounds) else "NO",
            sum(one.seconds for one in rounds),
            len(handled) / sum(one.seconds for one in rounds),
            1000 * statistics.median(handled) if handled else "",
            1000 * quantiles[-1] if handled else "",
            sum(one.commits for one in rounds) / max(len(handled), 1),
        )


COLUMNS = (
    "",
    "handled",
    "lost",
    "cut",
    "right",
    "seconds",
    "events/s",
    "p50 ms",
    "p95 ms",
    "commits/event",
)


def contend(side: Side, workers: int, events: int, deliveries: int, limit: float) -> Round:
    """Workers that write a source and handle its event, one after the other.

    Args:
        side: what handles the events.
        workers: how many at a time.
        events: of each worker.
        deliveries: how often each event is delivered; it is handled if one of them succeeds.
        limit: seconds after which the round is cut, unless the side is patient. What is under way
            then counts as cut, not as lost; what has not begun, too.
    """
    latencies: list[float] = []
    lost: Counter[str] = Counter()
    ended = threading.Event()

    def work(worker: int) -> None:
        for number in range(1, events + 1):
            if ended.is_set():
                return
            try:
                change = side.change(worker, number)
            except Exception:
                if ended.is_set():
                    return
                raise
            begin = time.perf_counter()
            errors = [error for _ in range(deliveries) if (error := _failure(side, change))]
            if ended.is_set():
                return
            if len(errors) < deliveries:
                latencies.append(time.perf_counter() - begin)
            else:
                lost[errors[-1]] += 1

    def cut() -> None:
        ended.set()
        side.cut()

    begin = time.perf_counter()
    clock = threading.Timer(limit, cut)
    if not side.patient:
        clock.start()
    with ThreadPoolExecutor(workers) as threads:
        done = list(threads.map(work, range(workers)))
    clock.cancel()
    seconds = limit if ended.is_set() else time.perf_counter() - begin
    is_right = side.is_right()
    total = len(done) * events
    return Round(total, latencies, lost, seconds, side.commits.asked, is_right)


def _failure(side: Side, change: Change) -> str:
    """Handle an event; the name of the error if it fails: by default nothing is redelivered."""
    try:
        side.handle(change)
    except Exception as error:  # whatever a function raises, its event is lost
        return type(error).__name__
    return ""
