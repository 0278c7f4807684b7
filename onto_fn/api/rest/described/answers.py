"""What an address answers: headers, problems, and the documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from onto_fn.api.rest.described.schemas import Components, Schema

JSON, PROBLEM = "application/json", "application/problem+json"

_TOLD: Mapping[int, str] = {
    400: "The address or its query is not understood; `detail` says what is.",
    401: "There is no ID token, or it is not valid.",
    403: "The user may not do this; the answer does not depend on whether the document exists.",
    404: "There is no such document.",
    406: "The client does not accept the media type of the answer.",
    408: "The body did not arrive in time.",
    409: "The id was used for another request.",
    413: "The body is too large.",
    415: "The body is not `application/json`, or has a content encoding.",
    422: "The body does not fit, or the app refuses the request; `problems` has each reason.",
    429: "There are too many requests at once; try again after `Retry-After` seconds.",
    500: "The server has failed; its log says why, under the id in `trace`.",
    503: "The server cannot answer now; try again after `Retry-After` seconds.",
    504: "The view does not show the write yet; `view` is what it shows.",
}
# Not from `http.HTTPStatus`, whose names differ between versions of Python.
_NAMES: Mapping[int, str] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    406: "NotAcceptable",
    408: "RequestTimeout",
    409: "Conflict",
    413: "ContentTooLarge",
    415: "UnsupportedMediaType",
    422: "UnprocessableContent",
    429: "TooManyRequests",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
_APP_CHECK_TOO = " Or there is no valid App Check token."
_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

_PROBLEM: Schema = {
    "type": "object",
    "description": "Why a request was not answered, by RFC 9457.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "`about:blank`"},
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong, and the remedy."},
        "problems": {
            "type": "array",
            "description": "Each part that does not fit.",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "The part of the body, as a JSON pointer.",
                    },
                    "detail": {"type": "string"},
                },
                "required": ["detail"],
            },
        },
        "trace": {
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "The id of the trace, by which the logs name this request.",
        },
    },
    "required": ["type", "title", "status", "detail"],
}

_VERSION: Schema = {"type": "string", "pattern": '^"[^"]*"$'}
_TEXT: Schema = {"type": "string"}
_SHARED_HEADERS: Mapping[str, tuple[str, Schema, bool]] = {
    "ETag": ("The version of the document, for `If-None-Match`.", _VERSION, True),
    "Last-Modified": ("When the document was written.", _TEXT, True),
    "Cache-Control": ("Who may keep the answer.", _TEXT, True),
    "Link": ("Where the list goes on, as `rel=next`; not on its last page.", _TEXT, False),
    "Location": (
        "The request's address, relative to its own.",
        {"type": "string", "format": "uri-reference"},
        True,
    ),
    "Onto-After": (
        "The instant of the write, for `after`.",
        {"type": "string", "pattern": "^[0-9]{1,17}$"},
        True,
    ),
    "Retry-After": ("Seconds to wait.", {"type": "integer", "minimum": 0}, True),
    "WWW-Authenticate": ("`Bearer`", _TEXT, True),
}


class Answers:
    """Makes the responses of operations.

    Args:
        components: receives what several have in common.
        app_check: whether every request needs an App Check token.
    """

    def __init__(self, components: Components, *, app_check: bool) -> None:
        self._components = components
        self._app_check = app_check
        self._problem = components.put("schemas", "Problem", _PROBLEM)

    def headers(self, *names: str) -> Schema:
        """Headers of an answer."""
        made: Schema = {}
        for name in names:
            told, schema, required = _SHARED_HEADERS[name]
            header: Schema = {"description": told, "schema": schema}
            if required:
                header["required"] = True
            made[name] = self._components.put("headers", name, header)
        return made

    def problems(self, statuses: Iterable[int], *, has_body: bool = True) -> dict[str, Any]:
        """The answers that tell problems.

        Args:
            statuses: those that an operation may have.
            has_body: whether they have a body; those to HEAD have none.
        """
        return {str(status): self._problem_of(status, has_body=has_body) for status in statuses}

    def late(self, view: Schema) -> Schema:
        """The answer of a view that does not show a write in time."""
        more: Schema = {
            "type": "object",
            "properties": {
                "view": {
                    "description": "What the view shows; null if there is no document.",
                    "anyOf": [view, {"type": "null"}],
                },
                "etag": {"type": "string", "description": "The version of what it shows."},
            },
            "required": ["view"],
        }
        content = {PROBLEM: {"schema": {"allOf": [self._problem, more]}}}
        return {"description": _TOLD[504], "content": content}

    def _problem_of(self, status: int, *, has_body: bool) -> Schema:
        told = _TOLD[status] + (_APP_CHECK_TOO if status == 401 and self._app_check else "")
        made: Schema = {"description": told}
        names = _HEADERS.get(status, ())
        if names:
            made["headers"] = self.headers(*names)
        if not has_body:
            return made
        made["content"] = {PROBLEM: {"schema": self._problem}}
        return self._components.put("responses", _NAMES[status], made)


def shown(told: str, schema: Schema | None, headers: Schema) -> Schema:
    """An answer with a JSON document.

    Args:
        told: what it is.
        schema: of the document; None for an answer to HEAD.
        headers: of the answer.
    """
    made: Schema = {"description": told, "headers": headers}
    if schema is not None:
        made["content"] = {JSON: {"schema": schema}}
    return made
