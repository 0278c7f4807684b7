"""Benchmarks: `python benchmarks NAME…`, or all of them. See docs/benchmarks.md."""

from __future__ import annotations

import importlib
import json
import os
import platform
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import plots
import typer
from emulator import share
from frame import ROOT, Options, Report
from rich.console import Console

RESULTS = ROOT / "benchmarks" / "results.json"
QUICK_RESULTS = ROOT / "benchmarks" / "results-quick.json"
"""Of its own, so that no quick run takes the place of a full one; not in git."""
BENCHMARKS = (
    *("event", "joins", "hot_document", "aggregates", "fan_out", "latency", "serving", "streams"),
    *("unread_fields", "load_and_build", "cold_start", "scale"),
)
OTHERS = {"latency", "serving", "streams", "load_and_build", "cold_start", "scale"}
"""These start emulators of their own, or none."""


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which: {', '.join(BENCHMARKS)}; default all.")
    ] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Fewer rounds and smaller sizes.")] = False,
) -> None:
    """Run benchmarks, print what they find, and note it in benchmarks/results.json.

    A quick run is noted in results-quick.json, and draws nothing.
    """
    console = Console(width=None if Console().is_terminal else 110)
    chosen = [name.replace("-", "_") for name in names or BENCHMARKS]
    unknown = sorted(set(chosen) - set(BENCHMARKS))
    if unknown:
        raise typer.BadParameter(f"no benchmark {', '.join(unknown)}; there is {BENCHMARKS}")
    if quick and set(chosen) - OTHERS:
        share()
    for name in chosen:
        started = time.perf_counter()
        report: Report = importlib.import_module(name).run(Options(quick=quick))
        report.show(console)
        seconds = time.perf_counter() - started
        console.print(f"{name}: {seconds:.0f} s\n", highlight=False)
        _note(name, report, seconds, quick)
        if report.curves and not quick:
            _draw(name, report, console)


def _draw(name: str, report: Report, console: Console) -> None:
    try:
        drawn = plots.draw(name, report.to_json()["curves"])
    except ImportError:
        console.print("no drawings: install matplotlib (`make bench` does)", highlight=False)
        return
    for path in drawn:
        console.print(f"drawn: {path.relative_to(ROOT)}", highlight=False)


def _note(name: str, report: Report, seconds: float, quick: bool) -> None:
    path = QUICK_RESULTS if quick else RESULTS
    results: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    results[name] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "seconds": round(seconds, 1),
        **report.to_json(),
    }
    path.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
