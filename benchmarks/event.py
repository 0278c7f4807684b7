"""One event of the meeting room in its steady state, handled in one process.

A ticket's attendance changes: the views of the meeting's three users are rebuilt. Beside onto_fn:
the raw limit, and the same by hand with and without a transaction, each on a project of its own in
the same emulator, in interleaved rounds.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from types import CodeType
from typing import Any

from emulator import emulator
from frame import ROOT, Options, Ratio, Report, Table, interleaved, percentiles
from google.cloud.firestore import Client
from peers import meeting_room as hand
from peers.raw import Raw, client, replayed
from recorded import Recorded
from sampling import Sampler

from onto_fn.testing.billing import Billing

sys.path.insert(0, str(ROOT / "functions"))

from meeting_room.sample import sources
from meeting_room.views import MeetingSession, UserView

from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.firestore import Document, Write
from onto_fn.firestore.queries import document_key
from onto_fn.observability import Change, Result

TICKET, USER = "tickets/tj_t", "tijuana"
VIEWS = [f"users/{user}/MeetingSession/meeting_1" for user in ("tijuana", "thomasina", "joshua")]
LEDGER = ledger_path("MeetingSession", "meetings/meeting_1")
MAX_OVER_RAW, MIN_OVER_TRANSACTIONAL = 1.25, 1.0
PARTS = {
    "ledger": "look-up, record decoded and encoded, covered?, plan",
    "store": "sources read and decoded",
    "models": "objects validated and made",
    "build": "the view's code, digest",
    "commit": "writes encoded, size",
    "gRPC": "the calls, their messages on the wire",
    "other": "the event's way through the engine",
}
"""The parts of an event's work, in their order."""
OWNERS = {
    "onto_fn/engine/materialise/lookup.py": "ledger",
    "onto_fn/engine/materialise/lookup.py:read_all": "store",
    "onto_fn/engine/materialise/plan.py": "ledger",
    "onto_fn/engine/materialise/leftovers.py": "ledger",
    "onto_fn/engine/records/ledger.py": "ledger",
    "onto_fn/engine/materialise/memory.py": "ledger",
    "onto_fn/store/": "store",
    "onto_fn/models/": "models",
    "onto_fn/engine/materialise/build.py": "build",
    "onto_fn/engine/materialise/build.py:Snapshot.": "store",
    "onto_fn/engine/materialise/plan.py:Build.": "build",
    "onto_fn/engine/records/outbox.py": "build",
    "onto_fn/views/": "build",
    "functions/meeting_room/": "build",
    "onto_fn/firestore/database.py:Database.write": "commit",
    "benchmarks/recorded.py": "gRPC",
    "onto_fn/engine/": "other",
    "benchmarks/": "other",
}
"""Whose a function's time is, by where it is; the longest that fits counts.

What is not here (values, paths, pydantic, Python's own) works for its caller.
"""


class Room:
    """A meeting room on a project of its own, whose views are all up to date."""

    def __init__(self) -> None:
        self.billing = Billing()
        self.project = f"demo-{secrets.token_hex(6)}"
        self.plain = Database(self.project)
        self.database = Database(self.project, interceptors=[self.billing])
        self.client: Client = client(self.project, self.billing)
        self.engine = Engine([MeetingSession.definition(), UserView.definition()])
        self.attendance = True
        self.writer = client(self.project)
        for path, fields in sources(self.writer).items():
            self.writer.document(path).set(fields)
        for user in ("tijuana", "thomasina", "joshua"):
            self.engine.rebuild(self.plain, "UserView", f"users/{user}")
        self.engine.rebuild(self.plain, "MeetingSession", "meetings/meeting_1")

    def change(self) -> Change:
        """Take part or not, as a client would, and return the event."""
        self.attendance = not self.attendance
        before = self.plain.get([TICKET])[0][TICKET]
        fields = {**(before.fields or {}), "attendance": self.attendance}
        after = Document(TICKET, fields, self.plain.commit([Write(TICKET, fields)]))
        return Change(TICKET, before, after, secrets.token_hex(8))

    def shown(self) -> int:
        """How many the views say attend."""
        documents = [self.writer.document(view).get().to_dict() or {} for view in VIEWS]
        (number,) = {len(document["attending"]) for document in documents}
        return number


def ours(room: Room) -> Callable[[Change], Any]:
    def handle(change: Change) -> None:
        (outcome,) = room.engine.handle(room.database, change)
        assert outcome.result is Result.COMMITTED

    return handle


def by_hand(way: Callable[[Client, str, str], None]) -> Callable[[Room], Callable[[Change], Any]]:
    return lambda room: lambda change: way(room.client, TICKET, USER)


