"""GraphQL over HTTP: `POST` with JSON, `GET` of queries, and server-sent events.

The statuses are those of the GraphQL-over-HTTP specification. Server-sent events are those of
graphql-sse, each operation on a connection of its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, NoReturn, cast

from starlette.requests import Request
from starlette.responses import Response

from onto_fn.api.graphql.operation import StreamEnds
from onto_fn.api.graphql.running import (
    Asked,
    NotPrepared,
    Prepared,
    Running,
    asked_of,
    told_refusal,
)
from onto_fn.api.rest.asked import body_of
from onto_fn.api.rest.problem import STATUS, HttpProblem, problem_of
from onto_fn.api.rest.validators import VARY
from onto_fn.api.streams.begun import Begun
from onto_fn.api.streams.response import MEDIA_TYPE as EVENTS
from onto_fn.api.streams.response import EventStream
from onto_fn.api.work import Work
from onto_fn.gate.caller import Caller
from onto_fn.gate.refusal import Code, Refusal

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
PREFLIGHT = "GraphQL-Require-Preflight"
"""A header that a page of another origin cannot send before a server allows it."""
_PREFLIGHTED = ("authorization", "x-firebase-appcheck", PREFLIGHT.lower())
_CODES: dict[int, Code] = {code: name for name, code in STATUS.items()}


class GraphQLResources:
    """Answers requests for operations.

    Args:
        running: carries operations out.
        work: runs what waits for certificates.
        max_body: bytes of a request.
        beat_sec: seconds between two heartbeats of a stream.
    """

    def __init__(self, running: Running, work: Work, max_body: int, beat_sec: float) -> None:
        self.running = running
        self._work = work
        self._max_body = max_body
        self._beat_sec = beat_sec

    async def answer(self, request: Request, who: Callable[[], Caller]) -> Response:
        """Answer one request."""
        accepted = JSON
        try:
            accepted = _accepted(request)
            asked = await self._asked(request)
            prepared = self.running.prepare(asked)
            _check_method(request, prepared, accepted)
            caller = await self._work.run(who)
            if accepted == EVENTS:
                return await self._stream(request, prepared, caller)
            result = await self.running.result(prepared, caller)
            status = 200 if "data" in result or accepted == JSON else 400
            return _answer(result, status, accepted)
        except NotPrepared as error:
            status = 200 if accepted == JSON else 400
            return _answer({"errors": error.errors}, status, accepted)
        except Refusal as refusal:
            return _refused(refusal, accepted)
        except HttpProblem as problem:
            refusal = Refusal(_code(problem.status), problem.detail, problem.problems)
            return _answer(
                {"errors": [told_refusal(refusal)]}, problem.status, accepted, problem.headers
            )

    async def _asked(self, request: Request) -> Asked:
        if request.method == "GET":
            return asked_of(_query_of(request))
        try:
            return asked_of(await body_of(request, self._max_body))
        except HttpProblem as problem:
            # To this protocol, a body that is no object is as little a request as no JSON.
            if problem.status == 422:
                problem.status = 400
            raise

    async def _stream(self, request: Request, prepared: Prepared, caller: Caller) -> Response:
        events = Begun(_completed(self.running.events(prepared, caller)))
        await events.begin(request.receive)
        return EventStream(events, _text, _ending, beat_sec=self._beat_sec)


def _accepted(request: Request) -> str:
    """The media type that a client takes: of several, the one that it prefers, or names first.

    Raises:
        HttpProblem: there is none that it takes.
    """
    text = ",".join(request.headers.getlist("accept")) or JSON
    known = {RESPONSE: RESPONSE, JSON: JSON, EVENTS: EVENTS, "application/*": JSON, "*/*": JSON}
    best, found = 0.0, ""
    for part in text.split(","):
        name, *parameters = (item.strip().lower() for item in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if name in known and weight > best:
            best, found = weight, known[name]
    if not found:
        raise HttpProblem(406, f"the answer is {RESPONSE}, {JSON} or {EVENTS}; accept one of them")
    return found


def _query_of(request: Request) -> dict[str, Any]:
    """The operation that the address of a `GET` has.

    Raises:
        HttpProblem: another page may have sent it, or a parameter does not fit.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON and not any(name in request.headers for name in _PREFLIGHTED):
        raise HttpProblem(
            403, f"a GET needs a header that another page cannot send: `{PREFLIGHT}: 1`"
        )
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise HttpProblem(400, f"the parameter {name!r} is there twice")
        found[name] = value
    for name in ("variables", "extensions"):
        if name in found:
            try:
                found[name] = json.loads(found[name], parse_constant=_no_number)
            except (ValueError, RecursionError) as error:
                raise HttpProblem(400, f"the parameter {name!r} is not JSON") from error
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _check_method(request: Request, prepared: Prepared, accepted: str) -> None:
    if request.method == "GET" and prepared.kind == "mutation":
        raise HttpProblem(405, "send a mutation by POST", headers={"Allow": "POST, OPTIONS"})
    if prepared.kind == "subscription" and accepted != EVENTS:
        raise HttpProblem(406, f"a subscription is answered as {EVENTS}; accept it")


async def _completed(events: AsyncGenerator[dict[str, Any]]) -> AsyncGenerator[Any]:
    """The events, and that there are no more; without that, a client comes back."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except StreamEnds:
            return
        yield _COMPLETE


_COMPLETE = object()


def _text(event: Any) -> str:
    if event is _COMPLETE:
        return "event: complete\ndata:\n\n"
    return f"event: next\ndata: {text_of(event)}\n\n"


def _ending(refusal: Refusal) -> str:
    return _text({"errors": [told_refusal(refusal)]})


def text_of(content: Any) -> str:
    """JSON that can be sent: half of a surrogate pair, which a client may have sent, is escaped."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace").decode()


def _refused(refusal: Refusal, accepted: str) -> Response:
    problem = problem_of(refusal)
    content = {"errors": [told_refusal(refusal)]}
    return _answer(content, problem.status, accepted, problem.headers)


def _code(status: int) -> Code:
    return _CODES.get(status, "invalid-argument" if status < HTTPStatus(500) else "internal")


def _answer(
    content: Mapping[str, Any],
    status: int,
    accepted: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    media_type = RESPONSE if accepted == RESPONSE else JSON
    own = {"Cache-Control": "no-store", "Vary": f"Accept, {VARY}"}
    return Response(
        text_of(content),
        status,
        {**own, **cast("dict[str, str]", headers or {})},
        f"{media_type}; charset=utf-8",
    )
