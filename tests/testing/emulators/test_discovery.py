"""Functions are discovered by one firebase-tools at a time; whoever dies gives the turn back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators import suite as suite_module
from onto_fn.testing.emulators.discovery import discovery, lock_path
from onto_fn.testing.emulators.process import EmulatorError
from onto_fn.testing.emulators.toolchain import Toolchain

HOLDER = """\
import sys
from onto_fn.testing.emulators.discovery import discovery
with discovery():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock of its own for each test: other suites of this machine use the real one."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def holder(tmp_path: Path) -> Generator[subprocess.Popen[str]]:
    """Another process that has the turn until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with process:
        yield process
        process.kill()


def test_a_second_process_waits_no_longer_than_its_deadline(
    holder: subprocess.Popen[str],
) -> None:
    with pytest.raises(EmulatorError, match=f"process {holder.pid}") as raised, discovery(0.2):
        raise AssertionError("two have the turn")

    assert str(lock_path()) in str(raised.value)


def test_who_waits_says_so_once_and_for_whom(
    holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onto_fn.testing.emulators.discovery._SILENT_SECONDS", 0.2)
    told: list[str] = []

    with pytest.raises(EmulatorError), discovery(1.0, told.append):
        raise AssertionError("two have the turn")

    (line,) = told
    assert line.startswith("waiting because functions can only be started")
    assert f"process {holder.pid}, {sys.executable} -c import sys" in line


def test_who_waits_a_moment_says_nothing(holder: subprocess.Popen[str]) -> None:
    told: list[str] = []

    with pytest.raises(EmulatorError), discovery(0.3, told.append):
        raise AssertionError("two have the turn")

    assert told == []


def test_the_turn_comes_when_the_holder_is_done(holder: subprocess.Popen[str]) -> None:
    assert holder.stdin is not None
    holder.stdin.close()

    with discovery(60):
        pass


def test_a_killed_holder_gives_the_turn_back(holder: subprocess.Popen[str]) -> None:
    holder.kill()

    with discovery(60):
        pass


def test_two_suites_of_one_process_take_turns() -> None:
    with discovery(), pytest.raises(EmulatorError, match="another start"), discovery(0.2):
        raise AssertionError("two have the turn")


def test_a_block_that_fails_gives_the_turn_back() -> None:
    with pytest.raises(ZeroDivisionError), discovery():
        raise ZeroDivisionError

    with discovery(0):
        pass


@pytest.mark.parametrize(
    ("only", "waits"), [(("firestore", "functions"), True), (("auth",), False)]
)
def test_a_suite_with_functions_starts_in_its_turn(
    only: tuple[str, ...], waits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started(Exception):
        """Where firebase-tools would have been started."""

    free: list[bool] = []

    def start(*_: object, **__: object) -> None:
        try:
            with discovery(0):
                free.append(True)
        except EmulatorError:
            free.append(False)
        raise Started

    toolchain = Toolchain(Path("java"), ("firebase",), None, None, None)
    monkeypatch.setattr(suite_module, "find_toolchain", lambda *_, **__: toolchain)
    monkeypatch.setattr(suite_module, "BackgroundProcess", start)

    with pytest.raises(Started):
        EmulatorSuite(tmp_path, only=only, log_dir=tmp_path).start()

    assert free == [not waits]
