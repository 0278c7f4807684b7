"""Views that a caller watches: each version that the caller may see, as long as it may see it.

Access is decided at each version, and ends with the ID token. What a caller is told is a state, not
a history: one that is slow gets the latest version, and never an older one after a newer one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from onto_fn.access import allows
from onto_fn.firestore.hub import Hub, State, Unreadable, Watchable, WatchFull, WatchLost
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import ViewOffer
from onto_fn.gate.reading import Shown, Views, path_of, shown
from onto_fn.gate.refusal import Refusal, invalid

_log = logging.getLogger("onto_fn")

Kind = Literal["snapshot", "unchanged", "deleted", "missing", "denied", "bye"]
SKEW_SEC = 60
"""By how much the clock of another instance may be ahead."""
_VERSION = re.compile(r"[0-9]{1,17}", re.ASCII)


@dataclass(frozen=True)
class Event:
    """What a caller that watches a document is told.

    Attributes:
        kind: `"snapshot"` is a version; `"unchanged"` that it is the one that the caller has;
            `"deleted"` that there was one; `"missing"` that there is
            none yet; `"denied"` that the caller may not see it any more; `"bye"` that the stream
            ends, and the caller may ask again. After the last two nothing follows.
        shown: the version of a `"snapshot"`.
        reason: of a `"denied"` or `"bye"`.
    """

    kind: Kind
    shown: Shown | None = None
    reason: str = ""


@dataclass(frozen=True)
class ListEvent:
    """What a caller that watches a list is told.

    Attributes:
        kind: `"snapshot"`; `"unchanged"` if it is the one that the caller has; or `"bye"`.
        items: the documents of the list, in order.
        reason: of a `"bye"`.
        version: by which a caller that comes back says what it has.
    """

    kind: Literal["snapshot", "unchanged", "bye"]
    items: tuple[Shown, ...] = ()
    reason: str = ""
    version: str = ""


class Watching:
    """Watches views for callers, on one event loop.

    Args:
        views: decides who may read.
        hub: watches documents.
        max_sec: seconds after which each stream ends, so that the caller asks again before the
            platform cuts it.
    """

    def __init__(self, views: Views, hub: Hub, max_sec: float) -> None:
        self._views = views
        self.hub = hub
        self._max_sec = max_sec
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End all streams with a `"bye"`: the process is about to end."""
        self._stopping.set()

    async def document(
        self, offer: ViewOffer, params: Mapping[str, str], caller: Caller, known: str = ""
    ) -> AsyncGenerator[Event]:
        """A document's versions.

        Args:
            offer: its view, which is stored.
            params: values of the variables of its path.
            caller: who watches.
            known: the version that the caller has; it is not told again, nor an older one.

        Raises:
            Refusal: the caller may not watch it.
        """
        path = path_of(offer, params)
        may = self._views.may_ask(offer, params, caller)
        since = _instant_of(known)
        was_there = since > 0
        async with aclosing(self._states(path, caller, since)) as states:
            async for state in states:
                if not isinstance(state, State):
                    yield Event("bye", reason=state)
                    return
                found = shown(state.documents[0]) if state.documents else None
                fields = None if found is None else found.fields
                access = offer.view.__read__
                if not may and not allows(access, caller.uid, caller.claims, params, fields):
                    yield Event("denied", reason=f"you may not read this {offer.name}")
                    return
                if found is None:
                    yield Event("deleted" if was_there else "missing")
                else:
                    yield Event("unchanged" if found.version == known else "snapshot", found)
                was_there, known = found is not None, ""

    async def list(
        self,
        offer: ViewOffer,
        params: Mapping[str, str],
        caller: Caller,
        size: int,
        known: str = "",
    ) -> AsyncGenerator[ListEvent]:
        """The first page of a list, each time that it changes.

        Args:
            offer: the view, whose documents are stored.
            params: values of the variables of the collection's path.
            caller: who watches.
            size: documents of the page.
            known: the version that the caller has; it is not told again, nor an older one.

        Raises:
            Refusal: the caller may not list the documents, or only by two conditions at once.
        """
        queries = self._views.queries(offer, params, caller, size=size)
        if len(queries) > 1:
            raise invalid(["this list is the union of several queries, which cannot be watched"])
        async with aclosing(self._states(queries[0], caller, _instant_of(known))) as states:
            async for state in states:
                if not isinstance(state, State):
                    yield ListEvent("bye", reason=state)
                    return
                version = str(state.time)
                items = tuple(shown(document) for document in state.documents)
                kind = "unchanged" if version == known else "snapshot"
                yield ListEvent(kind, items, version=version)

    async def _states(
        self, what: Watchable, caller: Caller, since: int
    ) -> AsyncGenerator[State | str]:
        """The states, and at last the reason why there are no more."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._max_sec
        reason = "ask again"
        expires = caller.claims.get("exp")
        if isinstance(expires, int | float) and loop.time() + expires - time.time() < end:
            end, reason = loop.time() + expires - time.time(), "the ID token expires"
        stopping = loop.create_task(self._stopping.wait())
        async with aclosing(self.hub.watch(what, since)) as states:
            following = loop.create_task(_next(states))
            try:
                while True:
                    done, _ = await asyncio.wait(
                        {following, stopping},
                        timeout=max(0.0, end - loop.time()),
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                    if stopping in done:
                        yield "the server ends"
                        return
                    # Of a document that changes all the time, there is always another state.
                    if following not in done or loop.time() >= end:
                        yield reason
                        return
                    state = _result(following)
                    if state is None:
                        yield "the server ends"
                        return
                    yield state
                    following = loop.create_task(_next(states))
            finally:
                stopping.cancel()
                following.cancel()
                await asyncio.wait({following})


def _instant_of(version: str) -> int:
    """The instant of a version, in microseconds since 1970; 0 if the text is none.

    A version of the future is no version: nothing would be shown until then.
    """
    instant = int(version) if _VERSION.fullmatch(version) else 0
    return instant if instant <= (time.time() + SKEW_SEC) * 1_000_000 else 0


def _result(following: asyncio.Task[State | None]) -> State | None:
    try:
        return following.result()
    except WatchLost as error:
        raise Refusal("unavailable", "the database does not answer; try again") from error
    except WatchFull as error:
        _log.warning("a client cannot watch: %s", error)
        raise Refusal("resource-exhausted", "too much is watched already; try again") from error
    except Unreadable as error:
        raise Refusal("internal", "this cannot be shown; the log says why") from error


async def _next(states: AsyncGenerator[State]) -> State | None:
    return await anext(states, None)
