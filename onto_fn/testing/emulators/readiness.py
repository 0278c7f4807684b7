"""Read in the log and pages of firebase-tools whether the emulators are ready."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


READY = "All emulators ready"


FIRESTORE_READY = "Dev App Server is now running"


UI_DOWNLOAD = "ui: downloading"


FUNCTIONS_FOUND = "functions: Watching"


FUNCTIONS_FAILED = re.compile(r"Failed to (load function|initialize and load triggers)")


_INITIALIZED = re.compile(
    r"functions\[(?:[a-z0-9-]+-)?(\w+)\]: http function initialized \((http://\S+?)\)"
)


def function_urls(log: str) -> dict[str, str]:
    """The addresses of the HTTP functions that have been loaded, by name."""
    return dict(_INITIALIZED.findall(log))


def undelivered_ui(log: str) -> str | None:
    """Why the download of the Emulator UI failed, None if it succeeded or did not begin."""
    _, downloading, after = log.partition(UI_DOWNLOAD)
    # firebase-tools loads the functions after the download.
    if not downloading or READY in after or FUNCTIONS_FOUND in after:
        return None
    errors = [line.removeprefix("Error: ") for line in after.splitlines() if "Error: " in line]
    return errors[0].strip() if errors else "it took too long"


def page_of(url: str) -> str | None:
    """The body of a page, None while no server answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.read().decode()
    except (OSError, urllib.error.URLError):
        return None
