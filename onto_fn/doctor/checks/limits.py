"""Limits of functions that do not fit what the app asks of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.project import Project

NAME = "function-limits"
DEFAULT_SEC, DEFAULT_CONCURRENCY = 60, 80
LEAST_MIB = 256
"""A function of an app with a few views has about 75 MiB before its first event, the Firestore
client's channel and the server's workers about as much again."""
EVENT_SEC = 0.1
"""Assumed seconds of one event, for the number of instances."""


def _run(project: Project) -> Iterator[Finding]:
    app, options = project.app, project.app.options
    timeout = options.timeout_sec if options.timeout_sec is not None else DEFAULT_SEC
    deadline = app.engine.retry.deadline
    if isinstance(timeout, int) and deadline >= timeout:
        yield project.at_app(
            NAME,
            "error",
            "timeout_sec",
            f"retries go on for {deadline:g} s, and the function is killed after {timeout} s: "
            "errors are not reported, and nothing becomes a dead letter",
            f"declare timeout_sec={min(540, int(deadline) + 20)}, or "
            f"retry=RetryPolicy(deadline={max(1, timeout - 20)})",
        )
    if app.max_event_age >= timedelta(hours=24):
        yield project.at_app(
            NAME,
            "error",
            "max_event_age",
            f"max_event_age is {app.max_event_age}, and the platform drops an event after 24 h: "
            "it would be lost without a dead letter",
            "declare max_event_age=timedelta(hours=23)",
        )
    if isinstance(options.memory, int) and options.memory < LEAST_MIB:
        yield project.at_app(
            NAME,
            "warning",
            "memory",
            f"memory={options.memory} is less than what Python with the Firestore client needs "
            "under load",
            f"declare memory={LEAST_MIB} or more",
        )
    yield from _instances(project)


def _instances(project: Project) -> Iterator[Finding]:
    options = project.app.options
    concurrency = DEFAULT_CONCURRENCY if options.concurrency is None else options.concurrency
    if not isinstance(options.max_instances, int) or not isinstance(concurrency, int):
        return
    most = options.max_instances * concurrency / EVENT_SEC
    for template, rate in project.changes.items():
        if rate.per_second > most:
            needed = int(rate.per_second * EVENT_SEC / concurrency) + 1
            yield project.at_app(
                NAME,
                "error",
                "max_instances",
                f"{options.max_instances} instances with concurrency {concurrency} take about "
                f"{most:,.0f} events a second ({EVENT_SEC} s each), and {template} has "
                f"{rate.text}: views fall behind, and events become dead letters",
                f"declare max_instances={needed} or more",
            )


CHECK = Check(
    NAME,
    "`timeout_sec` and retries, `max_event_age`, `memory`, `max_instances` beside declared rates",
    _run,
)
