"""Drive the program `onto`: in a pseudo-terminal, without one, and often."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

ONTO = Path(sys.executable).parent / "onto"
SECONDS = 60.0

TERMINAL = pytest.mark.parametrize(
    "in_terminal", [True, False], ids=["terminal", "without terminal"]
)

# What would tell a command of this machine's own projects, credentials and habits.
_FOREIGN = ("GOOGLE_", "GCLOUD_", "GCP_", "CLOUDSDK_", "FIREBASE_", "FIRESTORE_", "PUBSUB_")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str = ""

    @property
    def records(self) -> list[dict]:
        """The JSON lines of the output."""
        return [json.loads(line) for line in self.out.splitlines()]


def clean_environ(home: Path, **variables: str) -> dict[str, str]:
    """An environment without credentials, projects and emulators, but for `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    kept |= {
        "HOME": str(home),
        "NO_GCE_CHECK": "true",  # nobody looks for Google's metadata server
        "GRPC_ENABLE_FORK_SUPPORT": "0",
        "GRPC_VERBOSITY": "NONE",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "xterm-256color",
        "COLUMNS": "200",
    }
    return kept | variables


def run(*arguments: str, cwd: Path, environ: Mapping[str, str], given: str = "") -> Ended:
    """Run `onto` without a terminal, until it ends."""
    done = subprocess.run(
        [ONTO, *arguments],
        cwd=cwd,
        env=dict(environ),
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def terminal(
    *arguments: str,
    cwd: Path,
    environ: Mapping[str, str],
    deadline: float = SECONDS,
    program: str = str(ONTO),
) -> Generator[pexpect.spawn]:
    """`onto`, or another program, in a pseudo-terminal of 40 rows and 200 columns.

    `expect_exact` waits for text, `sendline` types, `sendintr` is Ctrl-C, and `end_of` waits for
    the end. It is killed at the end if it still runs.
    """
    process = pexpect.spawn(
        program,
        list(arguments),
        cwd=str(cwd),
        env=dict(environ),
        dimensions=(40, 200),
        encoding="utf-8",
        timeout=deadline,
        preexec_fn=take_interrupts,
    )
    try:
        yield process
    finally:
        process.close(force=True)


def end_of(process: pexpect.spawn) -> Ended:
    """How a command in a terminal ends, with what it has shown since the last `expect`."""
    process.expect(pexpect.EOF)
    return _closed(process)


def take_interrupts() -> None:
    """A command in a terminal hears Ctrl-C, also if the tests run in the background and do not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(process: pexpect.spawn) -> Ended:
    """How a command that waits for an answer ends at Ctrl-C.

    Python can lose an interrupt that comes between its prompt and its read: then the next one ends
    the command.
    """
    for _ in range(3):
        process.sendintr()
        if process.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=10) == 0:
            break
    return _closed(process)


def _closed(process: pexpect.spawn) -> Ended:
    process.close()
    code = process.exitstatus if process.exitstatus is not None else -(process.signalstatus or 0)
    return Ended(code, (process.before or "").replace("\r\n", "\n"))


def assert_one_line(ended: Ended, *, in_terminal: bool) -> str:
    """The one line that a command says why it cannot work, which it has to end with code 2."""
    shown = ended.out if in_terminal else ended.err
    assert len(shown.splitlines()) == 1, shown
    assert in_terminal or ended.out == ""
    return last_line(ended, in_terminal=in_terminal)


def last_line(ended: Ended, *, in_terminal: bool) -> str:
    """The line in which a command says why it ends with code 2."""
    shown = ended.out if in_terminal else ended.err
    assert ended.code == 2, shown
    line = shown.splitlines()[-1]
    assert line.startswith("onto: ")
    return line


class Many:
    """Runs many commands, each in a process of its own that has the library loaded already."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("many.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, cwd: Path, environ: Mapping[str, str], in_terminal: bool
    ) -> Ended:
        """Run one command until it ends."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        case = {
            "arguments": arguments,
            "cwd": str(cwd),
            "environ": dict(environ),
            "terminal": in_terminal,
        }
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)
