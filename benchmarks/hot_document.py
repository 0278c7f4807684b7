"""One hot view: many workers handle events that all touch it, beside a hand-written trigger.

Both do the same job on the same emulator in interleaved rounds: WORKERS threads change sources of
one view, a write and its event at a time, and handle each event.

* onto_fn: `Engine.handle`.
* hand-written: a `@transactional` function that reads the sources and sets the view, as the
  documentation of the client library shows it. It handles every delivery, duplicates too.
* hand-written, once: the same, and it keeps the ids of the events it has seen in the view, so that
  a duplicate does nothing. It has to read the view that it writes.

Run it with `make bench BENCH=hot_document`.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emulator import emulator
from frame import Options, Ratio, Report, Table
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import firestore

from onto_fn import (
    Change,
    Database,
    DomainModel,
    Engine,
    Ref,
    RetryPolicy,
    Store,
    ViewModel,
    many,
    root,
)
from onto_fn.errors import OntoError
from onto_fn.firestore import Document, Write
from onto_fn.testing import EmulatorSuite

SOURCES = 8


class Member(DomainModel, collection="members"):
    name: str
    changes: int = 0


class Group(DomainModel, collection="groups"):
    members: list[Ref[Member]]


class GroupStore(Store):
    group = root(Group)
    members = many(Member, lambda store: store.group.members)


class GroupView(ViewModel[GroupStore], path="groupViews/{group_id}"):
    @property
    def changes(self) -> int:
        return sum(member.changes for member in self.store.members)


class Side:
    """One way of keeping the view, on a database of its own."""

    def __init__(self, suite: EmulatorSuite) -> None:
        self.project = f"demo-{secrets.token_hex(6)}"
        self.database = Database(self.project)
        members = [Member(doc_id=f"m{i}", name=f"M{i}") for i in range(SOURCES)]
        group = Group(doc_id="g", members=[member.doc_ref for member in members])
        contents = {d.doc_ref.path: d.to_fields() for d in [*members, group]}
        time_written = self.database.commit([Write(p, f) for p, f in contents.items()])
        self.latest = {p: Document(p, f, time_written) for p, f in contents.items()}
        self.client = suite.client(project_id=self.project)

    def change(self, worker: int, number: int) -> Change:
        """Write one source, as a client would, and return the event."""
        path = f"members/m{worker % SOURCES}"
        fields = {"name": f"M{worker}", "changes": number, "obj_type": "Member"}
        # While a transaction holds the document's lock, even a plain write has to be tried again.
        written = RetryPolicy().run(path, lambda _: self.database.commit([Write(path, fields)]))
        return Change(
            path, self.latest[path], Document(path, fields, written), f"{worker}-{number}"
        )

    def view(self) -> dict[str, Any] | None:
        return self.client.document("groupViews/g").get().to_dict()

    def expected(self) -> int:
        paths = [f"members/m{i}" for i in range(SOURCES)]
        documents, _ = self.database.get(paths)
        return sum((d.fields or {})["changes"] for d in documents.values())


class OntoFn(Side):
    """The engine."""

    def __init__(self, suite: EmulatorSuite) -> None:
        super().__init__(suite)
        self.engine = Engine([GroupView.definition()])
        self.handle(Change("groups/g", Document("groups/g", None, None), self.latest["groups/g"]))

    def handle(self, change: Change) -> None:
        self.engine.handle(self.database, change)


class HandWritten(Side):
    """What the documentation suggests."""

    def handle(self, change: Change) -> None:
        @firestore.transactional
        def update(transaction: Any) -> None:
            group = self.client.document("groups/g").get(transaction=transaction)
            members = self.client.get_all(group.get("members"), transaction=transaction)
            total = sum(member.get("changes") for member in members)
            transaction.set(self.client.document("groupViews/g"), {"changes": total})

        update(self.client.transaction())


class HandWrittenOnce(Side):
    """What it takes to skip duplicates by hand."""

    def handle(self, change: Change) -> None:
        @firestore.transactional
        def update(transaction: Any) -> None:
            reference = self.client.document("groupViews/g")
            view = reference.get(transaction=transaction).to_dict() or {"events": []}
            if change.event_id in view["events"]:
                return
            group = self.client.document("groups/g").get(transaction=transaction)
            members = self.client.get_all(group.get("members"), transaction=transaction)
            total = sum(member.get("changes") for member in members)
            events = [*view["events"][-100:], change.event_id]
            transaction.set(reference, {"changes": total, "events": events})

        update(self.client.transaction())


def contend(side: Side, workers: int, events: int) -> tuple[int, float, list[float]]:
    """Events that were resolved, seconds, and the latency of each."""
    resolved: list[float] = []

    def work(worker: int) -> None:
        for number in range(1, events + 1):
            change = side.change(worker, number)
            begin = time.perf_counter()
            try:
                side.handle(change)
            except (OntoError, ValueError, GoogleAPICallError):  # lost: by default, no redelivery
                continue
            resolved.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(work, range(workers)))
    return len(resolved), time.perf_counter() - begin, resolved


def run(options: Options) -> Report:
    """Interleaved rounds; what was lost, and how many times as fast."""
    workers, events, rounds = options.pick((32, 5, 2), (16, 3, 1))
    sides: dict[str, Callable[[EmulatorSuite], Side]] = {
        "onto_fn": OntoFn,
        "hand-written": HandWritten,
        "hand-written, once": HandWrittenOnce,
    }
    if options.quick:
        del sides["hand-written, once"]
    total = workers * events
    rows: list[tuple[str | float, ...]] = []
    rates: dict[str, list[float]] = {name: [] for name in sides}
    with emulator() as suite:
        for number in range(rounds):
            for name, make in sides.items():
                side = make(suite)
                resolved, seconds, latencies = contend(side, workers, events)
                right = (side.view() or {}).get("changes") == side.expected()
                quantiles = statistics.quantiles([*latencies, *latencies[:1]] or [0.0, 0.0], n=20)
                rates[name].append(max(resolved, 1) / seconds)
                rows.append(
                    (
                        f"{name}, round {number + 1}",
                        f"{resolved} of {total}",
                        "yes" if right else "NO",
                        seconds,
                        resolved / seconds,
                        statistics.median(latencies or [0.0]) * 1000,
                        quantiles[-1] * 1000,
                    )
                )
                if name == "onto_fn" and not (right and resolved == total):
                    raise AssertionError(f"onto_fn resolved {resolved} of {total}")
    columns = ("", "resolved", "view right", "seconds", "resolved/s", "p50 ms", "p95 ms")
    title = f"One hot view, {workers} workers x {events} events"
    report = Report([Table(title, columns, tuple(rows))])
    ours = rates["onto_fn"]
    for name, target in (("hand-written", "at least 20"), ("hand-written, once", "")):
        if name not in rates:
            continue
        label = f"onto_fn / {name}"
        report.ratios.append(Ratio.of(label, ours, rates[name], unit="events/s", target=target))
    return report
