"""Names of modules that are loaded from a folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_app_of_the_tests_hides_a_module_of_python() -> None:
    """An app's folder comes first where modules are looked for, as that of functions does."""
    folders = [
        ROOT / "emulator_tests" / "apps",
        *ROOT.glob("benchmarks/apps/*"),
        ROOT / "functions",
    ]
    names = {path.stem for folder in folders for path in folder.glob("*.py")}

    assert names & sys.stdlib_module_names == set()