def raw(room: Room) -> Callable[[Change], Any]:
    room.engine.handle(room.plain, room.change())
    record = room.writer.document(LEDGER).get().to_dict() or {}
    documents = {view: room.writer.document(view).get().to_dict() or {} for view in VIEWS}
    reads = [pair["path"] for pair in record["sources"]]
    limit = Raw(room.client, document_key(TICKET), reads, {**documents, LEDGER: record})
    return lambda change: limit.handle()


def ready_made(room: Room) -> Callable[[Change], Any]:
    """Plays the requests of one event of onto_fn's own again and again."""
    limit = replayed(room.database, lambda database: room.engine.handle(database, room.change()))
    return lambda change: limit()


SIDES: dict[str, Callable[[Room], Callable[[Change], Any]]] = {
    "onto_fn": ours,
    "raw": raw,
    "raw, ready-made requests": ready_made,
    "@transactional": by_hand(hand.transactional),
    "no transaction": by_hand(hand.plain),
}


class Side:
    """One way of handling events; what each took."""

    def __init__(self, make: Callable[[Room], Callable[[Change], Any]]) -> None:
        self.room = Room()
        self.handle = make(self.room)
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        for _ in range(5):
            self.handle(self.room.change())
        self.room.billing.counts.clear()

    def measure(self, events: int) -> float:
        """The median of some events."""
        taken: list[float] = []
        for _ in range(events):
            change = self.room.change()
            started, used = time.perf_counter(), time.process_time()
            self.handle(change)
            taken.append(time.perf_counter() - started)
            self.cpu.append(time.process_time() - used)
        self.seconds += taken
        return statistics.median(taken)

    def row(self, name: str) -> tuple[str | float, ...]:
        events, billed = len(self.seconds), self.room.billing.counts
        p50, p95, p99 = (1000 * value for value in percentiles(self.seconds))
        counted = [billed[kind] / events for kind in ("calls", "reads", "writes")]
        rate = events / sum(self.seconds)
        return name, rate, p50, p95, p99, 1000 * statistics.median(self.cpu), *counted


def run(options: Options) -> Report:
    """Compare latency, CPU and billed operations; profile onto_fn."""
    rounds, events = options.pick(15, 5), options.pick(40, 8)
    with emulator():
        sides = {name: Side(make) for name, make in SIDES.items()}
        found = interleaved(
            rounds, {n: lambda _, side=s: side.measure(events) for n, s in sides.items()}
        )
        for name, side in sides.items():
            expected = 3 if side.room.attendance else 2
            if not name.startswith("raw") and side.room.shown() != expected:
                raise AssertionError(f"the views of {name} are wrong")
        rows = tuple(side.row(name) for name, side in sides.items())
        profile = _profile(sides["onto_fn"], options.pick(3000, 500))
    columns = (
        "",
        "events/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "CPU ms",
        "round trips",
        "reads",
        "writes",
    )
    report = Report([Table("One event of the meeting room, in one process", columns, rows)])
    report.tables.append(profile)
    mine = found["onto_fn"]
    over_raw, over_hand = f"at most {MAX_OVER_RAW}", f"at least {MIN_OVER_TRANSACTIONAL}"
    report.ratios = [
        Ratio.of("onto_fn / raw", mine, found["raw"], unit="latency", target=over_raw),
        Ratio.of(
            "onto_fn / @transactional",
            found["@transactional"],
            mine,
            unit="speed",
            target=over_hand,
        ),
        Ratio.of(
            "onto_fn / raw, ready-made requests",
            mine,
            found["raw, ready-made requests"],
            unit="latency",
        ),
        Ratio.of("onto_fn / no transaction", found["no transaction"], mine, unit="speed"),
    ]
    return report


def _profile(side: Side, events: int) -> Table:
    """CPU time of each part of an event's work.

    Sampled on recorded answers, where nothing waits and nobody else's noise counts. What an event
    took besides in the rounds, with the network, is gRPC's.
    """
    room, change = side.room, side.room.change()
    engine = room.engine
    recorded = Recorded(room.project, lambda database: engine.handle(database, change))
    handle = partial(engine.handle, recorded.database, change)
    for _ in range(events // 10):
        handle()
    sampler = Sampler(_owner)
    with sampler.running():
        for _ in range(events):
            handle()
    spent = {part: 1000 * sampler.spent[part] / events for part in PARTS}
    whole = 1000 * statistics.median(side.cpu)
    spent["gRPC"] = whole - sum(spent[part] for part in PARTS if part != "gRPC")
    rows = [
        (f"{part}: {what}", spent[part], 100 * spent[part] / whole) for part, what in PARTS.items()
    ]
    rows.append(("all", whole, 100.0))
    return Table("onto_fn: CPU time of an event, by what it is for", ("", "ms", "%"), tuple(rows))


def _owner(code: CodeType) -> str | None:
    place = f"{code.co_filename}:{code.co_qualname}"
    fitting = [pattern for pattern in OWNERS if f"/{pattern}" in place]
    return OWNERS[max(fitting, key=len)] if fitting else None
