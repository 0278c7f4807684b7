"""The trip of one event of the meeting room stays one that a reader can follow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MOST_CALLS, MOST_FILES, MOST_FRAMES = 375, 22, 18


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
