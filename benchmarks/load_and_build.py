"""Load and build: the CPU of the roots of a backfill's page, apart from the network.

The documents of many meetings are given from memory. All else is as in a page of a backfill: loaded
in step, built, digested, and planned with the writes of the views and of the ledger records. Beside
it the same by hand: a loop over dicts, without validation, ledger and digests.

With `--base=DIRECTORY`, the same is measured with another checkout of onto_fn (which has a `.venv`)
in a process of its own, in interleaved rounds:

    python benchmarks/load_and_build.py --base=../base
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROOTS, USERS, LOCATIONS, PARTICIPANTS, PAGE = 20_000, 2_000, 200, 3, 100
MAX_OVER_BASE = 0.35
DISTINCT = (
    f"{ROOTS:,} meetings, each of {PARTICIPANTS} of {USERS:,} users at one of {LOCATIONS:,} "
    f"locations, and {ROOTS * PARTICIPANTS:,} tickets; {PAGE} meetings a page"
)
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

if __name__ == "__main__":  # also of another checkout, whose `functions/` has the same app
    sys.path[:0] = [str(Path.cwd()), str(Path.cwd() / "functions")]

from onto_fn.engine.materialise.build import build_all  # noqa: E402
from onto_fn.engine.materialise.lookup import Affected  # noqa: E402
from onto_fn.engine.materialise.plan import plan  # noqa: E402
from onto_fn.firestore import Document, Query, Reference  # noqa: E402


def documents() -> dict[str, Document]:
    """The sources, by path."""
    random = Random(7)
    found: dict[str, Document] = {}

    def add(path: str, **fields: Any) -> None:
        found[path] = Document(path, fields, _BEGIN + timedelta(milliseconds=len(found)))

    for number in range(USERS):
        add(
            f"users/user{number:05}",
            firstName=f"First {number}",
            lastName=f"Last {number}",
            hearingAidRequested=number % 3 == 0,
            organization=f"Organization {number % 50}",
        )
    for number in range(LOCATIONS):
        add(
            f"locations/location{number:04}",
            latitude=32.8 + number / 1000,
            longitude=-117.2 - number / 1000,
            address=f"{number} Gilman Drive, La Jolla, CA",
        )
    for number in range(ROOTS):
        users = [f"user{n:05}" for n in random.sample(range(USERS), PARTICIPANTS)]
        for place, user in enumerate(users):
            add(
                f"tickets/ticket{number:06}_{place}",
                role="Participant" if place else "Organizer",
                user=Reference(f"users/{user}"),
                attendance=(number + place) % 4 != 0,
            )
        add(
            f"meetings/meeting{number:06}",
            users=[Reference(f"users/{user}") for user in users],
            tickets={
                user: Reference(f"tickets/ticket{number:06}_{place}")
                for place, user in enumerate(users)
            },
            location=Reference(f"locations/location{number % LOCATIONS:04}"),
            status="in-session" if number % 5 else "not-started",
        )
    return found


class Memory:
    """A database that has some documents; each read gives new objects, as one over the wire does.

    Attributes:
        spent: seconds of CPU that it has taken for that; they are nobody's.
    """

    def __init__(self, known: dict[str, Document]) -> None:
        self.known = known
        self.spent = 0.0

    def get(
        self, paths: Sequence[str], *, read_time: datetime | None = None, **_: Any
    ) -> tuple[dict[str, Document], datetime]:
        begun = time.process_time()
        found = {path: _fresh(path, self.known.get(path)) for path in paths}
        self.spent += time.process_time() - begun
        return found, read_time or _BEGIN

    def query(self, query: Query, **_: Any) -> tuple[list[Document], datetime]:
        raise NotImplementedError(query)


def _fresh(path: str, known: Document | None) -> Document:
    if known is None:
        return Document(path, None, None)
    fields = {
        name: [*value]
        if value.__class__ is list
        else {**value}
        if value.__class__ is dict
        else value
        for name, value in (known.fields or {}).items()
    }
    return replace(known, fields=fields)


def pages() -> Iterator[list[str]]:
    roots = [f"meetings/meeting{number:06}" for number in range(ROOTS)]
    for start in range(0, ROOTS, PAGE):
        yield roots[start : start + PAGE]


def ours(known: dict[str, Document]) -> Callable[[], float]:
    """Seconds of CPU for all roots."""
    from meeting_room.views import MeetingSession

    definition = MeetingSession.definition()
    database: Any = Memory(known)

    def run() -> float:
        database.spent = 0.0
        begun = time.process_time()
        written = 0
        for roots in pages():
            due = [Affected(definition, root, read_time=_BEGIN) for root in roots]
            for item, made in zip(due, build_all(database, due), strict=True):
                found = plan(definition, None, made, item.root, None)
                assert made.error is None, made.error
                assert found is not None
                written += len(found.writes)
        taken = time.process_time() - begun - database.spent
        assert written == ROOTS * (PARTICIPANTS + 1), written
        return taken

    return run


def by_hand(known: dict[str, Document]) -> Callable[[], float]:
    """The same views as a function by hand makes them from what it has read."""
    database = Memory(known)

    def run() -> float:
        database.spent = 0.0
        begun = time.process_time()
        written = 0
        for roots in pages():
            read = lambda paths: {p: d.fields or {} for p, d in database.get(paths)[0].items()}  # noqa: E731
            meetings = read(roots)
            near = {
                reference.path
                for meeting in meetings.values()
                for reference in (
                    *meeting["users"],
                    *meeting["tickets"].values(),
                    meeting["location"],
                )
            }
            sources = read(sorted(near))
            for path, meeting in meetings.items():
                written += len(_view(path, meeting, sources))
        taken = time.process_time() - begun - database.spent
        assert written == ROOTS * PARTICIPANTS
        return taken

    return run


def _view(path: str, meeting: Any, sources: Any) -> dict[str, dict[str, Any]]:
    location = sources[meeting["location"].path]
    attending: list[dict[str, Any]] = []
    if meeting["status"] != "not-started":
        for key in sorted(meeting["tickets"]):
            ticket = sources[meeting["tickets"][key].path]
            if ticket["attendance"]:
                user = sources[ticket["user"].path]
                line = {
                    "name": f"{user['firstName']} {user['lastName']}",
                    "hearing_aid_requested": user["hearingAidRequested"],
                }
                if user.get("organization") is not None:
                    line["organization"] = user["organization"]
                attending.append(line)
    content = {
        "latitude": location["latitude"],
        "longitude": location["longitude"],
        "address": location["address"],
        "inSession": meeting["status"] == "in-session",
        "attending": attending,
        "numHearingAidRequested": sum(line["hearing_aid_requested"] for line in attending),
    }
    identifier = path.rpartition("/")[2]
    return {f"users/{user.id}/MeetingSession/{identifier}": content for user in meeting["users"]}


class Worker:
    """Measures one checkout, in a process of its own that does nothing between two rounds."""

    def __init__(self, checkout: Path) -> None:
        python = checkout / ".venv" / "bin" / "python"
        words = [str(python), str(Path(__file__).resolve()), "--worker"]
        self._process = subprocess.Popen(
            words, cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, side: str) -> float:
        """Seconds of CPU."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(side, file=self._process.stdin, flush=True)
        return float(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def work() -> None:
    """Measure what the standard input asks for, line by line."""
    known = documents()
    gc.collect()
    gc.freeze()  # a backfill has only the documents of a page, and never all to be looked through
    sides = {"ours": ours(known), "by hand": by_hand(known)}
    for line in sys.stdin:
        print(json.dumps(sides[line.strip()]()), flush=True)


def run(options: Any, base: Path | None = None) -> Any:
    """Compare with the loop by hand, and with another checkout."""
    from frame import Ratio, Report, Table, interleaved

    workers = {"onto_fn": Worker(ROOT)} | ({"onto_fn before": Worker(base)} if base else {})
    sides: dict[str, Callable[[int], float]] = {
        name: lambda _, one=worker: one("ours") for name, worker in workers.items()
    }
    sides["by hand"] = lambda _: workers["onto_fn"]("by hand")
    found = interleaved(options.pick(7, 3), sides)
    for worker in workers.values():
        worker.close()
    rows = tuple(
        (name, *(1e6 * pick(seconds) / ROOTS for pick in (_median, min, max)))
        for name, seconds in found.items()
    )
    table = Table("CPU of a root: load, build, digests, plan", ("", "µs", "min", "max"), rows)
    report = Report([table], notes=[DISTINCT])
    if base:
        target = f"at most {MAX_OVER_BASE}"
        before = Ratio.of(
            "onto_fn / before", found["onto_fn"], found["onto_fn before"], unit="CPU", target=target
        )
        report.ratios.append(before)
    report.ratios.append(
        Ratio.of("onto_fn / by hand", found["onto_fn"], found["by hand"], unit="CPU")
    )
    return report


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    if "--worker" in sys.argv:
        work()
    else:
        from frame import Options
        from rich.console import Console

        base = next((w.partition("=")[2] for w in sys.argv[1:] if w.startswith("--base=")), None)
        run(Options(quick="--quick" in sys.argv), Path(base).resolve() if base else None).show(
            Console(width=110)
        )
