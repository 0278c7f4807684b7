"""What emulators leave on the disk: logs that somebody may want to read, and settings.

Each has the id of the process in its name that made it. What one that was killed has left, the next
start removes.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from onto_fn.testing.emulators.supervisor import lives

__all__ = ["config_path", "log_folder"]

KEEP_SECONDS = 3600.0  # of a log, after its last line, so that its reader has time
_LOGS = "onto-fn-emulators-"
_CONFIG = ".onto_fn-emulators-"
_MADE_BY = re.compile(r"onto.fn-emulators-(\d+)-")


def log_folder() -> Path:
    """A new folder for logs; those of processes that ended over an hour ago are removed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_LOGS}*-*"):
        if _is_left(folder) and time.time() - _last_change(folder) > KEEP_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_LOGS}{os.getpid()}-"))


def config_path(project_dir: Path) -> Path:
    """A new name for settings of firebase-tools; those of processes that have ended are removed.

    They are beside firebase.json, as their paths are relative to the file.
    """
    for file in project_dir.glob(f"{_CONFIG}*-*.json"):
        if _is_left(file):
            with suppress(OSError):
                file.unlink()
    return project_dir / f"{_CONFIG}{os.getpid()}-{secrets.token_hex(4)}.json"


def _is_left(path: Path) -> bool:
    found = _MADE_BY.search(path.name)
    return found is not None and not lives(int(found[1]))


def _last_change(folder: Path) -> float:
    with suppress(OSError):
        return max(path.stat().st_mtime for path in [folder, *folder.iterdir()])
    return time.time()
