"""How a command ends: with one line on standard error, and an exit code that scripts can rely on.

| code | meaning |
|---|---|
| 0 | done |
| 1 | done, and what was looked for was found (differences, failures), or refused by the user |
| 2 | not done: wrong usage or surroundings (no emulator, no credentials, no app) |
| 130 | stopped by Ctrl-C |
"""

from __future__ import annotations

USAGE = 2
FOUND = 1
INTERRUPTED = 130


class CommandError(Exception):
    """A command cannot do its work as it was called, or where it was called (exit code 2).

    Args:
        problem: what is wrong, on one line.
        remedy: what to do about it, on the same line.
    """

    exit_code = USAGE

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}: {remedy}" if remedy else problem)


class Found(CommandError):
    """A command did its work, and the answer is not the one hoped for (exit code 1)."""

    exit_code = FOUND


def one_line(error: BaseException | str) -> str:
    """An error's text without line breaks."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
