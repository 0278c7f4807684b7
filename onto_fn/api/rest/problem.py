"""Errors as problem details, by RFC 9457."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from onto_fn.attempts import current_trace
from onto_fn.gate.refusal import Code, Refusal

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SEC = 1

STATUS: dict[Code, int] = {
    "invalid-argument": 400,
    "unauthenticated": 401,
    "permission-denied": 403,
    "not-found": 404,
    "already-exists": 409,
    "failed-precondition": 422,
    "resource-exhausted": 429,
    "internal": 500,
    "unavailable": 503,
    "deadline-exceeded": 504,
}
"""By which HTTP status a refusal of the gate is answered."""


class HttpProblem(Exception):
    """A request that cannot be answered, for a reason of HTTP's own.

    Args:
        status: of the answer.
        detail: what is wrong, and the remedy.
        headers: of the answer.
        problems: one entry per part that does not fit, `"place: what is wrong"`.
        more: further members of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        problems: Sequence[str] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.problems = tuple(problems)
        self.more = dict(more or {})


def problem_of(refusal: Refusal, *, is_body: bool = False) -> HttpProblem:
    """A refusal in terms of HTTP.

    Args:
        refusal: of the gate.
        is_body: whether what does not fit is the body, so that the address was understood.
    """
    status = STATUS[refusal.code]
    if status == 400 and is_body:
        status = 422
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in {429, 503}:
        headers["Retry-After"] = str(RETRY_AFTER_SEC)
    return HttpProblem(status, str(refusal), headers=headers, problems=refusal.problems)


def answer_of(problem: HttpProblem) -> Response:
    """The answer that tells a problem."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
    }
    if problem.problems:
        content["problems"] = [part_of(text) for text in problem.problems]
    content |= traced_by()
    return Response(
        json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        problem.status,
        {"Cache-Control": "no-store", **problem.headers},
        MEDIA_TYPE,
    )


def traced_by() -> dict[str, str]:
    """The member of an answer by which its trace is found, if there is one."""
    trace = current_trace.get()
    return {} if trace is None else {"trace": f"{trace.trace_id:032x}"}


def part_of(text: str) -> dict[str, str]:
    """A problem with the JSON pointer of its field, where it names one."""
    place, _, detail = text.partition(": ")
    if not detail or " " in place:
        return {"detail": text}
    if place == "(document)":
        return {"pointer": "", "detail": detail}
    names = [name.replace("~", "~0").replace("/", "~1") for name in place.split(".")]
    return {"pointer": "".join(f"/{name}" for name in names), "detail": detail}
