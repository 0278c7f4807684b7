"""From a client's write to the view that it sees, through the Functions emulator's triggers.

A ticket's attendance changes; a client that listens to the views of one user sees it. All sides run
in one suite: onto_fn as the compiled app of functions/, and the same job by hand, in Python with
and without a transaction, and in Node.js. Beside them the least that a function can do, one write
and no read, in both languages: what the emulator takes by itself.

Each side has a database of its own with the same documents, so that no write starts two of them and
no lock is shared. A view counts as seen when it holds just what it should.

Besides, bursts: a ticket of each of several meetings changes in one commit, until all views are
right.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from frame import ROOT, Curves, Options, Ratio, Report, Table, interleaved, percentiles
from google.cloud.firestore import Client

from onto_fn.testing import EmulatorSuite

sys.path.insert(0, str(ROOT / "functions"))

from meeting_room.sample import sources

PEERS = ROOT / "benchmarks" / "peers"
NODE_MODULES = PEERS / "node" / "node_modules"
LONGEST_START, LONGEST_EVENT, LONGEST_BURST = 240.0, 60.0, 60.0

JOSHUA = {"name": "Joshua Pendergrast", "organization": "SDSU", "hearing_aid_requested": True}
THOMASINA = {"name": "Thomasina Manes", "organization": "UCSD", "hearing_aid_requested": False}
TIJUANA = {"name": "Tijuana Furlong", "organization": "UCSD", "hearing_aid_requested": True}


class Side:
    """One competitor in its database; `seconds` are of its single events.

    The meeting of the sample is number 0; there are as many more, with tickets of their own, as a
    burst takes.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.attendance: dict[int, bool] = {}
        self.seconds: list[float] = []
        self.writing: list[float] = []
        self.lost = 0
        self._seen: dict[str, Any] = {}
        self._changed = threading.Condition()
        views = client.collection("users/tijuana/MeetingSession")
        self._watch = views.on_snapshot(self._on_snapshot)

    def set_up(self, meetings: int) -> None:
        """Write the sources, a meeting after the other, until a client sees all views."""
        sample = sources(self.client)
        for path, fields in sample.items():
            if path.startswith(("users/", "locations/")):
                self.client.document(path).set(fields)
        for number in range(meetings):
            batch = self.client.batch()
            tickets: dict[str, Any] = {}
            for user, reference in sample["meetings/meeting_1"]["tickets"].items():
                tickets[user] = self.client.document(f"{reference.path}{number}")
                batch.set(tickets[user], sample[reference.path])
            meeting = self.client.document(f"meetings/meeting_{number}")
            batch.set(meeting, {**sample["meetings/meeting_1"], "tickets": tickets})
            batch.commit()
            self.attendance[number] = True
            if not self._see([number], LONGEST_START):
                raise AssertionError(f"the first views are not right: {self._seen}")

    def change(self, meetings: list[int], deadline: float) -> tuple[float, float]:
        """Change the attendance of a ticket of each meeting in one commit, until the views show it.

        Returns:
            Seconds until the write was confirmed, and until all views were seen. A view that is
            not right at the deadline is lost, and counts as if it were seen then.
        """
        batch = self.client.batch()
        for number in meetings:
            self.attendance[number] = not self.attendance[number]
            ticket = self.client.document(f"tickets/tj_t{number}")
            batch.update(ticket, {"attendance": self.attendance[number]})
        started = time.perf_counter()
        batch.commit()
        written = time.perf_counter()
        right = self._see(meetings, deadline)
        seen = time.perf_counter()
        if not right:
            self.lost += sum(not self._is_right(number) for number in meetings)
        return written - started, seen - started

    def measure(self, events: int) -> float:
        """The median of some single events."""
        taken = [self.change([0], LONGEST_EVENT) for _ in range(events)]
        self.writing += [written for written, _ in taken]
        self.seconds += [seen for _, seen in taken]
        return statistics.median(seen for _, seen in taken)

    def close(self) -> None:
        self._watch.unsubscribe()
        self.client.close()

    def view(self, number: int) -> tuple[str, dict[str, Any]]:
        """The id and the right content of a meeting's view."""
        attending = [JOSHUA, THOMASINA, *([TIJUANA] if self.attendance[number] else [])]
        content = {
            "latitude": 32.880361,
            "longitude": -117.242929,
            "address": "9500 Gilman Drive, La Jolla, CA",
            "inSession": True,
            "attending": attending,
            "numHearingAidRequested": sum(one["hearing_aid_requested"] for one in attending),
        }
        return f"meeting_{number}", content

    def _is_right(self, number: int) -> bool:
        identifier, content = self.view(number)
        return self._seen.get(identifier) == content

    def _see(self, meetings: list[int], deadline: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: all(map(self._is_right, meetings)), deadline)

    def _on_snapshot(self, _documents: Any, changes: list[Any], _read_time: Any) -> None:
        with self._changed:
            for change in changes:
                self._seen[change.document.id] = change.document.to_dict()
            self._changed.notify_all()


class Least(Side):
    """A function that copies one field, for each ticket."""

    def view(self, number: int) -> tuple[str, dict[str, Any]]:
        return f"tj_t{number}", {"attendance": self.attendance[number]}


