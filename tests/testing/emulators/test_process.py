"""Background processes leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onto_fn.testing.emulators.process import BackgroundProcess, EmulatorError
from onto_fn.testing.emulators.supervisor import descendants, lives
from onto_fn.testing.eventually import eventually

# A command with a child in a session of its own, as firebase-tools starts the emulators.
FAMILY = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)\n"
    "print('ready', flush=True)\n"
    "time.sleep(600)\n",
]


# firebase-tools after two edits: the shell of an old worker is gone, that of a new one is there.
WORKERS = """
import subprocess, sys, time
worker = [sys.executable, "-c", "import time; time.sleep(600)", "functions-framework"]
for shell in (["sh", "-c"], ["setsid", "sh", "-c"]):
    old = " ".join(f"'{word}'" for word in worker)
    subprocess.run([*shell, f"{old} & echo old $!"], check=True)
new = subprocess.Popen(worker)
other = f"'{sys.executable}' -c 'import time; time.sleep(600)'"
subprocess.run(["sh", "-c", f"{other} & echo kept $!"], check=True)
print("kept", new.pid, flush=True)
print("ready", flush=True)
time.sleep(600)
"""


def start(command: list[str], folder: Path) -> BackgroundProcess:
    return BackgroundProcess(command, os.environ, folder / "log")


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if lives(pid)]


def test_stop_ends_processes_in_sessions_of_their_own(tmp_path: Path) -> None:
    process = start(FAMILY, tmp_path)
    process.wait_until(lambda: "ready" in process.log(), deadline=20)
    family = descendants(process.pid)

    process.stop()

    assert len(family) == 2
    assert living(family) == []


def test_children_of_a_command_that_was_killed_are_ended_too(tmp_path: Path) -> None:
    process = start(FAMILY, tmp_path)
    process.wait_until(lambda: "ready" in process.log(), deadline=20)
    command, child = descendants(process.pid)

    os.kill(command, signal.SIGKILL)
    process.wait()

    assert living([child]) == []


def test_processes_of_a_parent_that_was_killed_are_ended(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from onto_fn.testing.emulators.process import BackgroundProcess\n"
        f"process = BackgroundProcess({FAMILY!r}, os.environ, Path({str(tmp_path / 'log')!r}))\n"
        "process.wait_until(lambda: 'ready' in process.log(), 20)\n"
        "print('started', flush=True)\n"
        "process.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"started\n"
        family = descendants(parent.pid)
        parent.kill()

    assert len(family) == 3
    eventually(lambda: not living(family))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere orphans are the system's")
def test_workers_that_firebase_tools_has_given_up_are_ended_and_no_others(tmp_path: Path) -> None:
    process = start([sys.executable, "-c", WORKERS], tmp_path)
    process.wait_until(lambda: "ready" in process.log(), deadline=20)
    pids = [line.split() for line in process.log().splitlines() if " " in line]
    old, kept = ([int(pid) for name, pid in pids if name == n] for n in ("old", "kept"))

    eventually(lambda: not living(old))

    assert (len(old), len(kept)) == (2, 2)
    assert living(kept) == kept
    process.stop()
    assert living(kept) == []


def test_files_of_a_parent_that_was_killed_are_removed(tmp_path: Path) -> None:
    file = tmp_path / "settings"
    file.touch()
    script = (
        "import os\n"
        "from pathlib import Path\n"
        "from onto_fn.testing.emulators.process import BackgroundProcess\n"
        f"process = BackgroundProcess({FAMILY!r}, os.environ, Path({str(tmp_path / 'log')!r}),\n"
        f"    removes=[Path({str(file)!r})])\n"
        "print('started', flush=True)\n"
        "process.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"started\n"
        assert file.exists()
        parent.terminate()  # as a pytest that is ended

    eventually(lambda: not file.exists())


def test_command_that_ends_while_awaited_is_an_error_with_its_last_lines(tmp_path: Path) -> None:
    process = start(["sh", "-c", "echo no such emulator; exit 3"], tmp_path)

    with pytest.raises(EmulatorError, match="no such emulator"):
        process.wait_until(lambda: False, deadline=20)


def test_condition_that_does_not_hold_in_time_is_an_error(tmp_path: Path) -> None:
    process = start(FAMILY, tmp_path)

    with pytest.raises(EmulatorError, match="not ready in"):
        process.wait_until(lambda: False, deadline=0.1)

    process.stop()


def test_stop_may_be_called_again(tmp_path: Path) -> None:
    process = start(["true"], tmp_path)

    process.stop()
    process.stop()

    assert not process.running
