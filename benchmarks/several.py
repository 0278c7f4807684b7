"""A change that affects several views or copies, beside another checkout of onto_fn.

`python benchmarks/several.py --against FOLDER` measures, in turns on one emulator, each checkout in
a process of its own:

    meeting   the status of a meeting of three users changes: its own view and those of the users
    ticket    a ticket's attendance changes: one view
    unread N  a field that no view reads changes in a document that N views have read: it is billed
              the look-up alone, which is asserted
    feed N    a post with N followers is edited: N copies in 40 shards, handled in this process,
              beside a raw batched write of the same documents

Trips are calls one after the other: calls that are under way at the same time are one.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import grpc

HERE = Path(__file__).resolve().parent
EVENTS = 8  # of one measurement
ROUNDS = 15
UNREAD = {1: 15, 300: 7}
"""Rounds by the number of views that depend on the document."""
FEEDS = {10: 25, 100: 15, 1000: 7, 10_000: 5}
"""Rounds by the number of followers."""


class Trips(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Counts calls, and trips: calls under way at the same time are one."""

    def __init__(self) -> None:
        self.calls = self.trips = self._open = 0
        self._lock = Lock()

    def begin(self) -> None:
        with self._lock:
            self.calls += 1
            self.trips += self._open == 0
            self._open += 1

    def end(self) -> None:
        with self._lock:
            self._open -= 1

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.begin()
        call = continuation(details, request)
        call.add_done_callback(lambda _: self.end())
        return call

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        self.begin()
        return self._read(continuation(details, request))

    def _read(self, answers: Iterator[Any]) -> Iterator[Any]:
        yield from answers
        self.end()


class Measured:
    """Seconds of wall clock and of CPU, calls and trips of some events."""

    def __init__(self, trips: Trips) -> None:
        self.seconds: list[float] = []
        self.cpu: list[float] = []
        self._trips = trips
        self._before = trips.calls, trips.trips

    def of(self, call: Callable[[], object]) -> None:
        started, used = time.perf_counter(), time.process_time()
        call()
        self.seconds.append(time.perf_counter() - started)
        self.cpu.append(time.process_time() - used)

    def to_json(self) -> dict[str, float]:
        calls, trips = self._before
        events = len(self.seconds)
        return {
            "seconds": statistics.median(self.seconds),
            "cpu": statistics.median(self.cpu),
            "calls": (self._trips.calls - calls) / events,
            "trips": (self._trips.trips - trips) / events,
        }


class Meetings:
    """The meeting room, with changes of a meeting and of a ticket."""

    MEETING = "meetings/meeting_1"

    def __init__(self) -> None:
        import event

        from onto_fn.editing import Database

        self.room = event.Room()
        self.trips = Trips()
        self.database = Database(self.room.project, interceptors=[self.trips])
        for _ in range(5):
            self._handle(self.change())
            self._handle(self.room.change())

    def change(self) -> Any:
        from onto_fn.firestore import Document, Write
        from onto_fn.observability import Change

        plain, path = self.room.plain, self.MEETING
        before = plain.get([path])[0][path]
        fields = dict(before.fields or {})
        fields["status"] = "closed" if fields["status"] == "in-session" else "in-session"
        after = Document(path, fields, plain.commit([Write(path, fields)]))
        return Change(path, before, after, secrets.token_hex(8))

    def _handle(self, change: Any) -> None:
        outcomes = self.room.engine.handle(self.database, change)
        assert {outcome.result.value for outcome in outcomes} == {"committed"}

    def measure(self, make: Callable[[], Any]) -> dict[str, float]:
        measured = Measured(self.trips)
        for _ in range(EVENTS):
            change = make()
            measured.of(lambda change=change: self._handle(change))
        return measured.to_json()


