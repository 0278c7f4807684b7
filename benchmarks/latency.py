"""From a client's write to the view that it sees, through the triggers of the Functions emulator.

A ticket's attendance changes; a client that listens to the views of one user sees it. All sides run
in one suite: onto_fn as the compiled app of functions/, and the same job by hand, in Python with
and without a transaction, and in Node.js. Beside them, in both languages, the least that a function
can do, one write and no read: what the emulator takes by itself.

Each side has a database of its own with the same documents, so that no write starts two of them and
no lock is shared; and each has the function of the tickets only, so that setting up the other
documents starts none. A view counts as seen when it holds just what it should.

Besides, bursts: a ticket of each of several meetings changes in one commit, until all views are
right. The emulator hands over one event at a time, of all functions together, as its log shows: a
burst is the rate of a function that always has something to do, and nothing overlaps.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from frame import ROOT, Curves, Options, Ratio, Report, Table, interleaved, percentiles
from google.cloud.firestore import Client

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.service import environment

sys.path.insert(0, str(ROOT / "functions"))

from meeting_room.sample import sources
from meeting_room.views import MeetingSession

from onto_fn.editing import Database
from onto_fn.engine import Engine

FOLDER = ROOT / "benchmarks" / "peers"
NODE_MODULES = FOLDER / "node" / "node_modules"

# The database of each side; onto_fn has the default one.
ONTO_FN = "onto_fn"
QUICK_PEERS = {"by hand, @transactional": "transactional", "by hand, Node.js": "node"}
PEERS = {**QUICK_PEERS, "by hand, no transaction": "plain"}
LIMITS = {"one write, Python": "python-least", "one write, Node.js": "node-least"}

LONGEST_START, LONGEST_EVENT = 240.0, 60.0

JOSHUA = {"name": "Joshua Pendergrast", "organization": "SDSU", "hearing_aid_requested": True}
THOMASINA = {"name": "Thomasina Manes", "organization": "UCSD", "hearing_aid_requested": False}
TIJUANA = {"name": "Tijuana Furlong", "organization": "UCSD", "hearing_aid_requested": True}


class Side:
    """One way of keeping the views, in a database of its own.

    The events of meeting 0 are measured one by one, the others are for bursts. Tijuana has a ticket
    of her own to each. `seconds` and `writing` are of the single events: until the view was seen,
    and until the write was confirmed; `lost` is how many views were not right in time.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seconds: list[float] = []
        self.writing: list[float] = []
        self.lost = 0
        self._attendance: dict[int, bool] = {}
        self._seen: dict[str, Any] = {}
        self._changed = threading.Condition()
        views = client.collection("users/tijuana/MeetingSession")
        self._watch = views.on_snapshot(self._on_snapshot)

    def set_up(self, meetings: int) -> None:
        """Write the sources, and wait until a client sees all views."""
        shared = sources(self.client)
        ticket, meeting = shared.pop("tickets/tj_t"), shared.pop("meetings/meeting_1")
        batch = self.client.batch()
        for path, fields in shared.items():
            batch.set(self.client.document(path), fields)
        for number in range(meetings):
            held = self.client.document(f"tickets/tj_t{number}")
            batch.set(held, ticket)
            fields = {**meeting, "tickets": {**meeting["tickets"], "tijuana": held}}
            batch.set(self.client.document(f"meetings/meeting_{number}"), fields)
            self._attendance[number] = True
        batch.commit()
        self.build()
        if not self._see(range(meetings), LONGEST_START):
            raise AssertionError(f"the views are not right at first: {self._seen}")

    def build(self) -> None:
        """Build the first views, where no function does."""

    def change(self, meetings: Iterable[int]) -> tuple[float, float]:
        """Change the attendance of a ticket to each of some meetings, in one commit.

        Returns:
            Seconds until the write was confirmed, and until all views were seen.
        """
        batch = self.client.batch()
        for number in meetings:
            attendance = not self._attendance[number]
            self._attendance[number] = attendance
            ticket = self.client.document(f"tickets/tj_t{number}")
            batch.update(ticket, {"attendance": attendance})
        started = time.perf_counter()
        batch.commit()
        written = time.perf_counter()
        if not self._see(meetings, LONGEST_EVENT):
            self.lost += sum(not self._is_right(number) for number in meetings)
        return written - started, time.perf_counter() - started

    def measure(self, events: int) -> float:
        """The median of some single events."""
        taken = [self.change([0]) for _ in range(events)]
        self.writing += [written for written, _ in taken]
        self.seconds += [seen for _, seen in taken]
        return statistics.median(seen for _, seen in taken)

    def burst(self, meetings: Iterable[int]) -> float:
        """Seconds until the views of all meetings were right."""
        return self.change(meetings)[1]

    def view(self, number: int) -> tuple[str, dict[str, Any]]:
        """The id of a meeting's view, and what it should hold."""
        attending = [JOSHUA, THOMASINA, *([TIJUANA] if self._attendance[number] else [])]
        content = {
            "latitude": 32.880361,
            "longitude": -117.242929,
            "address": "9500 Gilman Drive, La Jolla, CA",
            "inSession": True,
            "attending": attending,
            "numHearingAidRequested": sum(one["hearing_aid_requested"] for one in attending),
        }
        return f"meeting_{number}", content

    def close(self) -> None:
        self._watch.unsubscribe()
        self.client.close()

    def _is_right(self, number: int) -> bool:
        identifier, content = self.view(number)
        return self._seen.get(identifier) == content

    def _see(self, meetings: Iterable[int], deadline: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: all(map(self._is_right, meetings)), deadline)

    def _on_snapshot(self, _documents: Any, changes: list[Any], _read_time: Any) -> None:
        with self._changed:
            for change in changes:
                self._seen[change.document.id] = change.document.to_dict()
            self._changed.notify_all()


