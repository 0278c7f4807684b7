"""What somebody who watches is told, and when it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from onto_fn import DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import members, public
from onto_fn.firestore import Document
from onto_fn.firestore.hub import Hub, State, Unreadable, WatchFull, WatchLost
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import ViewOffer
from onto_fn.gate.reading import Views
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.watching import Event, ListEvent, Watching
from tests.firestore.hub.listened import Firestore, settle

SECOND = 1_000_000


class Note(DomainModel, collection="notes"):
    text: str
    who: list[str]


class NoteStore(Store):
    note = root(Note)


class NotePage(ViewModel[NoteStore], path="notePages/{note_id}", read=members("who")):
    text: str = mirror("note.text")
    who: list[str] = mirror("note.who")


class OpenPage(ViewModel[NoteStore], path="openPages/{note_id}", read=public()):
    text: str = mirror("note.text")


CLOSED = ViewOffer(NotePage, False, "note_id", ())
OPEN = ViewOffer(OpenPage, False, "note_id", ())
PARAMS = {"note_id": "n"}
PATH = "openPages/n"


def watching(hub: Any, seconds: float = 60) -> Watching:
    def connect() -> Any:
        raise AssertionError("nothing is read")

    return Watching(Views(connect), cast(Hub, hub), seconds)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


class Restless:
    """A hub of a document that changes all the time."""

    def __init__(self) -> None:
        self.number = 0

    async def watch(self, what: str, since: int = 0) -> AsyncGenerator[State]:
        while True:
            self.number += 1
            at = datetime.fromtimestamp(self.number, UTC)
            yield State((Document(what, {"who": ["ada"]}, at, at),), self.number)


def test_a_token_that_expires_ends_the_stream_of_a_document_that_changes_all_the_time() -> None:
    async def test() -> None:
        caller = Caller("ada", {"exp": time.time() + 0.2})
        events = [e async for e in watching(Restless()).document(CLOSED, PARAMS, caller)]

        assert events[-1] == Event("bye", reason="the ID token expires")
        assert time.time() < caller.claims["exp"] + 5

    run(test)


def test_a_token_that_has_expired_shows_nothing() -> None:
    async def test() -> None:
        caller = Caller("ada", {"exp": time.time() - 1})
        events = [e async for e in watching(Restless()).document(CLOSED, PARAMS, caller)]

        assert [event.kind for event in events] == ["bye"]

    run(test)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WatchLost("x"), "unavailable"),
        (WatchFull("x"), "resource-exhausted"),
        (Unreadable("x"), "internal"),
    ],
)
def test_what_cannot_be_watched_is_a_refusal_that_tells_nothing_of_the_inside(
    error: Exception, code: str
) -> None:
    class Failing:
        async def watch(self, what: str, since: int = 0) -> AsyncGenerator[State]:
            raise error
            yield

    async def test() -> None:
        with pytest.raises(Refusal) as refused:
            await anext(watching(Failing()).document(OPEN, PARAMS, Caller()))
        assert refused.value.code == code
        assert str(error) not in str(refused.value).split()

    run(test)


async def first_of(events: AsyncGenerator[Any]) -> list[Any]:
    """The first event, if there is one by now."""
    found: list[Any] = []

    async def take() -> None:
        async with aclosing(events):
            found.append(await anext(events))

    task = asyncio.create_task(take())
    await settle()
    task.cancel()
    await asyncio.wait({task})
    return found


@pytest.mark.parametrize(
    ("ahead", "kinds"),
    [(0, ["unchanged"]), (-1, ["snapshot"]), (2, []), (10**9, ["snapshot"])],
)
def test_who_has_a_later_version_is_shown_none_before_it(ahead: int, kinds: list[str]) -> None:
    """This instance lags behind the one that showed it; but a version of the future is none."""

    async def test() -> None:
        server = Firestore(now=int(time.time()))
        server.write(PATH)
        hub = server.hub()
        watched = watching(hub)
        other = watched.document(OPEN, PARAMS, Caller())
        task = asyncio.ensure_future(anext(other))
        await settle()
        server.calls[0].tell()
        await task

        known = str((server.now + ahead) * SECOND)
        found = await first_of(watched.document(OPEN, PARAMS, Caller(), known))

        assert [event.kind for event in found] == kinds
        await other.aclose()
        assert hub.counts["targets"] == 0

    run(test)


def test_a_text_that_is_no_version_changes_nothing() -> None:
    async def test() -> None:
        server = Firestore()
        hub = server.hub()
        watched = watching(hub)
        other = watched.document(OPEN, PARAMS, Caller())
        task = asyncio.ensure_future(anext(other))
        await settle()
        server.calls[0].tell()
        assert (await task).kind == "missing"

        for known in ("-1", "x", "9" * 40, "\u0661", "1e9"):
            found = await first_of(watched.document(OPEN, PARAMS, Caller(), known))
            assert found == [Event("missing")], known
        await other.aclose()

    run(test)


def test_a_list_that_one_has_is_not_told_again() -> None:
    async def test() -> None:
        server = Firestore(now=1000)
        server.write(PATH)
        hub = server.hub()
        watched = watching(hub)
        events = watched.list(OPEN, {}, Caller(), 20)
        task = asyncio.ensure_future(anext(events))
        await settle()
        server.calls[0].tell()
        first: ListEvent = await task
        assert [item.path for item in first.items] == [PATH]

        again = watched.list(OPEN, {}, Caller(), 20, first.version)
        assert (await anext(again)).kind == "unchanged"
        server.write("openPages/m")
        following = [asyncio.ensure_future(anext(one)) for one in (events, again)]
        await settle()
        server.calls[0].tell()
        told = [await one for one in following]
        assert told[0] == told[1]
        assert int(told[0].version) > int(first.version)
        for one in (events, again):
            await one.aclose()

    run(test)


def test_a_process_that_ends_says_so_to_all() -> None:
    async def test() -> None:
        server = Firestore()
        hub = server.hub()
        watched = watching(hub)
        sources = [watched.document(OPEN, {"note_id": name}, Caller()) for name in "abc"]
        tasks = [asyncio.ensure_future(anext(source)) for source in sources]
        await settle()

        watched.stop()

        assert [(await task).reason for task in tasks] == ["the server ends"] * 3
        for source in sources:
            await source.aclose()
        await settle()
        assert hub.counts == {"targets": 0, "streams": 0, "watchers": 0}

    run(test)
