"""What emulators leave on the disk, and when it goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onto_fn.testing.traces import KEEP_SECONDS, config_path, log_folder


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def old(folder: Path) -> Path:
    """A folder with a log whose last line is over an hour old."""
    folder.mkdir()
    (folder / "emulators.log").touch()
    for path in (folder / "emulators.log", folder):
        before = path.stat().st_mtime - KEEP_SECONDS - 1
        os.utime(path, (before, before))
    return folder


def test_logs_of_processes_that_have_ended_go_after_an_hour(tmp_path: Path, ended: int) -> None:
    old(tmp_path / f"onto-fn-emulators-{ended}-a")
    fresh = tmp_path / f"onto-fn-emulators-{ended}-b"
    fresh.mkdir()
    running = old(tmp_path / f"onto-fn-emulators-{os.getpid()}-c")
    others = old(tmp_path / "onto-fn-emulators-x8f")

    new = log_folder()

    assert sorted(tmp_path.iterdir()) == sorted([fresh, running, others, new])


def test_settings_of_processes_that_have_ended_go_at_the_next_start(
    tmp_path: Path, ended: int
) -> None:
    left = tmp_path / f".onto_fn-emulators-{ended}-0a1b.json"
    running = tmp_path / f".onto_fn-emulators-{os.getpid()}-0a1b.json"
    for file in (left, running):
        file.touch()

    new = config_path(tmp_path)

    assert list(tmp_path.iterdir()) == [running]
    assert new.parent == tmp_path
    assert new != running
