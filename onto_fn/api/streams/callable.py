"""Streams for the Firebase SDKs: `httpsCallable(functions, "onto_stream").stream({view, params})`.

The SDKs of Web, iOS, Android and Flutter stream from callable functions, and send the ID token and
the App Check token. Firebase's own Python SDK cannot answer them. The protocol: the request is
`{"data": …}` with `Accept: text/event-stream`; the answer has lines `data: {"message": …}`, and at
its end `data: {"result": …}` or `data: {"error": {"status", "message"}}`.

The SDK for iOS ends a stream at any line that does not begin with `data:`, comments too; that for
Android at an empty line after no data. So the next line is always begun, and a heartbeat is a space
in it, before the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from onto_fn.api.rest.asked import body_of
from onto_fn.api.rest.problem import STATUS, HttpProblem
from onto_fn.api.streams.begun import Begun
from onto_fn.api.streams.response import MEDIA_TYPE, Closable, EventStream
from onto_fn.api.streams.sse import StreamResources
from onto_fn.firestore.json import plain
from onto_fn.gate.caller import Caller
from onto_fn.gate.integers import encoded
from onto_fn.gate.refusal import Code, Refusal, invalid
from onto_fn.gate.watching import Event
from onto_fn.models.model_type import problems_of

_BEGUN = "data: "


class Asked(BaseModel):
    """The data of a call."""

    model_config = ConfigDict(extra="forbid", strict=True)

    view: str
    params: dict[str, str] = {}
    version: str = ""


async def answer_call(
    request: Request, streams: StreamResources, who: Callable[[], Caller]
) -> Response:
    """Answer a call of a Firebase SDK: by a stream, or by the first version if it wants none."""
    wants_stream = MEDIA_TYPE in request.headers.get("accept", "")
    try:
        asked = await _asked(request, streams.max_body)
        caller = await streams.work.run(who)
        offer = streams.offer(asked.view)
        events = Begun(streams.watching.document(offer, asked.params, caller, asked.version))
        has_first = await events.begin(request.receive)
    except Refusal as refusal:
        return _error(refusal.code, str(refusal), wants_stream=wants_stream)
    except HttpProblem as problem:
        return _error("invalid-argument", problem.detail, wants_stream=wants_stream)
    if wants_stream:
        return stream_of(events, streams.beat_sec)
    async with aclosing(events):
        first = await anext(events) if has_first else None
    if first is None or first.kind == "bye":
        return _error("unavailable", "try again", wants_stream=False)
    return _json({"result": _message(first)}, 200)


def stream_of(events: Closable, beat_sec: float) -> EventStream:
    """The answer that streams events to an SDK."""
    return EventStream(events, _text_of, _ending, greeting=_BEGUN, heartbeat=" ", beat_sec=beat_sec)


async def _asked(request: Request, most: int) -> Asked:
    body = await body_of(request, most)
    try:
        return Asked.model_validate(body.get("data"))
    except ValidationError as error:
        raise invalid(problems_of(error)) from error


def _text_of(event: Event) -> str:
    match event.kind:
        case "denied":
            return _rest({"error": _problem("permission-denied", event.reason)})
        case "bye":
            return _rest({"result": {"ended": event.reason}})
        case "unchanged":
            return " "
        case _:
            return _rest({"message": _message(event)}) + _BEGUN


def _ending(refusal: Refusal) -> str:
    return _rest({"error": _problem(refusal.code, str(refusal))})


def _message(event: Event) -> dict[str, Any]:
    """An event as a client receives it: `fields` is null where there is no document."""
    shown = event.shown
    if shown is None:
        return {"state": event.kind, "fields": None}
    fields = encoded(plain(shown.fields))
    return {"state": event.kind, "version": shown.version, "fields": fields}


def _rest(content: dict[str, Any]) -> str:
    """What follows the beginning of a line."""
    return f"{json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _problem(code: Code, message: str) -> dict[str, str]:
    return {"status": code.replace("-", "_").upper(), "message": message}


def _error(code: Code, message: str, *, wants_stream: bool) -> Response:
    content = {"error": _problem(code, message)}
    if wants_stream:
        # The SDKs read an error from the stream alone: after another status, they wait for ever.
        return Response(_BEGUN + _rest(content), 200, {"Cache-Control": "no-store"}, MEDIA_TYPE)
    return _json(content, 400 if code == "failed-precondition" else STATUS[code])


def _json(content: dict[str, Any], status: int) -> Response:
    text = json.dumps(content, ensure_ascii=False)
    return Response(text, status, {"Cache-Control": "no-store"}, "application/json")
