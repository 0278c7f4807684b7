"""What observers are told of events, and what OpenTelemetry makes of it, on the real emulator."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from emulator_tests.kit.calls import Outage
from emulator_tests.kit.domain import GroupView, people
from emulator_tests.kit.writing import Writer
from onto_fn import RetryPolicy
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.errors import RetriesExhausted
from onto_fn.observability import Change, Observer, Outcome, Result
from onto_fn.observability.opentelemetry import OpenTelemetry
from onto_fn.observability.trace_context import traced

Connect = Callable[..., Database]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Telemetry:
    """Spans and metrics in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._reader = InMemoryMetricReader()
        self.observer = OpenTelemetry(tracers, MeterProvider(metric_readers=[self._reader]))

    def events(self) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == "onto_fn.event"]

    def children(self, event: ReadableSpan) -> list[str]:
        """Names of the spans below an event's, in the order of their ends."""
        assert event.context is not None
        return [
            span.name.removeprefix("onto_fn.")
            for span in self.exporter.get_finished_spans()
            if span.parent is not None and span.parent.span_id == event.context.span_id
        ]

    def metrics(self) -> dict[str, Any]:
        """Count by name and result; of histograms, how many values."""
        data = self._reader.get_metrics_data()
        found: dict[str, Any] = {}
        for resource in data.resource_metrics if data else ():
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in metric.data.data_points:
                    step = {"step"} if metric.name == "onto_fn.retries" else set[str]()
                    assert point.attributes.keys() == {"view", "result"} | step
                    assert point.attributes["view"] in {"", "GroupView"}
                    key = f"{metric.name.removeprefix('onto_fn.')} {point.attributes['result']}"
                    found[key] = getattr(point, "value", None) or point.count
        return found


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def engine(*observers: Observer, **options: Any) -> Engine:
    return Engine([GroupView.definition()], observers=observers, **options)


def group(writer: Writer) -> Change:
    writer.write("people/ann", {"name": "Ann"})
    return writer.write("groups/a", {"title": "A", "members": [r.path for r in people("ann")]})


def test_an_event_is_a_span_with_a_child_for_each_phase(
    database: Database, writer: Writer, telemetry: Telemetry
) -> None:
    with traced({"traceparent": f"00-{TRACE}-{SPAN}-01"}):
        engine(telemetry.observer).handle(database, group(writer))

    (event,) = telemetry.events()
    assert telemetry.children(event) == ["look-up", "read", "build", "commit"]
    assert event.context is not None
    assert event.parent is not None
    assert format(event.context.trace_id, "032x") == TRACE
    assert format(event.parent.span_id, "016x") == SPAN
    assert event.attributes is not None
    assert event.attributes["onto_fn.document"] == "groups/a"
    assert [told.name for told in event.events] == ["committed"]


def test_builds_skips_and_ages_are_counted(
    database: Database, writer: Writer, telemetry: Telemetry
) -> None:
    watched = engine(telemetry.observer)
    change = group(writer)

    watched.handle(database, change)
    watched.handle(database, change)
    watched.handle(database, Change(change.path, change.after, change.after, "no-op"))

    assert telemetry.metrics() == {
        "builds committed": 1,
        "skips covered": 1,
        "skips no-op": 1,
        "event.age committed": 1,
        "event.age covered": 1,
        "event.latency committed": 1,
        "event.latency covered": 1,
    }


def test_a_dead_letter_is_counted(database: Database, writer: Writer, telemetry: Telemetry) -> None:
    engine(telemetry.observer).handle(database, writer.write("groups/a", {"title": 1}))

    assert telemetry.metrics()["dead_letters dead letter"] == 1


def test_retries_are_counted_and_an_event_that_fails_is_an_error_of_its_span(
    connect: Connect, writer: Writer, telemetry: Telemetry, quick: RetryPolicy
) -> None:
    database = connect(Outage("RunQuery", 3))

    with pytest.raises(RetriesExhausted):
        engine(telemetry.observer, retry=quick).handle(database, group(writer))

    assert telemetry.metrics() == {"retries TransientError": 2}
    (event,) = telemetry.events()
    assert not event.status.is_ok
    assert [told.name for told in event.events] == ["exception"]


def test_an_observer_that_fails_everywhere_changes_nothing(
    database: Database, writer: Writer
) -> None:
    class Failing(Observer):
        @contextmanager
        def event(self, change: Change) -> Generator[None]:
            yield
            raise RuntimeError("event")

        def phase(self, name: str, definition: str) -> Any:
            raise RuntimeError("phase")

        def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
            raise RuntimeError("outcome")

    class Told(Observer):
        results: list[Result]

        def __init__(self) -> None:
            self.results = []

        def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
            self.results.append(outcome.result)

    told = Told()

    (outcome,) = engine(Failing(), told).handle(database, group(writer))

    assert outcome.result is Result.COMMITTED
    assert told.results == [Result.COMMITTED]
    assert writer.content("groupViews/a") is not None
