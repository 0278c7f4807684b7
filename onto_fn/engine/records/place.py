"""Where in the application's own code an error comes from."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from types import TracebackType

MAX_PLACE = 200  # characters
_LIBRARIES = ("site-packages", "dist-packages")
_OWN = str(Path(__file__).resolve().parents[2]) + os.sep
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep


def place_of(error: BaseException) -> str:
    """File and line of the innermost frame in the application's code, such as `views.py:12`.

    If an error has a cause, the cause decides: the application raised it, and the library wrapped
    it. The file is relative to the folder of the app.

    Args:
        error: an error that was raised.

    Returns:
        "" if no frame is the application's.
    """
    seen: set[int] = set()
    place = ""
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        place = _innermost(current.__traceback__) or place
        current = current.__cause__
    return place


def _innermost(traceback: TracebackType | None) -> str:
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if _is_applications(file):
            found = f"{_shortened(file)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


@cache
def _is_applications(file: str) -> bool:
    if file.startswith(("<", _OWN, _STANDARD)):
        return False
    parts = file.split(os.sep)
    return not any(name in parts for name in _LIBRARIES)


def _shortened(file: str) -> str:
    folders = [folder.rstrip(os.sep) + os.sep for folder in sys.path if folder]
    known = [folder for folder in folders if file.startswith(folder)]
    name = file[len(max(known, key=len)) :] if known else os.path.basename(file)
    return name if len(name) <= MAX_PLACE else f"…{name[1 - MAX_PLACE :]}"
