"""Print the events of `onto dev`, one per line, and count repetitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from onto_fn.cli.emulator_log import Outcome, Reload, Unserved
from onto_fn.cli.output import Output, number_of

QUIET_SECONDS = 0.5  # counted events are printed after this time without an event,
LONGEST_SECONDS = 3.0  # or with the first event after this time


@dataclass
class Repeated:
    """Events that are counted because they are like a printed one.

    Attributes:
        first: the printed event.
        count: the number of events after it.
        slowest: the slowest of these events in milliseconds, None if unknown.
    """

    first: Outcome
    count: int = 0
    slowest: float | None = None


class Shown:
    """Prints events, reloads and refreshes. It is safe to use from several threads.

    Some events differ only by root and time, such as those for 900 orders from one menu. The first
    of them is printed, and the others are counted in a second line. `--json` prints all events.

    Args:
        output: prints the lines.
        log: path of the emulators' log; the message of a failed reload names it.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self, output: Output, log: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._output = output
        self._log = log
        self._clock = clock
        self._lock = Lock()
        self._repeated: dict[tuple[str, ...], Repeated] = {}
        self._problems: list[dict[str, Any]] = []
        self._api: dict[str, Any] = {}
        self._refused: set[Unserved] = set()
        self._begun = self._last = clock()

    def show(self, found: Outcome | Reload | Unserved) -> None:
        """Print an event, a reload or a refused query, or count it."""
        with self._lock:
            if isinstance(found, Unserved):
                self._flush()
                self._unserved(found)
            elif isinstance(found, Reload):
                self._flush()
                self._reload(found)
            elif self._output.as_json:
                self._output.line({"event": asdict(found)})
            else:
                self._event(found)

    def idle(self) -> None:
        """Print the counted events unless more are likely to come. Call this often."""
        with self._lock:
            if self._clock() - self._last >= QUIET_SECONDS:
                self._flush()

    def flush(self) -> None:
        """Print the counted events."""
        with self._lock:
            self._flush()

    def refreshed(self, record: dict[str, Any], urls: Mapping[str, str] | None = None) -> None:
        """Print a record of the program `refreshing`.

        Args:
            record: the record.
            urls: the addresses of the HTTP functions that run, by name.
        """
        with self._lock:
            self._flush()
            if "api" in record:
                record = _api(record, urls or {})
                if record == self._api:  # as before the edit
                    return
                self._api = record
            if self._output.as_json:
                self._output.line({"refresh": record})
                return
            if "problem" in record:  # some repeat after each edit, such as hand-written rules
                if record in self._problems:
                    return
                self._problems.append(record)
            text, is_error = _told_refresh(record)
            if text:
                self._output.line({}, text, error=is_error)

    def _event(self, found: Outcome) -> None:
        now = self._clock()
        if now - self._begun >= LONGEST_SECONDS or now - self._last >= QUIET_SECONDS:
            self._flush()
        self._last = now
        reason = _reason(found)
        if found.root:
            reason = reason.replace(found.root, "")
        key = (found.document, found.view, found.outcome, reason)
        known = self._repeated.get(key)
        if known is None:
            self._repeated[key] = Repeated(found)
            self._output.line({}, told(found), error=found.severity == "ERROR")
            return
        known.count += 1
        if found.latency_ms is not None:
            known.slowest = max(found.latency_ms, known.slowest or 0.0)

    def _flush(self) -> None:
        for repeated in self._repeated.values():
            if repeated.count:
                first = repeated.first
                text = told_repeated(repeated)
                self._output.line({}, text, error=first.severity == "ERROR")
        self._repeated = {}
        self._begun = self._clock()

    def _reload(self, found: Reload) -> None:
        if found.error:
            place = f"{found.where}: " if found.where else ""
            text = f"the functions cannot be loaded: {place}{found.error}\n    see {self._log}"
        else:
            text = f"functions: {found.functions}"
        self._output.line({"reload": asdict(found)}, text, error=bool(found.error))

    def _unserved(self, found: Unserved) -> None:
        if self._output.as_json:
            self._output.line({"refused": asdict(found)})
        elif found not in self._refused:  # a page asks again and again
            self._refused.add(found)
            text = f"refused: a query of {found.collection} that no index serves; it needs"
            self._output.line({}, f"{text}\n    {found.entry}", error=True)


def told(found: Outcome) -> str:
    """An event as text for people. The reason of a failure or refusal is on a second line."""
    line = f"{found.at[11:23]}  {found.document} -> {found.view or 'all'}"
    if found.root:
        line += f" of {found.root}"
    line += f"  {found.outcome}{_milliseconds(found.latency_ms)}"
    reason = _reason(found)
    if reason:
        line += f"\n    {reason}"
    return line


def told_repeated(repeated: Repeated) -> str:
    """The line that counts the events for other roots."""
    first = repeated.first
    slowest = f"  up to {repeated.slowest:.0f} ms" if repeated.slowest else ""
    what = f"{first.document} -> {first.view or 'all'}"
    return f"{'':12}  and {repeated.count} more {what}  {first.outcome}{slowest}"


def _milliseconds(number: float | None) -> str:
    return "" if number is None else f"  {number:.0f} ms"


def _reason(found: Outcome) -> str:
    """The reason of a failure or refusal, "" if there was neither."""
    return found.error or (found.message if found.severity in {"ERROR", "WARNING"} else "")


def _api(record: dict[str, Any], urls: Mapping[str, str]) -> dict[str, Any]:
    """Where the API is that an app declares, its streams, and the page about it."""
    path = record["api"].rstrip("/")
    api, streams = (
        f"{urls[name]}{path}" if name in urls else None for name in ("onto_api", "onto_stream")
    )
    # Functions that an edit has removed keep their addresses on the emulator.
    return {
        "api": api,
        "streams": streams if record["streams"] else None,
        "docs": f"{api}/docs" if api and record["docs"] else None,
    }


def _told_refresh(record: dict[str, Any]) -> tuple[str, bool]:
    match record:
        case {"problem": problem}:
            return str(problem), True
        case {"api": address, "streams": streams, "docs": docs}:
            return _told_api(address, streams, docs), False
        case {"topic": name}:
            return f"{name}: created", False
        case {"file": name, "remarks": remarks}:
            return "\n    ".join([f"{name}: written", *remarks]), False
        case {"rebuilt": name, "committed": committed, "failed": failed, "seconds": seconds}:
            text = f"{name}: rebuilt for {number_of(committed, 'root')} in {seconds} s"
            if failed:
                letters = f"{failed} {'has' if failed == 1 else 'have'} a dead letter:"
                text = f"{text}, {letters}" if committed else f"{name}: not rebuilt, {letters}"
                text = "\n    ".join([text, *record.get("errors", [])[:5]])
            return text, bool(failed)
        case {"made_good": made_good}:
            return _told_made_good(made_good), False
        case _:
            return str(record), False


def _told_api(address: str | None, streams: str | None, docs: str | None) -> str:
    """Where the API is, "" where no function of it runs."""
    if address is None:
        return ""
    parts = [f"API at {address}"]
    if streams:
        parts.append(f"streams at {streams}")
    if docs:
        parts.append(f"documented at {docs}")
    return ", ".join(parts)


def _told_made_good(made_good: dict[str, int]) -> str:
    """The line on documents that were rebuilt because their events were lost, "" if none."""
    if not made_good:
        return ""
    parts = [f"{name} for {number_of(count, 'root')}" for name, count in made_good.items()]
    return f"changes missed while the functions could not be loaded are rebuilt: {', '.join(parts)}"
