"""One start of functions at a time: firebase-tools looks for an app's functions on a shared port.

To find them, firebase-tools starts a server in the app's Python, on the first port from 8081 up
that seems free to it. Two that start at once choose the same port, and one may be told the
functions of the other.
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
    """The file whose lock is the turn; one for each user of this machine, who alone may open it."""
    return Path(tempfile.gettempdir()) / f"onto-fn-discovery-{os.getuid()}.lock"


@contextmanager
def discovery(
    deadline: float = 600.0, tell: Callable[[str], None] | None = None
) -> Generator[None]:
    """Wait for the turn to let firebase-tools discover functions, and hold it for a `with` block.

    The turn ends with the block, or with this process, however that ends.

    Args:
        deadline: seconds to wait at most.
        tell: called after 5 seconds of waiting, with the process that it waits for.

    Raises:
        EmulatorError: somebody else has held the turn all the time.
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
        os.close(descriptor)  # and so the lock, of which no child has a copy


def _holder(descriptor: int) -> str:
    """The process that has the turn: its id and its command."""
    pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
    try:
        command = " ".join(psutil.Process(int(pid)).cmdline())
    except (psutil.Error, ValueError):
        return f"process {pid or 'unknown'}"
    shown = command if len(command) <= _SHOWN else f"{command[:_SHOWN]}…"
    return f"process {pid}, {shown}" if shown else f"process {pid}"
