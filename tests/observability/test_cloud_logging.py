"""Logs as Cloud Logging reads them, and which trace they belong to."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanContext

from onto_fn.attempts import Subject, current_trace
from onto_fn.firestore import Document
from onto_fn.observability import Change, Outcome, Result
from onto_fn.observability import cloud_logging as logs
from onto_fn.observability.cloud_logging import CloudFormatter, CloudHandler
from onto_fn.observability.observer import OutcomeLog
from onto_fn.observability.opentelemetry import OpenTelemetry
from onto_fn.observability.trace_context import parent, traced

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
TIME = datetime(2026, 1, 1, tzinfo=UTC)
CHANGE = Change("teams/a", Document("teams/a", None, None), Document("teams/a", {}, TIME), "e1")


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Generator[logging.Logger]:
    """The library's logger as a function on Cloud Run has it, and as it was afterwards."""
    monkeypatch.setenv("K_SERVICE", "on-teams-written")
    monkeypatch.delenv("FUNCTIONS_EMULATOR", raising=False)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "demo-logs")
    logger = logging.getLogger("onto_fn")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield logger
    logger.handlers[:], logger.propagate = handlers, propagate
    logger.setLevel(level)


def entries(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_outcome_is_one_line_with_severity_trace_and_labels(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up()
    logs.set_up()  # a second export of an app

    with traced({"traceparent": PARENT}):
        OutcomeLog().outcome(CHANGE, Outcome("TeamPage", "teams/a", Result.COMMITTED, 2), 0.0123)

    (entry,) = entries(capsys.readouterr().out)
    assert entry["severity"] == "INFO"
    assert entry["logging.googleapis.com/trace"] == f"projects/demo-logs/traces/{TRACE}"
    assert entry["logging.googleapis.com/spanId"] == SPAN
    assert entry["logging.googleapis.com/trace_sampled"] is True
    assert entry["logging.googleapis.com/labels"] == {
        "event_id": "e1",
        "document": "teams/a",
        "view": "TeamPage",
        "root": "teams/a",
        "attempt": "2",
        "outcome": "committed",
        "latency_ms": "12.3",
    }
    assert entry["message"] == (
        "TeamPage of teams/a: committed after teams/a changed "
        "(event e1, attempt 2, 0 written, 0 deleted)"
    )


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (Outcome("Page", "teams/a", Result.REFUSED, error="too late"), "deleted) too late"),
        (
            Outcome("Page", "teams/a", Result.COMMITTED, skipped=("users/x",)),
            "deleted); left out because they are invalid: users/x",
        ),
    ],
)
def test_what_is_told_of_a_call_names_no_event(
    outcome: Outcome, end: str, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up()

    OutcomeLog().outcome(Change("teams/a", None, None), outcome, 0.0)

    (entry,) = entries(capsys.readouterr().out)
    assert "after teams/a changed (attempt 1, " in entry["message"]
    assert entry["message"].endswith(end)


@pytest.mark.parametrize(
    ("result", "severity"),
    [
        (Result.COMMITTED, "INFO"),
        (Result.SENT, "INFO"),
        (Result.FANNED_OUT, "INFO"),
        (Result.COVERED, "DEBUG"),
        (Result.UNCHANGED, "DEBUG"),
        (Result.DEAD_LETTER, "ERROR"),
    ],
)
def test_severity_says_what_became_of_an_event(
    result: Result, severity: str, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up()
    logger.setLevel(logging.DEBUG)

    OutcomeLog().outcome(CHANGE, Outcome("TeamPage", "teams/a", result), 0.0)

    assert [entry["severity"] for entry in entries(capsys.readouterr().out)] == [severity]


def test_what_there_was_nothing_to_do_for_is_not_logged_unless_asked_for(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up()

    OutcomeLog().outcome(CHANGE, Outcome("TeamPage", "teams/a", Result.COVERED), 0.0)

    assert capsys.readouterr().out == ""


def test_a_retry_and_an_event_that_fails_are_warnings(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up()
    log = OutcomeLog()

    log.retry(CHANGE, Subject("TeamPage", "teams/a"), 1, RuntimeError("contended"))
    with pytest.raises(ValueError, match="broken"), log.event(CHANGE):
        raise ValueError("broken")

    found = entries(capsys.readouterr().out)
    assert [entry["severity"] for entry in found] == ["WARNING", "WARNING"]
    labels = [entry["logging.googleapis.com/labels"] for entry in found]
    assert [label["outcome"] for label in labels] == ["retry", "failed"]
    assert (labels[0]["view"], labels[0]["attempt"]) == ("TeamPage", "1")


def test_an_exception_is_in_the_message_with_its_stack(logger: logging.Logger) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        record = logger.makeRecord("onto_fn", logging.ERROR, "", 0, "why", (), sys.exc_info())

    line = CloudFormatter().format(record)

    assert "\n" not in line
    assert "Traceback" in json.loads(line)["message"]


@pytest.mark.parametrize(
    "environment", [{"K_SERVICE": ""}, {"K_SERVICE": "x", "FUNCTIONS_EMULATOR": "true"}]
)
def test_a_developers_machine_gets_text(
    environment: dict[str, str], logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    logs.set_up()

    assert not any(isinstance(handler, CloudHandler) for handler in logger.handlers)
    assert logger.propagate


def w3c(span: SpanContext | None) -> str:
    """A span as a header names it, or "" if there is none."""
    if span is None:
        return ""
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def test_the_trace_of_the_request_goes_before_that_of_the_event() -> None:
    other = "a" * 32
    headers = {"X-Cloud-Trace-Context": f"{other}/255;o=0"}

    with flask.Flask("x").test_request_context(headers=headers), traced({"traceparent": PARENT}):
        inside = w3c(current_trace.get())

    assert inside == f"00-{other}-{255:016x}-00"
    assert current_trace.get() is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"traceparent": PARENT}, PARENT),
        ({"traceparent": PARENT.upper()}, PARENT),
        ({"X-Cloud-Trace-Context": f"{TRACE}/1;o=1"}, f"00-{TRACE}-{1:016x}-01"),
        ({"X-Cloud-Trace-Context": TRACE}, f"00-{TRACE}-{1:016x}-00"),
        ({"traceparent": "broken", "X-Cloud-Trace-Context": "broken"}, ""),
        ({"traceparent": f"00-{'0' * 32}-{SPAN}-01"}, ""),
        ({}, ""),
    ],
)
def test_a_trace_is_found_in_either_header(attributes: dict[str, str], expected: str) -> None:
    assert w3c(parent(attributes)) == expected


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_a_header_holds_the_parent_is_valid_or_none(w3c: str, google: str) -> None:
    found = parent({"traceparent": w3c, "X-Cloud-Trace-Context": google})

    assert found is None or found.is_valid


@pytest.mark.parametrize("name", ["Point of Sale", "of", "TeamPage"])
def test_a_retry_is_counted_for_its_view_and_a_document_is_no_label(name: str) -> None:
    reader = InMemoryMetricReader()
    telemetry = OpenTelemetry(meter_provider=MeterProvider(metric_readers=[reader]))
    error = RuntimeError("contended")

    for number in range(3):
        telemetry.retry(CHANGE, Subject(name, f"teams/{number}"), 1, error)
        telemetry.retry(CHANGE, Subject(root=f"teams/{number}", step="look-up"), 1, error)

    data: Any = reader.get_metrics_data()
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    points = metric.data.data_points
    labels = [(p.attributes["view"], p.attributes["step"], p.value) for p in points]
    assert sorted(labels) == [("", "look-up", 3), (name, "build", 3)]
