"""One event of the meeting room in its steady state, handled in one process.

A ticket's attendance changes: the views of the meeting's three users are rebuilt. Beside onto_fn:
the raw limit, and the same by hand with and without a transaction, each on a project of its own in
the same emulator, in interleaved rounds.
"""

from __future__ import annotations

import cProfile
import pstats
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator import emulator
from frame import ROOT, Options, Ratio, Report, Table, interleaved, percentiles
from google.cloud.firestore import Client
from peers import meeting_room as hand
from peers.raw import Raw, client, replayed

from onto_fn.testing.billing import Billing

sys.path.insert(0, str(ROOT / "functions"))

from meeting_room.sample import sources
from meeting_room.views import MeetingSession, UserView

from onto_fn import Change, Database, Engine, Result
from onto_fn.engine.ledger import ledger_path
from onto_fn.firestore import Document, Write
from onto_fn.firestore.queries import document_key

TICKET, USER = "tickets/tj_t", "tijuana"
VIEWS = [f"users/{user}/MeetingSession/meeting_1" for user in ("tijuana", "thomasina", "joshua")]
LEDGER = ledger_path("MeetingSession", "meetings/meeting_1")
MAX_OVER_RAW, MIN_OVER_TRANSACTIONAL = 1.25, 1.0
LAYERS = ("models", "store", "views", "engine", "firestore", "mediators", "observing")


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
    limit = replayed(room.client, lambda database: room.engine.handle(database, room.change()))
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
        return name, p50, p95, p99, 1000 * statistics.median(self.cpu), *counted


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
        profile = _profile(sides["onto_fn"], events * 3)
    columns = ("", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "round trips", "reads", "writes")
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
    """Own CPU time of each of onto_fn's packages, and of what they call."""
    profiler = cProfile.Profile(time.process_time)
    for _ in range(events):
        change = side.room.change()
        profiler.enable()
        side.handle(change)
        profiler.disable()
    spent: dict[str, float] = {}
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():
        spent[_layer(file, function)] = spent.get(_layer(file, function), 0.0) + own
    whole = sum(spent.values())
    rows = sorted(
        ((name, 1000 * own / events, 100 * own / whole) for name, own in spent.items()),
        key=lambda row: -row[1],
    )
    title = "onto_fn: own CPU time of an event under the profiler"
    return Table(title, ("", "ms", "%"), tuple(rows[:14]))


def _layer(file: str, function: str) -> str:
    parts = Path(file).parts
    if "onto_fn" in parts:
        rest = parts[len(parts) - parts[::-1].index("onto_fn") :]
        return f"onto_fn.{rest[0].removesuffix('.py')}"
    if "site-packages" in parts:
        rest = parts[parts.index("site-packages") + 1 :]
        return ".".join(rest[: 3 if rest[0] == "google" else 1])
    return "Python and C: " + ("protobuf, grpc" if "grpc" in function else "other")
