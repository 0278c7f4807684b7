"""Server-sent events: one document or list at its own address, several by `POST /stream`.

| event | data | then |
|---|---|---|
| `snapshot` | a document's fields, or `{"items": […]}` of a list | goes on |
| `deleted`, `missing` | `{}`: there was a document; there is none yet | goes on |
| `denied` | `{"reason"}`: the caller may not see it any more | ends |
| `bye` | `{"reason"}`: ask again | ends |

`id` is the version of a document or list. A client that sends it as `Last-Event-ID` is not told
that version again, nor an older one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from onto_fn.api.rest.asked import body_of, query_of, size_of
from onto_fn.api.rest.problem import problem_of
from onto_fn.api.rest.resources import PAGE, items_text
from onto_fn.api.streams.begun import Begun
from onto_fn.api.streams.response import Closable, EventStream
from onto_fn.api.work import Work
from onto_fn.firestore.json import json_text
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import ViewOffer
from onto_fn.gate.reading import MAX_PAGE
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.gate.watching import Event, ListEvent, Watching
from onto_fn.models.model_type import problems_of

_log = logging.getLogger("onto_fn")

MAX_WATCHED = 50
"""Documents that one connection may watch."""
_LATER = {"unavailable", "resource-exhausted", "internal"}


class Watch(BaseModel):
    """One document that a client wants to watch."""

    model_config = ConfigDict(extra="forbid", strict=True)

    view: str
    params: dict[str, str] = {}
    last: str = ""


class Watches(BaseModel):
    """What a client sends to watch several documents."""

    model_config = ConfigDict(extra="forbid", strict=True)

    watch: list[Watch] = Field(min_length=1, max_length=MAX_WATCHED)


@dataclass(frozen=True)
class StreamResources:
    """Answers requests for streams.

    Attributes:
        watching: watches views.
        offered: the views that are offered, by name.
        work: runs what waits for certificates.
        beat_sec: seconds between two heartbeats.
        max_body: bytes of a request.
    """

    watching: Watching
    offered: dict[str, ViewOffer]
    work: Work
    beat_sec: float
    max_body: int

    async def view(
        self, request: Request, offer: ViewOffer, params: dict[str, str], who: Callable[[], Caller]
    ) -> Response:
        """Stream one document."""
        query_of(request, ())
        caller = await self.work.run(who)
        known = request.headers.get("last-event-id", "")
        events = Begun(self.watching.document(offer, params, caller, known))
        await events.begin(request.receive)
        return self._stream(events, _of_document)

    async def list(
        self, request: Request, offer: ViewOffer, params: dict[str, str], who: Callable[[], Caller]
    ) -> Response:
        """Stream the first page of a list."""
        query = query_of(request, {"limit"})
        size = size_of(query.get("limit"), PAGE, MAX_PAGE)
        caller = await self.work.run(who)
        known = request.headers.get("last-event-id", "")
        events = Begun(self.watching.list(offer, params, caller, size, known))
        await events.begin(request.receive)
        return self._stream(events, _of_list)

    async def several(self, request: Request, who: Callable[[], Caller]) -> Response:
        """Stream several documents over one connection."""
        query_of(request, ())
        try:
            asked = Watches.model_validate(await body_of(request, self.max_body))
        except ValidationError as error:
            problem = problem_of(invalid(problems_of(error)), is_body=True)
            raise problem from error
        caller = await self.work.run(who)
        offers = [self.offer(one.view) for one in asked.watch]
        sources = [
            self.watching.document(offer, one.params, caller, one.last)
            for offer, one in zip(offers, asked.watch, strict=True)
        ]
        return self._stream(_merged(sources), _of_several)

    def offer(self, name: str) -> ViewOffer:
        """The view of a name, which can be watched.

        Raises:
            Refusal: there is none.
        """
        found = self.offered.get(name)
        if found is None or found.is_live:
            known = ", ".join(sorted(n for n, o in self.offered.items() if not o.is_live))
            raise invalid([f"view: one of {known or '(there are none)'}"])
        return found

    def _stream(self, events: Closable, text_of: Callable[[Any], str]) -> EventStream:
        # Not all clients come back at once.
        greeting = f"retry: {random.randint(1000, 3000)}\n\n"
        return EventStream(events, text_of, _ending, greeting=greeting, beat_sec=self.beat_sec)


def text_of(kind: str, data: str, identifier: str = "") -> str:
    """One event as it is sent."""
    named = f"id: {identifier}\n" if identifier else ""
    return f"event: {kind}\n{named}data: {data}\n\n"


def _ending(refusal: Refusal) -> str:
    return text_of("bye", json.dumps({"reason": str(refusal)}))


def _of_document(event: Event) -> str:
    if event.kind == "unchanged":
        return ": unchanged\n\n"
    if event.shown is not None:
        return text_of(event.kind, json_text(event.shown.fields), event.shown.version)
    return text_of(event.kind, json.dumps({"reason": event.reason} if event.reason else {}))


def _of_list(event: ListEvent) -> str:
    if event.kind == "unchanged":
        return ": unchanged\n\n"
    if event.kind == "bye":
        return text_of("bye", json.dumps({"reason": event.reason}))
    return text_of("snapshot", f'{{"items":{items_text(event.items)}}}', event.version)


def _of_several(numbered: tuple[int, Event]) -> str:
    number, event = numbered
    shown = event.shown
    if event.kind == "unchanged":
        return ": unchanged\n\n"
    if shown is not None:
        version = json.dumps(shown.version)
        return text_of(
            "snapshot",
            f'{{"watch":{number},"version":{version},"fields":{json_text(shown.fields)}}}',
        )
    reason = {"reason": event.reason} if event.reason else {}
    return text_of(event.kind, json.dumps({"watch": number, **reason}))


async def _merged(
    sources: Sequence[AsyncGenerator[Event]],
) -> AsyncGenerator[tuple[int, Event]]:
    """The events of several documents as they come; each waits until its last one was taken."""
    # Events, not texts: their content is that of everybody who watches the same.
    queue: asyncio.Queue[tuple[int, Event] | None] = asyncio.Queue(maxsize=1)

    async def follow(number: int, events: AsyncGenerator[Event]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    await queue.put((number, event))
        except Refusal as refusal:
            kind = "bye" if refusal.code in _LATER else "denied"
            await queue.put((number, Event(kind, reason=str(refusal))))
        except Exception:
            _log.exception("a document cannot be watched")
            await queue.put((number, Event("bye", reason="internal error; the log says why")))
        await queue.put(None)

    tasks = [asyncio.create_task(follow(*numbered)) for numbered in enumerate(sources)]
    going_on = len(tasks)
    try:
        while going_on:
            event = await queue.get()
            if event is None:
                going_on -= 1
            else:
                yield event
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
