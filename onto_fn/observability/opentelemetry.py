"""OpenTelemetry: a span for each event and its phases, and metrics. Needs `onto-fn[otel]`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from onto_fn.attempts import Phase, Subject, current_trace
from onto_fn.errors import DeclarationError
from onto_fn.events import Change, Outcome, Result
from onto_fn.observability.observer import Observer, age

try:
    from opentelemetry import metrics, trace
except ImportError as error:
    raise DeclarationError(
        "onto_fn.observability.opentelemetry needs OpenTelemetry: install onto-fn[otel]"
    ) from error

SCOPE = "onto_fn"
_SKIPS = frozenset({Result.COVERED, Result.UNAFFECTED, Result.UNCHANGED})


class OpenTelemetry(Observer):
    """Spans and metrics of every event.

    The span `onto_fn.event` has the children `onto_fn.look-up`, `onto_fn.read`, `onto_fn.build`
    and `onto_fn.commit`, and one span event for each outcome and each retry. It continues the trace
    of the request or of the CloudEvent. The metrics, with the attributes `view` and `result`:

    * `onto_fn.builds`, `onto_fn.skips`, `onto_fn.retries`, `onto_fn.dead_letters`: counters;
    * `onto_fn.event.age`: seconds from the change to its outcome, if the event has a time;
    * `onto_fn.event.latency`: seconds from the delivery to the outcome.

    Args:
        tracer_provider: default the global one.
        meter_provider: default the global one.

    Example:
        In `functions/main.py`::

            App([TeamPage], observers=[OpenTelemetry()]).export(globals())
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._builds = meter.create_counter(
            "onto_fn.builds", unit="{build}", description="Views committed and messages sent"
        )
        self._skips = meter.create_counter(
            "onto_fn.skips", unit="{event}", description="Events that needed no work"
        )
        self._retries = meter.create_counter(
            "onto_fn.retries", unit="{attempt}", description="Attempts that were retried"
        )
        self._dead_letters = meter.create_counter(
            "onto_fn.dead_letters", unit="{event}", description="Events that could not be built"
        )
        self._age = meter.create_histogram(
            "onto_fn.event.age", unit="s", description="From the change to the outcome"
        )
        self._latency = meter.create_histogram(
            "onto_fn.event.latency", unit="s", description="From the delivery to the outcome"
        )

    @contextmanager
    def event(self, change: Change) -> Generator[None]:
        """The span of an event; an error that leaves it is its status."""
        context = None
        parent = current_trace.get()
        if parent is not None and not trace.get_current_span().get_span_context().is_valid:
            context = trace.set_span_in_context(trace.NonRecordingSpan(parent))
        attributes = {"onto_fn.document": change.path, "cloudevents.event_id": change.event_id}
        with self._tracer.start_as_current_span(
            "onto_fn.event", context, trace.SpanKind.CONSUMER, attributes
        ):
            yield
            if change.is_no_op:
                self._skips.add(1, {"view": "", "result": "no-op"})

    def phase(self, name: Phase, definition: str) -> AbstractContextManager[object]:
        """The span of a phase, below that of its event."""
        attributes = {"onto_fn.view": definition} if definition else {}
        return self._tracer.start_as_current_span(f"onto_fn.{name}", attributes=attributes)

    def retry(self, change: Change, subject: Subject, attempt: int, error: BaseException) -> None:
        """Counts a repeated attempt."""
        kind = type(error).__name__
        labels = {"view": subject.definition, "step": subject.step, "result": kind}
        self._retries.add(1, labels)
        attributes = {"onto_fn.what": str(subject), "onto_fn.attempt": attempt, "error.type": kind}
        trace.get_current_span().add_event("retry", attributes)

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        """Counts an outcome, and notes it on the span of its event."""
        attributes = {"view": outcome.definition, "result": outcome.result.value}
        if outcome.result is Result.DEAD_LETTER:
            self._dead_letters.add(1, attributes)
        elif outcome.result in _SKIPS:
            self._skips.add(1, attributes)
        else:
            self._builds.add(1, attributes)
        self._latency.record(seconds, attributes)
        seconds_old = age(change)
        if seconds_old is not None:
            self._age.record(seconds_old, attributes)
        trace.get_current_span().add_event(
            outcome.result.value,
            {
                "onto_fn.view": outcome.definition,
                "onto_fn.root": outcome.root,
                "onto_fn.attempt": outcome.attempts,
                "onto_fn.written": len(outcome.written),
                "onto_fn.deleted": len(outcome.deleted),
                "onto_fn.skipped": len(outcome.skipped),
                "onto_fn.error": outcome.error,
            },
        )
