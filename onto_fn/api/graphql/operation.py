"""One operation: who asks, and what its fields ask of the gate, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from onto_fn.api.rest.validators import etag_of
from onto_fn.api.work import Work
from onto_fn.engine import Engine
from onto_fn.firestore.json import plain
from onto_fn.firestore.paths import last_segment
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import RequestOffer, ViewOffer
from onto_fn.gate.reading import Page, Shown, Views
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.submitting import Submitted, submit
from onto_fn.gate.together import Asked, read_together
from onto_fn.gate.watching import Watching


class StreamEnds(Exception):
    """A stream is over before its subject is: a client asks again.

    Args:
        reason: why.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Gate:
    """What operations are carried out with.

    Attributes:
        engine: carries requests out.
        views: reads views.
        work: runs what waits for the database.
        watching: makes what watches views, with the first stream; None where there are no streams.
    """

    engine: Engine
    views: Views
    work: Work
    watching: Callable[[], Awaitable[Watching]] | None = None


class Operation:
    """The context of one operation.

    Args:
        gate: what it is carried out with.
        caller: who asks.
    """

    def __init__(self, gate: Gate, caller: Caller) -> None:
        self._gate = gate
        self._caller = caller
        self._waiting: list[tuple[Asked, asyncio.Future[Any]]] = []
        self._reading: asyncio.Task[None] | None = None

    def ask(self, asked: Asked) -> asyncio.Future[Any]:
        """What a field of a query is, once all fields of the operation have asked.

        A document is None if there is none.

        Raises:
            Refusal: the caller does not get it.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:  # all fields ask before the event loop goes on
            loop.call_soon(self._read)
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((asked, future))
        return future

    def _read(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._reading = asyncio.get_running_loop().create_task(self._answer(waiting))

    async def _answer(self, waiting: list[tuple[Asked, asyncio.Future[Any]]]) -> None:
        asked = [one for one, _ in waiting]
        views, caller = self._gate.views, self._caller
        try:
            answers: list[Any] = list(
                await self._gate.work.run(lambda: read_together(views, asked, caller))
            )
        except Exception as error:
            answers = [error] * len(waiting)
        for (_, future), answer in zip(waiting, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Refusal) and answer.code == "not-found":
                future.set_result(None)
            elif isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(_page(answer) if isinstance(answer, Page) else plain_of(answer))

    async def submit(
        self, offer: RequestOffer, identifier: str, params: dict[str, str], fields: dict[str, Any]
    ) -> tuple[Submitted, dict[str, Any]]:
        """Carry out a request; its outcome, and what the mutation's payload has of it.

        Raises:
            Refusal: see `gate.submitting.submit`.
        """
        gate, caller = self._gate, self._caller

        done = await gate.work.run(
            lambda: submit(
                gate.engine, gate.views.database, offer.mediator, identifier, params, fields, caller
            )
        )
        return done, done.told

    async def built(self, offer: ViewOffer, params: Mapping[str, str]) -> dict[str, Any] | None:
        """A view as it is now, computed live; None if there is none.

        Raises:
            Refusal: the caller may not see it, or it cannot be computed.
        """
        views, caller = self._gate.views, self._caller
        try:
            shown = await self._gate.work.run(
                lambda: views.get(offer, params, caller, computed=True)
            )
        except Refusal as refusal:
            if refusal.code == "not-found":
                return None
            raise
        return plain_of(shown)

    async def watch(self, offer: ViewOffer, params: Mapping[str, str]) -> AsyncGenerator[Any]:
        """A document each time that it changes: its fields, None, or why there is no more.

        Raises:
            StreamEnds: the stream is over, and the caller may ask again.
        """
        watching = await self._watching()
        async with aclosing(_told(watching.document(offer, params, self._caller))) as events:
            async for event in events:
                if isinstance(event, Refusal):
                    yield event
                elif event.kind == "bye":
                    raise StreamEnds(event.reason)
                elif event.kind == "denied":
                    yield Refusal("permission-denied", event.reason)
                else:
                    yield plain_of(event.shown)

    async def watch_list(
        self, offer: ViewOffer, params: Mapping[str, str], size: int
    ) -> AsyncGenerator[Any]:
        """The first page of a list each time that it changes, or why there is no more.

        Raises:
            StreamEnds: the stream is over, and the caller may ask again.
        """
        watching = await self._watching()
        async with aclosing(_told(watching.list(offer, params, self._caller, size))) as events:
            async for event in events:
                if isinstance(event, Refusal):
                    yield event
                elif event.kind == "bye":
                    raise StreamEnds(event.reason)
                else:
                    yield _page(Page(event.items, None))

    async def _watching(self) -> Watching:
        assert self._gate.watching is not None
        return await self._gate.watching()


async def _told(events: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    """The events; a refusal is the last of them, instead of being raised."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except Refusal as refusal:
            yield refusal


def plain_of(shown: Shown | None) -> dict[str, Any] | None:
    """A document's fields in JSON's own types."""
    return None if shown is None else plain(shown.fields)


def _page(page: Page) -> dict[str, Any]:
    items = [
        {"id": last_segment(item.path), "etag": etag_of(item), "fields": plain_of(item)}
        for item in page.items
    ]
    return {"items": items, "next": page.cursor}
