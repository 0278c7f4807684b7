"""Run a program in the background, with a log. It never outlives this process."""

from __future__ import annotations

import atexit
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from onto_fn.testing.emulators import supervisor

__all__ = ["BackgroundProcess", "EmulatorError"]

_POLL_SECONDS = 0.05
_TAIL_LINES = 40


class EmulatorError(RuntimeError):
    """The emulators did not start, or have ended; the message ends with the end of their log."""


class BackgroundProcess:
    """A command under a supervisor.

    When this process ends, the supervisor ends everything that the command has started.

    Args:
        command: The program and its arguments.
        environ: Its whole environment.
        log_path: The file for its output; an existing file is replaced. The file's folder is the
            working directory.
        removes: Files that are removed at the end, even if this process is killed.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        log_path: Path,
        *,
        removes: Sequence[Path] = (),
    ) -> None:
        self.log_path = log_path
        log_path.write_bytes(b"")
        with log_path.open("ab") as log:  # others may append to it as well
            self._supervisor = subprocess.Popen(
                [
                    *(sys.executable, "-I", supervisor.__file__),
                    *(f"--remove={file}" for file in removes),
                    *command,
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=log_path.parent,
                env=environ,
                start_new_session=True,  # Ctrl-C in a terminal is for this process to handle
            )
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """The process id of the supervisor, from which all other processes descend."""
        return self._supervisor.pid

    @property
    def running(self) -> bool:
        """Whether the command still runs."""
        return self._supervisor.poll() is None

    def log(self) -> str:
        """The output of the command so far."""
        return self.log_path.read_text(errors="replace")

    def tail(self, lines: int = _TAIL_LINES) -> str:
        """The path of the log and its last lines, for an error message."""
        return "\n".join([f"the end of {self.log_path}:", *self.log().splitlines()[-lines:]])

    def wait_until(self, condition: Callable[[], bool], deadline: float) -> None:
        """Return once `condition` holds.

        Raises:
            EmulatorError: The command ended first, or the deadline (in seconds) passed.
        """
        end = time.monotonic() + deadline
        while not condition():
            if not self.running:
                raise EmulatorError(f"the emulators ended while they started; {self.tail()}")
            if time.monotonic() > end:
                raise EmulatorError(
                    f"the emulators were not ready in {deadline:g} s; {self.tail()}"
                )
            time.sleep(_POLL_SECONDS)

    def wait(self) -> None:
        """Wait until the command ends by itself."""
        self._supervisor.wait()

    def stop(self) -> None:
        """End the command and everything that it started. May be called again."""
        atexit.unregister(self.stop)
        if self._supervisor.stdin:
            self._supervisor.stdin.close()
        try:
            self._supervisor.wait(supervisor.LONGEST_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
            raise EmulatorError(f"the emulators did not stop; {self.tail()}") from None
