"""What a type checker sees: pyright accepts the files in tests/typing, strictly.

What it has to refuse there has a `# pyright: ignore`, which is an error itself if nothing is
refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "typing"
FILES = sorted(path.name for path in FOLDER.glob("*.py"))


@pytest.fixture(scope="module")
def problems() -> dict[str, list[str]]:
    """What pyright says, by file; one call for all."""
    command = [sys.executable, "-m", "pyright", "--project", str(FOLDER), "--outputjson"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(answer.stdout)
    assert found["summary"]["filesAnalyzed"] == len(FILES)
    by_file: dict[str, list[str]] = {name: [] for name in FILES}
    for problem in found["generalDiagnostics"]:
        line = problem["range"]["start"]["line"] + 1
        name = Path(problem["file"]).name
        by_file.setdefault(name, []).append(f"{name}:{line}: {problem['message']}")
    return by_file


@pytest.mark.parametrize("name", FILES)
def test_a_type_checker_sees_the_types_that_are_meant(
    problems: dict[str, list[str]], name: str
) -> None:
    assert problems[name] == []
