"""Conditional requests: whether the client has the document already."""

from __future__ import annotations

import re
from email.utils import format_datetime

from starlette.requests import Request

from onto_fn.access import Access, Public
from onto_fn.gate.reading import Shown

VARY = "Authorization, X-Firebase-AppCheck"
"""The headers by which an answer differs."""
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def etag_of(shown: Shown) -> str:
    """The entity tag of a document: the microseconds of its update time, or a digest."""
    return f'"{shown.version}"'


def has_it(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, by weak comparison."""
    asked = ",".join(request.headers.getlist("if-none-match"))
    return asked.strip() == "*" or tag[1:-1] in _TAG.findall(asked)


def headers_of(shown: Shown, access: Access) -> dict[str, str]:
    """The headers about a document's version, and about who may keep it."""
    is_public = any(isinstance(part, Public) for part in access.alternatives())
    headers = {
        "ETag": etag_of(shown),
        "Cache-Control": "public, max-age=0, must-revalidate" if is_public else "private, no-cache",
        "Vary": VARY,
    }
    if shown.time is not None:
        headers["Last-Modified"] = format_datetime(shown.time.replace(microsecond=0), usegmt=True)
    return headers
