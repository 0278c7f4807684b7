"""Name the logs and settings of emulators on the disk, and remove old ones.

Each name contains the id of the process that made the file or folder. If a process was killed, the
next start removes what it left.
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

KEEP_SECONDS = 3600.0  # after its last line, a log is kept so that people can read it
_LOGS = "onto-fn-emulators-"
_CONFIG = ".onto_fn-emulators-"
_MADE_BY = re.compile(r"onto.fn-emulators-(\d+)-")


def log_folder() -> Path:
    """Create a folder for logs, and remove folders of processes that ended over an hour ago."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_LOGS}*-*"):
        if _is_left(folder) and time.time() - _last_change(folder) > KEEP_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_LOGS}{os.getpid()}-"))


def config_path(project_dir: Path) -> Path:
    """Name a new settings file for firebase-tools, and remove files of processes that have ended.

    The file is beside firebase.json, because its paths are relative to it.
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
