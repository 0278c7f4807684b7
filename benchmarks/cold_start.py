"""Import time and memory of the meeting room's functions, beside a bare hand-written one.

Each run is a fresh process with compiled bytecode, as an instance has it. Twice: by itself, and
where functions-framework is loaded already, which serves either one in production and brings Flask.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from functools import cache

from frame import ROOT, Options, Ratio, Report, Table, interleaved

FUNCTIONS, PEERS = ROOT / "functions", ROOT / "benchmarks" / "peers"
MAX_TIME, MAX_MEMORY = 1.10, 1.15

MEASURED = """
import pathlib, resource, sys, time
{before}
started, used = time.perf_counter(), time.process_time()
{imported}
seconds, used = time.perf_counter() - started, time.process_time() - used
try:  # of Linux: what getrusage tells begins with the memory of the process that started this one
    peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, used, int(peak) / 1024, len(sys.modules))
"""
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)")


class Process:
    """One way to be loaded; `runs` are wall seconds, CPU seconds, MiB and modules of each run."""

    def __init__(self, imported: str, before: str = "") -> None:
        self.imported, self.before = imported, before
        self.runs: list[tuple[float, ...]] = []

    def run(self, _: int) -> float:
        code = MEASURED.format(before=self.before, imported=f"import {self.imported}")
        self.runs.append(tuple(map(float, _python("-c", code).stdout.split())))
        return self.runs[-1][0]

    def medians(self) -> list[float]:
        return [statistics.median(column) for column in zip(*self.runs, strict=True)]

    def column(self, number: int) -> list[float]:
        return [run[number] for run in self.runs]


def run(options: Options) -> Report:
    """Compare interleaved runs, and show what the time goes to."""
    rounds = options.pick(7, 2)
    served = "import functions_framework"
    sides = {
        "bare": Process("bare"),
        "meeting room": Process("main"),
        "bare, under functions-framework": Process("bare", served),
        "meeting room, under functions-framework": Process("main", served),
        "google.cloud.firestore alone": Process("google.cloud.firestore"),
    }
    if options.quick:
        sides = {name: sides[name] for name in ("bare", "meeting room")}
    for side in sides.values():  # writes the bytecode, and warms the machine's cache of files
        _python("-c", f"import {side.imported}")
    interleaved(rounds, {name: side.run for name, side in sides.items()})
    columns = ("", "import ms", "CPU ms", "memory MiB", "modules")
    rows = tuple(
        (name, wall * 1000, cpu * 1000, memory, int(modules))
        for name, (wall, cpu, memory, modules) in ((n, s.medians()) for n, s in sides.items())
    )
    report = Report(tables=[Table("Cold start", columns, rows)])
    for suffix in options.pick(("", ", under functions-framework"), ("",)):
        ours, bare = sides[f"meeting room{suffix}"], sides[f"bare{suffix}"]
        label = f"meeting room / bare{suffix}"
        for number, unit, target in (
            (0, "import time", f"at most {MAX_TIME:.2f}"),
            (1, "import CPU", ""),
            (2, "memory", f"at most {MAX_MEMORY:.2f}"),
        ):
            columns_of = ours.column(number), bare.column(number)
            wanted = "" if suffix else target
            report.ratios.append(Ratio.of(label, *columns_of, unit=unit, target=wanted))
    report.tables += [_packages("main"), _modules("main")]
    return report


def _packages(imported: str) -> Table:
    """What the time of an import goes to, by distribution-like prefix."""
    spent: defaultdict[str, list[int]] = defaultdict(list)
    for name, own in _profile(imported):
        depth = 3 if name.startswith("google.cloud.") else 2 if name.startswith("google.") else 1
        spent[".".join(name.split(".")[:depth])].append(own)
    rows = sorted(((n, sum(v) / 1000, len(v)) for n, v in spent.items()), key=lambda row: -row[1])
    return Table(f"{imported}: self time by package", ("", "ms", "modules"), tuple(rows[:12]))


def _modules(imported: str) -> Table:
    rows = sorted(((n, own / 1000) for n, own in _profile(imported)), key=lambda row: -row[1])
    return Table(f"{imported}: top modules by self time", ("", "ms"), tuple(rows[:15]))


@cache
def _profile(imported: str) -> list[tuple[str, int]]:
    """Each module that an import loads, with its own microseconds."""
    lines = _python("-X", "importtime", "-c", f"import {imported}").stderr.splitlines()
    found = [match for line in lines if (match := _LINE.match(line))]
    return [(match[4], int(match[1])) for match in found]


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (FUNCTIONS, PEERS, ROOT)))
    environ = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], env=environ, capture_output=True, text=True, check=True
    )
