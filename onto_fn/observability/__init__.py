"""What can be seen of the work on each event: observers, logs, traces and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.events.change import Change
    from onto_fn.events.outcome import Outcome, Result
    from onto_fn.observability.cloud_logging import CloudHandler
    from onto_fn.observability.observer import Observer
    from onto_fn.observability.opentelemetry import OpenTelemetry
else:
    __getattr__ = names_from(
        __name__,
        {
            "Change": "onto_fn.events.change",
            "CloudHandler": "onto_fn.observability.cloud_logging",
            "Observer": "onto_fn.observability.observer",
            "OpenTelemetry": "onto_fn.observability.opentelemetry",
            "Outcome": "onto_fn.events.outcome",
            "Result": "onto_fn.events.outcome",
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
