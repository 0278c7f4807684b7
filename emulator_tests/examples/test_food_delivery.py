"""The example `examples/food_delivery` on the emulators: its own tests, in a copy of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def example(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `make example TO=folder` runs."""
    command = [sys.executable, str(ROOT / "scripts" / "example.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copies") / "food-delivery"
    done = example(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_copy_has_the_wheel_that_its_requirements_name(copied: Path) -> None:
    functions = copied / "functions"
    plain, with_tools = (
        re.findall(r"^\./vendor/\S+", (functions / name).read_text(), re.MULTILINE)
        for name in ("requirements.txt", "requirements-dev.txt")
    )

    assert [(functions / wheel).is_file() for wheel in plain] == [True]
    assert with_tools == [f"{wheel}[cli,testing]" for wheel in plain]


def test_a_folder_that_exists_is_not_written_to(copied: Path) -> None:
    done = example(copied)

    assert (done.returncode, done.stdout) == (1, "")
    assert "exists already: name a new folder" in done.stderr


def test_its_tests_on_the_emulators_pass(copied: Path) -> None:
    """With the packages of this repository, so that nothing has to be installed."""
    (copied / "functions" / "venv").symlink_to(ROOT / "functions" / "venv")
    for name in ("tools", ".venv"):
        (copied / name).symlink_to(ROOT / name)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_emulators.py"],
        cwd=copied,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    number = (copied / "tests" / "test_emulators.py").read_text().count("def test_")
    assert re.search(rf"^{number} passed", done.stdout, re.MULTILINE)
