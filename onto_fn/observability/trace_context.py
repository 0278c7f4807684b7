"""Which trace an event belongs to, from the request that delivered it or from the event itself."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from onto_fn.attempts import current_trace

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

_W3C = "traceparent"
_GOOGLE = "X-Cloud-Trace-Context"


class Attributes(Protocol):
    """The attributes of a CloudEvent, or the headers of a request."""

    def get(self, key: str, default: Any = None) -> Any:
        """One of them."""
        ...


@contextmanager
def traced(event: Attributes) -> Generator[None]:
    """All logs and spans inside belong to the trace of an event.

    It is that of the request that delivered the event, with which Cloud Logging shows them; else
    that of the event's extension `traceparent`.

    Args:
        event: the event, or for a function without one, the headers of its request.
    """
    headers = _request_headers()
    found = parent(headers) if headers is not None else None
    token = current_trace.set(found or parent(event))
    try:
        yield
    finally:
        current_trace.reset(token)


def parent(attributes: Attributes) -> SpanContext | None:
    """The span that a CloudEvent or headers name as their parent, or None if none is valid.

    The older header `X-Cloud-Trace-Context: TRACE/SPAN;o=1` is understood as well.
    """
    w3c = str(attributes.get(_W3C) or "").strip().lower()
    google = str(attributes.get(_GOOGLE) or "").strip().lower()
    if not w3c and not google:
        return None
    # Imported here, as an event without a trace needs neither.
    from opentelemetry import trace
    from opentelemetry.propagators import cloud_trace_propagator  # pyright: ignore[reportMissingTypeStubs]
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if google and "/" not in google:
        google += "/1"  # Google's documentation lets the span be left out; the propagator does not
    by_google = cast(Any, cloud_trace_propagator).CloudTraceFormatPropagator()
    for context in (
        TraceContextTextMapPropagator().extract({_W3C: w3c}),
        by_google.extract({_GOOGLE: google}),
    ):
        found = trace.get_current_span(context).get_span_context()
        if found.is_valid:
            return found
    return None


def _request_headers() -> Attributes | None:
    """The headers of the request at hand, if Flask serves it. Nothing is imported for it."""
    flask = cast(Any, sys.modules.get("flask"))
    if flask is None or not flask.has_request_context():
        return None
    return flask.request.headers
