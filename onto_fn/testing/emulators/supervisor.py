"""Run a command, and leave none of its processes running, however the parent ends.

Run this as a program, `python supervisor.py [--remove=FILE]... COMMAND...`, with a pipe as standard
input. It stops when the command ends or the pipe closes; the system closes the pipe even if the
parent is killed. Then it ends every process that the command has started, and removes the files.
This includes processes in separate process groups, such as the emulators. The module imports
nothing of the package.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import select
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

import psutil

POLL_SECONDS = 0.2
GRACE_SECONDS = 15.0  # after SIGINT, so that the command can clean up
SWEEP_SECONDS = 2.0  # between two searches for old workers
FORCE_SECONDS = 3.0  # after SIGTERM, and after SIGKILL
LONGEST_STOP_SECONDS = GRACE_SECONDS + 3 * FORCE_SECONDS

_PR_SET_CHILD_SUBREAPER = 36
_WORKER = "functions-framework"
_REMOVE = "--remove="


def main(arguments: list[str]) -> int:
    """Run a command until it ends or standard input closes. Return its exit status."""
    files = list(itertools.takewhile(lambda word: word.startswith(_REMOVE), arguments))
    command = arguments[len(files) :]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The command would inherit ignored signals, but it does not inherit handlers.
        signal.signal(number, _exit)
    _adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    status: int | None = None
    swept = time.monotonic()
    try:
        while status is None and not _closed(sys.stdin.fileno(), POLL_SECONDS):
            status = _reap(child.pid, status)
            if time.monotonic() - swept > SWEEP_SECONDS:
                _end_old_workers(child.pid)
                swept = time.monotonic()
        if status is None:
            _signal([child.pid], signal.SIGINT)
            deadline = time.monotonic() + GRACE_SECONDS
            while status is None and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS / 10)
                status = _reap(child.pid, status)
    finally:
        _end_descendants(child.pid)
        for file in files:
            with contextlib.suppress(OSError):
                os.unlink(file.removeprefix(_REMOVE))
    return status or 0


def descendants(root: int) -> list[int]:
    """The ids of all running processes that `root` has started, directly or indirectly."""
    try:
        children = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in children if lives(child.pid)]


def lives(pid: int) -> bool:
    """Whether a process runs. A zombie does not run."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends. This works on Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _closed(descriptor: int, seconds: float) -> bool:
    """Wait for up to `seconds`, and say whether the other end of the pipe was closed."""
    readable, _, _ = select.select([descriptor], [], [], seconds)
    return bool(readable) and not os.read(descriptor, 1024)


def _reap(pid: int, status: int | None) -> int | None:
    """Reap ended processes, and return the exit status of `pid` if it is one of them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, code = os.waitpid(-1, os.WNOHANG)
            if not ended:
                return status
            if ended == pid:
                status = os.waitstatus_to_exitcode(code)
    return status


def _end_old_workers(child: int) -> None:
    """End Python workers of functions that firebase-tools no longer uses.

    After each edit, firebase-tools ends the shells of idle workers, but not the workers themselves.
    These would run forever, and become children of this process. A worker in use still has its
    shell.
    """
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if process.pid != child and any(_WORKER in word for word in process.cmdline()):
                process.terminate()


def _end_descendants(child: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + FORCE_SECONDS
        signalled: set[int] = set()
        while time.monotonic() < deadline:
            _reap(child, None)
            living = descendants(os.getpid())
            if not living:
                return
            # New processes may appear while others end.
            _signal([pid for pid in living if pid not in signalled], number)
            signalled.update(living)
            time.sleep(POLL_SECONDS / 10)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
