"""Which trace an event belongs to, from the request that delivered it or from the event itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Protocol, cast

from onto_fn.observing import traceparent

_GOOGLE = re.compile(r"([0-9a-fA-F]{32})(?:/(\d{1,20}))?(?:;o=(\d))?\Z")
_W3C = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")


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
    found = parent(headers) if headers is not None else ""
    token = traceparent.set(found or parent(event))
    try:
        yield
    finally:
        traceparent.reset(token)


def parent(attributes: Attributes) -> str:
    """The `traceparent` in a CloudEvent or in headers, or "" if there is none that is valid.

    The older header `X-Cloud-Trace-Context: TRACE/SPAN;o=1` is understood as well.
    """
    w3c = str(attributes.get("traceparent") or "").strip().lower()
    if split(w3c) is not None:
        return w3c
    google = _GOOGLE.match(str(attributes.get("X-Cloud-Trace-Context") or "").strip())
    if google is None or not int(google[1], 16):
        return ""
    span = int(google[2] or 0) % 2**64 or 1  # an id of zeros is not valid
    return f"00-{google[1].lower()}-{span:016x}-{'01' if google[3] == '1' else '00'}"


def split(text: str) -> tuple[str, str, bool] | None:
    """Trace id, span id, and whether it is sampled, of a `traceparent`; None if it is not valid."""
    found = _W3C.match(text)
    if found is None or text.startswith("ff") or not int(found[1], 16) or not int(found[2], 16):
        return None
    return found[1], found[2], bool(int(found[3], 16) & 1)


def _request_headers() -> Attributes | None:
    """The headers of the request at hand, if Flask serves it. Nothing is imported for it."""
    flask = cast(Any, sys.modules.get("flask"))
    if flask is None or not flask.has_request_context():
        return None
    return flask.request.headers
