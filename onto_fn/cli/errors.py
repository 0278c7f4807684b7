"""The errors of a command: one line on standard error, and an exit code for scripts.

| code | meaning |
|---|---|
| 0 | done |
| 1 | done, and differences or failures were found; or the user answered no |
| 2 | not done: wrong usage, or something is missing (emulator, credentials, app) |
| 130 | stopped by Ctrl-C |
"""

from __future__ import annotations

USAGE = 2
FOUND = 1
INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot work with these arguments, or in this folder or environment (exit code 2).

    Args:
        problem: what is wrong, in one line.
        remedy: what to do about it; it is appended to the line.
    """

    exit_code = USAGE

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}: {remedy}" if remedy else problem)


class Found(CommandError):
    """A command did its work and found a problem (exit code 1)."""

    exit_code = FOUND


def one_line(error: BaseException | str) -> str:
    """An error's text without line breaks."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
