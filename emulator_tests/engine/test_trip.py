"""The trip of one event of the meeting room stays one that a reader can follow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MOST_CALLS, MOST_FILES, MOST_FRAMES = 540, 30, 18


def the_trip() -> Any:
    """The module, which is not in a package."""
    spec = spec_from_file_location("trip", BENCHMARKS / "trip.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["trip"] = module_from_spec(spec)  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def test_an_event_enters_few_functions_in_few_files_and_goes_not_deep() -> None:
    printed = subprocess.run(
        [sys.executable, BENCHMARKS / "trip.py"], capture_output=True, text=True, check=True
    ).stdout

    sums = re.search(r"(\d+) calls, (\d+) files, (\d+) frames deep", printed)
    assert sums is not None, printed
    calls, files, frames = map(int, sums.groups())
    assert 100 < calls <= MOST_CALLS
    assert files <= MOST_FILES
    assert frames <= MOST_FRAMES


def test_a_trip_counts_functions_whose_frames_take_the_place_of_others() -> None:
    """A closure begins after its first instruction, as a generator that goes on does."""
    module: dict[str, Any] = {}
    source = """
def of(number):
    def closure():
        return number
    return closure

def all_of_them():
    for number in range(9):
        of(number)()
"""
    exec(compile(source, "/somewhere/onto_fn/closures.py", "exec"), module)
    found = the_trip().Trip()
    found.follow(module["all_of_them"])

    names = Counter(step.code.co_name for step in found.steps)
    assert names == {"all_of_them": 1, "of": 9, "closure": 9}
