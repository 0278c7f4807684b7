"""Find the running `onto dev`s of this machine. Each leaves a record for the other commands.

With it they find its emulators and its project, even if its ports differ from `firebase.json`.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_PREFIX = "onto-fn-dev"


@dataclass(frozen=True)
class Running:
    """A running `onto dev`.

    Attributes:
        folder: the folder that contains its `firebase.json`.
        project: the project id of its emulators.
        emulators: the address of each emulator, by name.
        pid: the id of its process.
    """

    folder: str
    project: str
    emulators: Mapping[str, str] = field(default_factory=dict[str, str])
    pid: int = field(default_factory=os.getpid)


@contextmanager
def announced(running: Running) -> Generator[None]:
    """Keep a record of an `onto dev` during a `with` block.

    If it cannot be written, the other commands use the ports in `firebase.json`.
    """
    for path in _records():
        if _read(path) is None:
            with suppress(OSError):
                path.unlink()
    path = _path(running.pid)
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(running), file)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def all_running() -> list[Running]:
    """The running `onto dev`s of this user."""
    return [found for path in _records() if (found := _read(path)) is not None]


def _path(pid: int) -> Path:
    return Path(tempfile.gettempdir()) / f"{_PREFIX}-{_user()}-{pid}.json"


def _records() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}-{_user()}-*.json"))


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _read(path: Path) -> Running | None:
    """Read a record; None if its process has ended, or if another user wrote the file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor) as file:
            is_own = os.fstat(descriptor).st_uid == _user()
            content: Any = json.load(file)
        found = Running(**content)
        os.kill(found.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return found if is_own else None