# The name, the database and the kind of each side.
ONTO_FN = "onto_fn"
HAND_WRITTEN = {
    "by hand, @transactional": "transactional",
    "by hand, no transaction": "plain",
    "by hand, Node.js": "node",
}
LEAST = {"one write, Python": "python-least", "one write, Node.js": "node-least"}


@contextmanager
def running() -> Generator[EmulatorSuite]:
    """A suite with the functions of all sides, in a folder made of links to them."""
    if not NODE_MODULES.is_dir():
        raise SystemExit(f"{NODE_MODULES} is missing: run this as `make bench BENCH=latency`")
    with tempfile.TemporaryDirectory(prefix="onto-fn-latency-") as name:
        folder = Path(name)
        for shared in ("functions", "tools", ".venv", "firestore.rules"):
            (folder / shared).symlink_to(ROOT / shared)
        (folder / "node").symlink_to(PEERS / "node")
        python = folder / "python"
        python.mkdir()
        (python / "main.py").symlink_to(PEERS / "triggers.py")
        (python / "meeting_room.py").symlink_to(PEERS / "meeting_room.py")
        (python / "requirements.txt").touch()
        (python / "venv").symlink_to(ROOT / "functions" / "venv")
        (folder / "firebase.json").write_text(
            """{"firestore": {"rules": "firestore.rules"}, "functions": [
              {"source": "functions", "codebase": "onto", "runtime": "python311"},
              {"source": "python", "codebase": "python", "runtime": "python311"},
              {"source": "node", "codebase": "node", "runtime": "nodejs22"}]}"""
        )
        with EmulatorSuite(folder) as suite:
            yield suite


def run(options: Options) -> Report:
    """Compare single events, then bursts."""
    rounds, events = options.pick((20, 10), (4, 4))
    bursts, meetings = options.pick((5, 12), (2, 4))
    clock = time.perf_counter()
    def lap(what):
        nonlocal clock
        now = time.perf_counter(); print(what, round(now - clock, 1)); clock = now
    with running() as suite:
        lap("start")
        sides = {ONTO_FN: Side(suite.client())}
        sides |= {name: Side(suite.client(database)) for name, database in HAND_WRITTEN.items()}
        sides |= {name: Least(suite.client(database)) for name, database in LEAST.items()}
        with ThreadPoolExecutor(len(sides)) as threads:  # the instances start meanwhile
            list(threads.map(lambda side: side.set_up(1 + meetings), sides.values()))
        lap("set up")
        for side in sides.values():
            for _ in range(events):
                side.change([0], LONGEST_EVENT)
        lap("warm")
        medians = interleaved(
            rounds, {n: lambda _, side=s: side.measure(events) for n, s in sides.items()}
        )
        lap("single")
        single = _single(sides)
        several = list(range(1, 1 + meetings))
        contenders = {n: side for n, side in sides.items() if n not in LEAST}
        for side in contenders.values():  # the emulator starts a process for each event at once
            side.change(several, LONGEST_BURST)
            side.lost = 0
        lap("warm burst")
        taken = interleaved(
            bursts,
            {
                n: lambda _, side=s: side.change(several, LONGEST_BURST)[1]
                for n, s in contenders.items()
            },
        )
        lap("bursts")
        burst = _bursts(contenders, taken, meetings)
        for side in sides.values():
            side.close()
        if sides[ONTO_FN].lost:
            raise AssertionError(f"onto_fn lost {sides[ONTO_FN].lost} events")
    lap("stop")
    report = Report([single, burst])
    for name in [*HAND_WRITTEN, *LEAST]:
        label = f"{ONTO_FN} / {name}"
        report.ratios.append(Ratio.of(label, medians[ONTO_FN], medians[name], unit="latency"))
    for name in HAND_WRITTEN:
        label = f"{ONTO_FN} / {name}, burst"
        report.ratios.append(Ratio.of(label, taken[ONTO_FN], taken[name], unit="seconds"))
    report.curves = [_curves(sides)]
    return report


def _single(sides: dict[str, Side]) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for name, side in sides.items():
        p50, p95, p99 = (1000 * value for value in percentiles(side.seconds))
        write = 1000 * statistics.median(side.writing)
        rows.append((name, p50, p95, p99, write, len(side.seconds), side.lost))
    columns = ("", "p50 ms", "p95 ms", "p99 ms", "the write p50 ms", "events", "lost")
    return Table("From a write to the view that a client sees", columns, tuple(rows))


def _bursts(sides: dict[str, Side], taken: dict[str, list[float]], events: int) -> Table:
    rows: list[tuple[str | float, ...]] = []
    for name, side in sides.items():
        median, longest = statistics.median(taken[name]), max(taken[name])
        rows.append((name, median, longest, events / median, side.lost))
    columns = ("", "median s", "longest s", "events/s", "lost")
    return Table(f"{events} tickets of {events} meetings in one commit", columns, tuple(rows))


def _curves(sides: dict[str, Side]) -> Curves:
    series: dict[str, list[tuple[float, float]]] = {}
    for name, side in sides.items():
        cuts = statistics.quantiles(side.seconds, n=100, method="inclusive")
        series[name] = [(percent, 1000 * cuts[percent - 1]) for percent in range(2, 100, 3)]
    title = "From a write to the view that a client sees"
    return Curves(title, "percent of the writes", "ms at most", series, log=False)
