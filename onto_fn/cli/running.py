"""Which `onto dev` runs on this machine: each leaves a record, which the other commands read.

So they find its emulators and its project, also where its ports are not those of `firebase.json`.
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
    """An `onto dev` that runs.

    Attributes:
        folder: that of its `firebase.json`.
        project: the project that its emulators run as.
        emulators: the address of each, by name.
        pid: its process.
    """

    folder: str
    project: str
    emulators: Mapping[str, str] = field(default_factory=dict[str, str])
    pid: int = field(default_factory=os.getpid)


@contextmanager
def announced(running: Running) -> Generator[None]:
    """Leave a record of an `onto dev` for a `with` block.

    Where it cannot be written, the other commands find what `firebase.json` says.
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
    """The `onto dev`s of this user that run."""
    return [found for path in _records() if (found := _read(path)) is not None]


def _path(pid: int) -> Path:
    return Path(tempfile.gettempdir()) / f"{_PREFIX}-{_user()}-{pid}.json"


def _records() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}-{_user()}-*.json"))


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _read(path: Path) -> Running | None:
    """The record of a process that lives, None if it has ended, or somebody else has written it."""
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
