"""What can be seen of the work on each event: observers, logs, traces and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.engine.changes import Change
    from onto_fn.engine.observers import Observer
    from onto_fn.engine.outcomes import Outcome, Result
    from onto_fn.functions.logs import CloudHandler
    from onto_fn.instrumentation.otel import OpenTelemetry
else:
    __getattr__ = names_from(
        __name__,
        {
            "Change": "onto_fn.engine.changes",
            "CloudHandler": "onto_fn.functions.logs",
            "Observer": "onto_fn.engine.observers",
            "OpenTelemetry": "onto_fn.instrumentation.otel",
            "Outcome": "onto_fn.engine.outcomes",
            "Result": "onto_fn.engine.outcomes",
        },
    )

__all__ = [
    "Change",
    "CloudHandler",
    "Observer",
    "OpenTelemetry",
    "Outcome",
    "Result",
]
