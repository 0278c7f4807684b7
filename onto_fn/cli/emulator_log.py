"""Read the emulators' log as it grows, and find the lines about the app.

The functions write one line of JSON per outcome, in the format of Cloud Logging.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

POLL_SECONDS = 0.1
LABELS = "logging.googleapis.com/labels"

_JSON = re.compile(r"\{.*\}\s*$")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LOADED = re.compile(r"Loaded functions definitions from source: (.+?)\.?$")
_FAILED = re.compile(r"Failed to load function definition from source: ?(.*)$")
_LOST = re.compile(r"Failed to handle request for function (\S+)$")
_UNSERVED = re.compile(r"strict indexes: a query of (\S+) needs (\{.*\})$")
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_LIBRARIES = {"site-packages", "dist-packages", "node_modules"}
_ERROR = re.compile(r"^[\w.]*(Error|Exception|InvalidDocument|MissingDocument)\b.*")


@dataclass(frozen=True)
class Outcome:
    """The outcome of an event for one view or mediator.

    Attributes:
        at: the time, in ISO 8601.
        severity: the severity of Cloud Logging.
        document: path of the document that changed.
        view: name of the view or mediator, empty if the line is about the event as a whole.
        root: path of the root.
        outcome: such as "committed".
        latency_ms: milliseconds since the start of the work, None if unknown.
        message: the whole line, for people.
        error: the reason of a failure, "" if there was no failure or no reason is given.
    """

    at: str
    severity: str
    document: str
    view: str
    root: str
    outcome: str
    latency_ms: float | None
    message: str
    error: str = ""


@dataclass(frozen=True)
class Reload:
    """The functions were loaded again after an edit.

    Attributes:
        functions: the functions that were found; empty if they could not be loaded.
        error: why they could not be loaded.
        where: file and line of the app's code in which the error occurred, "" if unknown.
    """

    functions: str = ""
    error: str = ""
    where: str = ""


@dataclass(frozen=True)
class Lost:
    """An event that was lost: its function could not start, and the emulator does not redeliver.

    Attributes:
        function: name of the function.
    """

    function: str


@dataclass(frozen=True)
class Unserved:
    """A query that was refused, because no index serves it.

    Attributes:
        collection: id of the collection that it asks.
        entry: the entry to add to the index file, as JSON.
    """

    collection: str
    entry: str


def lines_of(log: Path, goes_on: Callable[[], bool], *, start: int = 0) -> Iterator[str]:
    """Yield the lines of a log from the byte `start`, and new lines while `goes_on()` is true."""
    with log.open(errors="replace") as file:
        file.seek(start)
        rest = ""
        while True:
            read = file.readline()
            if not read:
                if not goes_on():
                    return
                time.sleep(POLL_SECONDS)
                continue
            rest += read
            if rest.endswith("\n"):
                yield _COLOUR.sub("", rest.rstrip("\n"))
                rest = ""


def told(
    lines: Iterable[str], folder: Path | None = None
) -> Iterator[Outcome | Reload | Lost | Unserved]:
    """Yield what the lines of the log report about the app.

    Args:
        lines: lines of the log.
        folder: the project's folder; only its files are named as the place of an error.
    """
    error = where = ""
    for line in lines:
        where = place_in(line, folder) or where
        error = error_in(line) or error
        loaded, failed = _LOADED.search(line), _FAILED.search(line)
        if loaded:
            error = where = ""
            yield Reload(functions=loaded[1])
        elif failed:
            yield Reload(error=error or failed[1], where=where if error else "")
            error = where = ""
        elif lost := _LOST.search(line):
            yield Lost(lost[1])
        elif unserved := _UNSERVED.match(line):
            yield Unserved(unserved[1], unserved[2])
        else:
            outcome = _outcome(line)
            if outcome is not None:
                yield outcome


def place_in(line: str, folder: Path | None) -> str:
    """The place in the project's own code that a line of a traceback names, or "" if none."""
    found = _FRAME.search(line)
    if found is None or folder is None:
        return ""
    file = Path(found[1])
    if not file.is_relative_to(folder) or _LIBRARIES & set(file.parts):
        return ""
    return f"{file.relative_to(folder)}, line {found[2]}"


def error_in(line: str) -> str:
    """The Python error at the end of a traceback, or "" if the line is not such an end."""
    text = _COLOUR.sub("", line).lstrip("> ").strip()
    return text if _ERROR.match(text) else ""


def last_error(log: str, folder: Path | None = None) -> str:
    """The last Python error of a log, preceded by its place in the project's code, or ""."""
    error = where = ""
    for line in log.splitlines():
        where = place_in(line, folder) or where
        error = error_in(line) or error
    return f"{where}: {error}" if error and where else error


def _outcome(line: str) -> Outcome | None:
    found = _JSON.search(line)
    if not found or LABELS not in line:
        return None
    try:
        entry: Any = json.loads(found[0])
        labels = cast("dict[str, str]", entry[LABELS])
        latency = labels.get("latency_ms")
        return Outcome(
            at=entry["time"],
            severity=entry["severity"],
            document=labels["document"],
            view=labels.get("view", ""),
            root=labels.get("root", ""),
            outcome=labels["outcome"],
            latency_ms=None if latency is None else float(latency),
            message=entry["message"],
            error=labels.get("error", ""),
        )
    except (ValueError, KeyError, TypeError):
        return None