class Unread:
    """A dish on so many menus, whose stock no menu shows."""

    def __init__(self, menus: int) -> None:
        from onto_fn.editing import Database
        from onto_fn.testing.billing import Billing

        self._engine = runpy.run_path(str(HERE / "apps" / "dishes.py"))["app"].engine
        project = f"demo-{secrets.token_hex(6)}"
        self._menus, self._stock = menus, 0
        self.trips, self.billing = Trips(), Billing()
        self.plain = Database(project)
        self.database = Database(project, interceptors=[self.trips, self.billing])
        self._write("dishes/soup", {"name": "Soup"})
        for number in range(menus):
            change = self._write(f"menus/menu{number}", {"dishes": ["dishes/soup"]})
            self._engine.handle(self.plain, change)

    def _write(self, path: str, fields: dict[str, Any]) -> Any:
        from onto_fn.firestore import Document, Write
        from onto_fn.observability import Change

        before = self.plain.get([path])[0][path]
        after = Document(path, fields, self.plain.commit([Write(path, fields)]))
        return Change(path, before, after, secrets.token_hex(8))

    def measure(self) -> dict[str, float]:
        measured = Measured(self.trips)
        for _ in range(EVENTS):
            self._stock += 1
            change = self._write("dishes/soup", {"name": "Soup", "stock": self._stock})
            self.billing.counts.clear()
            measured.of(lambda change=change: self._engine.handle(self.database, change))
        return {**measured.to_json(), "billed": sum(self.billing.counts.values())}

    def check(self) -> dict[str, float]:
        counts = self.billing.counts
        # a page of the look-up that is full has another after it, and an empty one costs a read
        assert counts["reads"] in (self._menus, self._menus + 1), counts
        assert not counts["writes"], counts
        return {}


class Feed:
    """A post in the feeds of so many followers; its batches are handled in this process."""

    def __init__(self, followers: int) -> None:
        import feed
        from google.cloud.firestore import Client

        from onto_fn import FanOut
        from onto_fn.editing import Database
        from onto_fn.engine import Engine

        definitions = runpy.run_path(str(feed.APP))["app"].engine.definitions.values()
        project = f"demo-{secrets.token_hex(6)}"
        self.trips = Trips()
        self.plain = Database(project)
        self.database = Database(project, interceptors=[self.trips])
        self._batches: list[Any] = []
        self._engine = Engine(
            definitions, fan_out=FanOut(), publish=lambda _, more: self._batches.extend(more)
        )
        self.feeds = feed.Feeds(Client(project=project), "author", followers)
        self.feeds.follow(self.feeds.names)
        for _ in range(2):
            self.edit()
        self.raw()

    def edit(self) -> dict[str, float]:
        from onto_fn.firestore import Document
        from onto_fn.observability import Change

        text, post = secrets.token_hex(8), self.feeds.post
        self.feeds.edit(text)
        after = self.plain.get([post])[0][post]
        change = Change(post, Document(post, {}, datetime.min), after, text)
        measured = Measured(self.trips)
        measured.of(lambda: self._handle(change))
        return measured.to_json()

    def _handle(self, change: Any) -> None:
        self._engine.handle(self.database, change)
        for batch in self._batches:
            self._engine.handle_batch(self.database, batch)
        self._batches.clear()

    def raw(self) -> dict[str, float]:
        measured = Measured(self.trips)
        measured.of(self.feeds.write_raw)
        return measured.to_json()

    def check(self) -> dict[str, float]:
        if wrong := self.feeds.wrong():
            raise AssertionError(f"{len(wrong)} feeds are wrong")
        return {}


def serve() -> None:
    """Carry out what each line asks for, and answer with what was measured."""
    import event  # noqa: F401 - it finds what the functions are made of

    meetings: Meetings | None = None
    feeds: dict[int, Feed] = {}
    dishes: dict[int, Unread] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        what, _, number = line.strip().partition(" ")
        if what in {"meeting", "ticket"}:
            meetings = meetings or Meetings()
            made = meetings.measure(meetings.change if what == "meeting" else meetings.room.change)
        elif what in {"unread", "check-unread"}:
            menus = int(number)
            if menus not in dishes:
                dishes[menus] = Unread(menus)
            made = dishes[menus].measure() if what == "unread" else dishes[menus].check()
        else:
            followers = int(number)
            if followers not in feeds:
                feeds[followers] = Feed(followers)
            made = getattr(feeds[followers], what)()
        memory = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
        print(json.dumps({**made, "memory": int(memory) / 1024}), flush=True)