class OntoFn(Side):
    """The compiled functions; the first views are built as a backfill would."""

    def __init__(self, suite: EmulatorSuite) -> None:
        super().__init__(suite.client())
        with environment(FIRESTORE_EMULATOR_HOST=suite.firestore_host):
            self._database = Database(suite.project_id)

    def build(self) -> None:
        engine = Engine([MeetingSession.definition()])
        for number in self._attendance:
            engine.rebuild(self._database, "MeetingSession", f"meetings/meeting_{number}")


class Limit(Side):
    """A function that copies one field into one document."""

    def view(self, number: int) -> tuple[str, dict[str, Any]]:
        return f"tj_t{number}", {"attendance": self._attendance[number]}


@contextmanager
def running() -> Generator[EmulatorSuite]:
    """A suite with the functions of all sides, in a folder that is made of links to them."""
    if not NODE_MODULES.is_dir():
        raise SystemExit(f"{NODE_MODULES} is missing: run `make bench BENCH=latency`")
    with tempfile.TemporaryDirectory(prefix="onto-fn-latency-") as name:
        folder = Path(name)
        for shared in ("tools", ".venv", "firestore.rules"):
            (folder / shared).symlink_to(ROOT / shared)
        app = ROOT / "functions"
        onto = {"app.py": app / "main.py", "meeting_room": app / "meeting_room"}
        _python_codebase(folder / "onto", onto)
        (folder / "onto" / "main.py").write_text("from app import on_tickets_written\n")
        hand = {"main.py": FOLDER / "triggers.py", "meeting_room.py": FOLDER / "meeting_room.py"}
        _python_codebase(folder / "hand", hand)
        (folder / "node").symlink_to(FOLDER / "node")
        runtimes = {"onto": "python311", "hand": "python311", "node": "nodejs22"}
        codebases = [
            {"source": source, "codebase": source, "runtime": runtime}
            for source, runtime in runtimes.items()
        ]
        config = {"firestore": {"rules": "firestore.rules"}, "functions": codebases}
        (folder / "firebase.json").write_text(json.dumps(config))
        with EmulatorSuite(folder, deadline=LONGEST_START) as suite:
            yield suite


