"""The page that shows an API: plain HTML, without a script and without anything from elsewhere."""

from __future__ import annotations

from typing import Any


def page_of(document: dict[str, Any]) -> tuple[str, str]:
    """The page of an OpenAPI document, and the Content-Security-Policy under which it works."""
    return "<!doctype html><title>API</title>", "default-src 'none'"
