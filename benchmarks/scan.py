"""`onto backfill` and `onto verify` of many roots, beside those of another commit.

Each command runs in a process of its own, as a person runs it, interleaved with the other commit's
in each round, on databases of its own. Memory is the largest resident size of any process of the
command.

    python benchmarks/scan.py --before FOLDER [--roots 20000] [--rounds 3] [--workers N]

FOLDER is a worktree of the other commit, with its own `.venv`; without it, only this one runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from backfill import write_raw
from frame import ROOT, Ratio, Report, Table
from rich.console import Console

from onto_fn.editing import Database
from onto_fn.testing import EmulatorSuite

_LOOK = 0.05  # seconds between two looks at memory


@dataclass(frozen=True)
class Taken:
    """What a command took: seconds, CPU seconds of it and of the emulator, MiB."""

    wall: float
    cpu: float
    emulator: float
    memory: float
    said: dict[str, Any]


def emulator_cpu() -> float:
    found = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "java" in process.name():
                times = process.cpu_times()
                found += times.user + times.system
        except psutil.Error:
            continue
    return found


def largest(pid: int) -> float:
    """The largest of the processes of a command, in MiB."""
    try:
        process = psutil.Process(pid)
        found = [process, *process.children(recursive=True)]
        return max(one.memory_info().rss / 2**20 for one in found)
    except psutil.Error:
        return 0.0


def run(folder: Path, words: tuple[str, ...], project: str) -> Taken:
    app = folder / "benchmarks" / "apps" / "orders.py"
    command = [folder / ".venv" / "bin" / "onto", *words, "--json"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    before, emulator, begin = used.ru_utime + used.ru_stime, emulator_cpu(), time.perf_counter()
    process = subprocess.Popen(
        [*command, "--app", app, "--project", project],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, largest(process.pid))
        time.sleep(_LOOK)
    wall = time.perf_counter() - begin
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{words} ended with {process.returncode}: {said}")
    cpu = used.ru_utime + used.ru_stime - before
    return Taken(wall, cpu, emulator_cpu() - emulator, memory, json.loads(said.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--before", type=Path, help="worktree of another commit")
    parser.add_argument("--roots", type=int, default=2000 if os.environ.get("QUICK") else 20_000)
    parser.add_argument("--rounds", type=int, default=1 if os.environ.get("QUICK") else 3)
    parser.add_argument("--workers", help="processes of the commands of this commit")
    given = parser.parse_args()
    more = ("--workers", given.workers) if given.workers else ()
    sides = {"now": (ROOT, more)}
    if given.before:
        sides["before"] = (given.before.resolve(), ())
    taken: dict[tuple[str, str], list[Taken]] = {}
    with EmulatorSuite(ROOT, only=("firestore",)) as suite:
        os.environ.update(suite.environ())
        for number in range(given.rounds):
            order = list(sides) if number % 2 else list(reversed(sides))
            projects: dict[str, str] = {}
            for command in ("backfill", "verify"):
                for side in order:
                    folder, extra = sides[side]
                    if command == "backfill":
                        database = Database(f"demo-{secrets.token_hex(6)}")
                        write_raw(database, given.roots)
                        projects[side] = database.project
                    words = (command, "--all") if command == "backfill" else (command,)
                    found = run(folder, (*words, *extra), projects[side])
                    taken.setdefault((command, side), []).append(found)
    report = Report()
    rows = [
        (
            f"{command}, {side}",
            *(min(getattr(one, name) for one in found) for name in ("wall", "cpu", "emulator")),
            max(one.memory for one in found),
            str(found[-1].said.get("reads_per_root", "")),
            str(found[-1].said.get("writes_per_root", "")),
        )
        for (command, side), found in taken.items()
    ]
    columns = ("", "s", "CPU s", "emulator's CPU s", "MiB", "reads/root", "writes/root")
    report.tables.append(Table(f"{given.roots} documents; the best round", columns, tuple(rows)))
    targets = {"backfill": "at least 2", "verify": "at least 4"}
    for command, target in targets.items() if given.before else ():
        before, now = taken[command, "before"], taken[command, "now"]
        for unit, both in (
            ("time", [[one.wall for one in side] for side in (before, now)]),
            ("CPU", [[one.cpu + one.emulator for one in side] for side in (before, now)]),
        ):
            goal = target if unit == "time" else ""
            label = f"{command}, before / now"
            report.ratios.append(Ratio.of(label, *both, unit=unit, target=goal))
    report.show(Console(width=110))


if __name__ == "__main__":
    main()
