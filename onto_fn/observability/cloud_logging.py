"""One line a materialisation: text on a developer's machine, JSON where Cloud Logging reads it.

A process on Cloud Run (`K_SERVICE` is set) writes each record of the logger `onto_fn` as one line
of JSON with the fields that Cloud Logging gives a meaning to: severity, trace and labels. See
docs/observability.md.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from onto_fn.emulators import named_project
from onto_fn.events import Change, Outcome, Result
from onto_fn.observability.observer import Observer
from onto_fn.phases import Subject, current_trace

LOGGER = "onto_fn"
VARIABLE = "ONTO_FN_LOG"
_SHOWN = 5  # paths of documents that were left out
_log = logging.getLogger(LOGGER)

_MAX_LABEL = 1000  # characters; the whole error is in the message and in the dead letter

_SEVERITIES = {
    Result.DEAD_LETTER: logging.ERROR,
    Result.COVERED: logging.DEBUG,
    Result.UNCHANGED: logging.DEBUG,
}


class CloudFormatter(logging.Formatter):
    """Records as JSON in the terms of Cloud Logging.

    A record's labels are those of `extra={"labels": {…}}`; its trace is that of the event at hand.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        message = record.getMessage()
        if record.exc_info:  # Error Reporting finds a stack trace at the end of the message
            message = f"{message}\n{self.formatException(record.exc_info)}"
        entry: dict[str, Any] = {
            "severity": record.levelname,
            "message": message,
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
        }
        labels: dict[str, object] = getattr(record, "labels", None) or {}
        if labels:
            entry["logging.googleapis.com/labels"] = {k: str(v) for k, v in labels.items()}
        span = current_trace.get()
        if span is not None:
            identifier, project = f"{span.trace_id:032x}", named_project()
            entry["logging.googleapis.com/trace"] = (
                f"projects/{project}/traces/{identifier}" if project else identifier
            )
            entry["logging.googleapis.com/spanId"] = f"{span.span_id:016x}"
            entry["logging.googleapis.com/trace_sampled"] = span.trace_flags.sampled
        return json.dumps(entry, ensure_ascii=False)


class CloudHandler(logging.Handler):
    """Writes records to the standard output that there is at the time, as one write a record."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(CloudFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; a failure is `logging`'s to report."""
        try:
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()
        except Exception:
            self.handleError(record)


class OutcomeLog(Observer):
    """Logs what becomes of each event.

    A dead letter is an ERROR. A failed attempt or event, and a commit that leaves documents out, is
    a WARNING. A commit or sent message is INFO; an event that needed no work is DEBUG.
    """

    @contextmanager
    def event(self, change: Change) -> Generator[None]:
        """An event that fails is delivered again."""
        try:
            yield
        except Exception as error:
            labels = {**_labels(change), "outcome": "failed"}
            message = "event %s of %s must be delivered again: %s"
            _log.warning(message, change.event_id, change.path, error, extra={"labels": labels})
            raise

    def retry(self, change: Change, subject: Subject, attempt: int, error: BaseException) -> None:
        """An attempt that is repeated."""
        labels = {**_labels(change), "view": subject.definition, "root": subject.root}
        labels |= {"attempt": attempt, "outcome": "retry"}
        message = "%s: attempt %d failed and will be retried: %s: %s"
        kind = type(error).__name__
        _log.warning(message, subject, attempt, kind, error, extra={"labels": labels})

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        """What became of an event, for one view or mediator."""
        level = _SEVERITIES.get(outcome.result, logging.INFO)
        if outcome.skipped and outcome.result is Result.COMMITTED:
            level = logging.WARNING
        if not _log.isEnabledFor(level):
            return
        labels = {
            **_labels(change),
            "view": outcome.definition,
            "root": outcome.root,
            "attempt": outcome.attempts,
            "outcome": outcome.result.value,
            "latency_ms": f"{seconds * 1000:.1f}",
        }
        # A call of `onto_request` is no event, and has no id.
        event = f"event {change.event_id}, " if change.event_id else ""
        more = f" {outcome.error}" if outcome.error else ""
        if outcome.skipped:
            labels["skipped"] = len(outcome.skipped)
            more += f"; left out because they are invalid: {_some(outcome.skipped)}"
        if outcome.error:
            labels["error"] = outcome.error[:_MAX_LABEL]
        _log.log(
            level,
            "%s of %s: %s after %s changed (%sattempt %d, %d written, %d deleted)%s",
            outcome.definition,
            outcome.root,
            outcome.result.value,
            change.path,
            event,
            outcome.attempts,
            len(outcome.written),
            len(outcome.deleted),
            more,
            extra={"labels": labels},
        )


def set_up() -> None:
    """Write JSON from now on, if this process runs on Cloud Run and not in the emulator.

    In the emulator too if the environment variable `ONTO_FN_LOG` is "json", for `onto dev`.
    """
    deployed = os.environ.get("K_SERVICE") and not os.environ.get("FUNCTIONS_EMULATOR")
    if not deployed and os.environ.get(VARIABLE) != "json":
        return
    if any(isinstance(handler, CloudHandler) for handler in _log.handlers):
        return
    _log.addHandler(CloudHandler())
    _log.propagate = False  # else the handlers of the root would write each line as text as well
    if _log.level == logging.NOTSET:
        _log.setLevel(logging.INFO)


def _some(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    return shown if len(paths) <= _SHOWN else f"{shown} and {len(paths) - _SHOWN} more"


def _labels(change: Change) -> dict[str, object]:
    return {"event_id": change.event_id, "document": change.path}
