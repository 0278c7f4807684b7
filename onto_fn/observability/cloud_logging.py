"""Log lines as Cloud Logging reads them: JSON; on a developer's machine they stay text.

A process on Cloud Run (`K_SERVICE` is set) writes each record of the logger `onto_fn` as one line
of JSON with the fields that Cloud Logging gives a meaning to: severity, trace and labels. See
docs/observability.md.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from onto_fn.attempts import current_trace
from onto_fn.emulators import named_project

LOGGER = "onto_fn"
VARIABLE = "ONTO_FN_LOG"
_log = logging.getLogger(LOGGER)


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
