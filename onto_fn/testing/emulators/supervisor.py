"""Run a command and leave nothing of it behind, however the parent ends.

Run as a program: `python supervisor.py [--remove=FILE]... COMMAND...`, with a pipe as standard
input. It stops when the pipe closes, which the system does even for a parent that is killed, or
when the command ends. Then it ends every process that the command has started, also those in
process groups of their own, as the emulators are, and removes the files. It imports nothing of the
package.
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
GRACE_SECONDS = 15.0  # after SIGINT, for a command that tidies up
SWEEP_SECONDS = 2.0  # from one look for old workers to the next
FORCE_SECONDS = 3.0  # after SIGTERM, and after SIGKILL
LONGEST_STOP_SECONDS = GRACE_SECONDS + 3 * FORCE_SECONDS

_PR_SET_CHILD_SUBREAPER = 36
_WORKER = "functions-framework"
_REMOVE = "--remove="


def main(arguments: list[str]) -> int:
    """Run a command until standard input closes or it ends; returns its exit status."""
    files = list(itertools.takewhile(lambda word: word.startswith(_REMOVE), arguments))
    command = arguments[len(files) :]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Handlers, unlike ignored signals, are not inherited by the command.
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
    """The process ids of all that `root` has started, directly or not, and that live."""
    try:
        children = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in children if lives(child.pid)]


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _adopt_orphans() -> None:
    """Become the parent of processes whose own parent dies (Linux; elsewhere they are init's)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _closed(descriptor: int, seconds: float) -> bool:
    """Wait for up to `seconds`; whether the pipe was closed at its other end."""
    readable, _, _ = select.select([descriptor], [], [], seconds)
    return bool(readable) and not os.read(descriptor, 1024)


def _reap(pid: int, status: int | None) -> int | None:
    """Collect processes that have ended; the exit status of `pid` once it is among them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            ended, code = os.waitpid(-1, os.WNOHANG)
            if not ended:
                return status
            if ended == pid:
                status = os.waitstatus_to_exitcode(code)
    return status


def _end_old_workers(child: int) -> None:
    """End Python workers of functions that firebase-tools has given up.

    After each edit it ends the shells of the workers that have finished their event, and not the
    workers: these go on for ever, and are this process's children then. One that serves has its
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
            # New ones may appear while the others end.
            _signal([pid for pid in living if pid not in signalled], number)
            signalled.update(living)
            time.sleep(POLL_SECONDS / 10)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