class Side:
    """A checkout, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        environ = {**os.environ, "PYTHONPATH": f"{folder}:{folder / 'benchmarks'}"}
        command = [sys.executable, "-P", str(HERE / "several.py"), "--serve"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=environ, cwd=folder, **pipes)
        self._read()

    def ask(self, what: str) -> dict[str, float]:
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        return json.loads(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"a worker ended with {self._process.wait()}")
        return line

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def spread(values: list[float]) -> str:
    """The median, with the smallest and the largest."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def rounds_of(sides: dict[str, Callable[[], dict[str, float]]], rounds: int) -> dict[str, Any]:
    """What each side measured in each round; every other round goes in the other order."""
    for ask in sides.values():  # what is made at first is not measured
        ask()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 == 0 else list(reversed(sides)):
            found[name].append(sides[name]())
    return {
        name: {key: [one[key] for one in made] for key in made[0]} for name, made in found.items()
    }


def show(title: str, found: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    """Print medians, and the ratios of neighbours."""
    for name, made in found.items():
        median = {key: statistics.median(values) for key, values in made.items()}
        print(
            f"{title:12} {name:7} {1000 * median['seconds']:8.1f} ms  {1000 * median['cpu']:8.2f}"
            f" ms CPU  {median['trips']:4.0f} trips  {median['calls']:4.0f} calls"
            f"  {median['memory']:4.0f} MiB"
        )
    for one, other in pairs:
        for key in ("seconds", "cpu"):
            ratios = [a / b for a, b in zip(found[one][key], found[other][key], strict=True)]
            print(f"{title:12} {one} / {other}, {key}: {spread(ratios)}")


def compare(
    folders: dict[str, Path], rounds: int, unread: dict[int, int], feeds: dict[int, int]
) -> None:
    """Measure all of it."""
    from emulator import emulator

    with emulator():
        sides = {name: Side(folder) for name, folder in folders.items()}
        against = [("now", "before")] if "before" in sides else []
        for what in ("meeting", "ticket") if rounds else ():
            asked = {name: lambda s=side, w=what: s.ask(w) for name, side in sides.items()}
            show(what, rounds_of(asked, rounds), against)
        for number, times in unread.items():
            asked = {
                name: lambda s=side, n=number: s.ask(f"unread {n}") for name, side in sides.items()
            }
            show(f"unread {number:,}", rounds_of(asked, times), against)
            sides["now"].ask(f"check-unread {number}")
        for number, times in feeds.items():
            asked = {
                name: lambda s=side, n=number: s.ask(f"edit {n}") for name, side in sides.items()
            }
            asked["raw"] = lambda n=number: sides["now"].ask(f"raw {n}")
            found = rounds_of(asked, times)
            for side in sides.values():
                side.ask(f"check {number}")
            show(f"feed {number:,}", found, [*against, *((name, "raw") for name in sides)])
        for side in sides.values():
            side.close()


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--against", type=Path, help="another checkout, measured in turns")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of meeting and ticket")
    parser.add_argument("--menus", type=int, nargs="*", default=list(UNREAD), help="of the dish")
    parser.add_argument("--followers", type=int, nargs="*", default=list(FEEDS), help="of the post")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    folders = {"now": HERE.parent}
    if options.against:
        folders["before"] = options.against.resolve()
    unread = {n: UNREAD.get(n, 5) for n in options.menus}
    compare(folders, options.rounds, unread, {n: FEEDS.get(n, 5) for n in options.followers})


if __name__ == "__main__":
    main()