def _python_codebase(folder: Path, files: dict[str, Path]) -> None:
    folder.mkdir()
    for name, file in {**files, "venv": ROOT / "functions" / "venv"}.items():
        (folder / name).symlink_to(file)
    (folder / "requirements.txt").touch()  # how the emulator knows that it is Python


def run(options: Options) -> Report:
    """Compare single events, then bursts."""
    warming, rounds, events = options.pick((40, 12, 10), (8, 4, 4))
    bursts, meetings = options.pick((4, 10), (2, 4))
    peers, limits = options.pick((PEERS, LIMITS), (QUICK_PEERS, {}))
    with running() as suite:
        contenders = {ONTO_FN: OntoFn(suite)}
        contenders |= {name: Side(suite.client(database)) for name, database in peers.items()}
        limits = {name: Limit(suite.client(database)) for name, database in limits.items()}
        sides = {**contenders, **limits}
        for side in sides.values():
            side.set_up(1 if isinstance(side, Limit) else 1 + meetings)
            for _ in range(warming):  # compilers, V8's most of all, take some tens of events
                side.change([0])
        medians = interleaved(
            rounds, {n: lambda _, side=s: side.measure(events) for n, s in sides.items()}
        )
        rows = _rows(sides)
        several = range(1, 1 + meetings)
        taken = interleaved(
            bursts, {n: lambda _, side=s: side.burst(several) for n, s in contenders.items()}
        )
        for side in sides.values():
            side.close()
        at_once = _calls_at_once(suite.log_path.read_text())
    if lost := contenders[ONTO_FN].lost:
        raise AssertionError(f"onto_fn lost {lost} events")
    columns = ("", "p50 ms", "p95 ms", "p99 ms", "the write: p50 ms", "events")
    title = "From a write to the view that a client sees"
    report = Report([Table(title, columns, rows), _bursts(contenders, taken, meetings)])
    for name in [*peers, *limits]:
        label = f"{ONTO_FN} / {name}"
        report.ratios.append(Ratio.of(label, medians[ONTO_FN], medians[name], unit="latency"))
    for name in peers:
        label = f"{ONTO_FN} / {name}, burst"
        report.ratios.append(Ratio.of(label, taken[ONTO_FN], taken[name], unit="seconds"))
    report.curves.append(_curves(title, sides))
    report.notes.append(f"function calls at once, at most, by the emulator's log: {at_once}")
    return report


def _rows(sides: dict[str, Side]) -> tuple[tuple[str | float, ...], ...]:
    rows: list[tuple[str | float, ...]] = []
    for name, side in sides.items():
        quantiles = (1000 * value for value in percentiles(side.seconds))
        write = 1000 * statistics.median(side.writing)
        rows.append((name, *quantiles, write, len(side.seconds)))
    return tuple(rows)


def _bursts(sides: dict[str, Side], taken: dict[str, list[float]], events: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for name, side in sides.items():
        median = statistics.median(taken[name])
        rows.append((name, median, max(taken[name]), events / median, side.lost))
    columns = ("", "median s", "longest s", "events/s", "lost")
    return Table(f"{events} tickets in one commit, until all views are right", columns, tuple(rows))


def _calls_at_once(log: str) -> int:
    running = most = 0
    for line in log.splitlines():
        running += ('Beginning execution of "' in line) - (': Finished "' in line)
        most = max(most, running)
    return most


def _curves(title: str, sides: dict[str, Side]) -> Curves:
    series: dict[str, list[tuple[float, float]]] = {}
    for name, side in sides.items():
        cuts = statistics.quantiles(side.seconds, n=100, method="inclusive")
        series[name] = [(percent, 1000 * cuts[percent - 1]) for percent in range(2, 100, 3)]
    return Curves(title, "percent of the writes", "ms at most", series, log=False)
