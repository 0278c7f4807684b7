"""The documentation of an API: its OpenAPI document, and a page that shows it."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from onto_fn.api.declared import Api
from onto_fn.api.rest.asked import check_accepts, query_of
from onto_fn.api.rest.validators import has_it
from onto_fn.gate.offers import Offers


class Documentation:
    """Answers requests for the documentation, which is made with the first of them."""

    def __init__(self, api: Api, offers: Offers) -> None:
        self._api = api
        self._offers = offers

    def document(self, request: Request) -> Response:
        """Answer with the OpenAPI document."""
        return _answer(request, self._text, "application/json", {})

    def page(self, request: Request) -> Response:
        """Answer with the page, which needs nothing from elsewhere."""
        text, policy = self._page
        return _answer(request, text, "text/html", {"Content-Security-Policy": policy})

    @cached_property
    def _content(self) -> dict[str, Any]:
        # Imported with the first request for it: it needs JSON schemas, which no other does.
        from onto_fn.api.rest.openapi import openapi

        return openapi(self._api, self._offers)

    @cached_property
    def _text(self) -> str:
        return json.dumps(self._content)

    @cached_property
    def _page(self) -> tuple[str, str]:
        from onto_fn.api.rest.page import page_of

        return page_of(self._content)


def _answer(request: Request, text: str, media_type: str, headers: dict[str, str]) -> Response:
    query_of(request, ())
    check_accepts(request, media_type)
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=0, must-revalidate", **headers}
    if has_it(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(text, 200, headers, media_type)
