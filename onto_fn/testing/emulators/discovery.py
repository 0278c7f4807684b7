"""Start functions one at a time, because firebase-tools discovers them on a shared port.

To discover the functions of an app, firebase-tools starts a server in the app's Python. It uses the
first port from 8081 up that seems free. Two starts at the same time choose the same port, and one
may get the functions of the other.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import tenacity

from onto_fn.testing.emulators.process import EmulatorError

__all__ = ["discovery", "lock_path"]

_PAUSE_SECONDS = 0.1
_SILENT_SECONDS = 5.0
_SHOWN = 80  # characters of another process's command


def lock_path() -> Path:
    """The lock file. Each user of this machine has one, which only that user may open."""
    return Path(tempfile.gettempdir()) / f"onto-fn-discovery-{os.getuid()}.lock"


@contextmanager
def discovery(
    deadline: float = 600.0, tell: Callable[[str], None] | None = None
) -> Generator[None]:
    """Wait for the lock on the discovery of functions, and hold it for a `with` block.

    The lock is released after the block, and when this process ends for any reason.

    Args:
        deadline: maximum number of seconds to wait.
        tell: called after 5 seconds of waiting, with a text that names the holder of the lock.

    Raises:
        EmulatorError: another process held the lock all the time.
    """
    path = lock_path()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        told: list[str] = []

        def before_sleep(state: tenacity.RetryCallState) -> None:
            if tell is None or told or (state.seconds_since_start or 0.0) < _SILENT_SECONDS:
                return
            told.append(
                "waiting because functions can only be started one at a time: "
                f"{_holder(descriptor)}"
            )
            tell(told[0])

        waiting = tenacity.Retrying(
            before_sleep=before_sleep,
            retry=tenacity.retry_if_exception_type(BlockingIOError),
            stop=tenacity.stop_after_delay(deadline),
            wait=tenacity.wait_fixed(_PAUSE_SECONDS),
            reraise=True,
        )
        try:
            waiting(fcntl.flock, descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmulatorError(
                f"another start of functions has held {path} for {deadline:g} s "
                f"({_holder(descriptor)}): stop it, or try again when it is done"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)  # this releases the lock, because no child inherits the descriptor


def _holder(descriptor: int) -> str:
    """The process that holds the lock: its id and its command."""
    pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    try:
        command = " ".join(psutil.Process(int(pid)).cmdline())
    except (psutil.Error, ValueError):
        return f"process {pid or 'unknown'}"
    shown = command if len(command) <= _SHOWN else f"{command[:_SHOWN]}…"
    return f"process {pid}, {shown}" if shown else f"process {pid}"
