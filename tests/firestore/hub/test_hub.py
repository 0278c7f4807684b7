"""The hub's decisions, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from onto_fn.firestore import Filter, Query
from onto_fn.firestore.hub import Hub, State, Unreadable, WatchFull, WatchLost
from tests.firestore.hub.listened import DATABASE, Broken, Firestore, decoded, settle


class Taken:
    """What one watcher was shown."""

    def __init__(self, hub: Hub, what: Any, since: int = 0) -> None:
        self.states: list[State] = []
        self.task = asyncio.get_running_loop().create_task(self._take(hub, what, since))

    async def _take(self, hub: Hub, what: Any, since: int) -> None:
        async with aclosing(hub.watch(what, since)) as states:
            async for state in states:
                self.states.append(state)

    @property
    def paths(self) -> list[str]:
        return [document.path for document in self.states[-1].documents]

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


def hub_that_cannot_read(server: Firestore, path: str) -> Hub:
    def decode(message: Any) -> Any:
        document = decoded(message)
        if document.path == path:
            raise ValueError("a value that nobody knows")
        return document

    return Hub(lambda: server, DATABASE, [], decode, longest_wait=0.0)


def test_a_document_that_cannot_be_read_ends_its_own_watchers_alone() -> None:
    async def test() -> None:
        server = Firestore()
        server.write("things/a")
        server.write("others/b")
        hub = hub_that_cannot_read(server, "things/a")
        bad, good = Taken(hub, "things/a"), Taken(hub, "others/b")
        await settle()

        server.calls[0].tell()
        await settle()

        assert isinstance(bad.task.exception(), Unreadable)
        assert good.paths == ["others/b"]
        assert server.opened == 1
        assert hub.counts == {"targets": 1, "streams": 1, "watchers": 1}
        await good.leave()

    run(test())


def test_who_is_slow_does_not_miss_what_failed_in_between() -> None:
    """A list with a document that cannot be read is not shown without it later."""

    async def test() -> None:
        server = Firestore()
        hub = hub_that_cannot_read(server, "things/b")
        states = hub.watch(Query("things"))
        first = asyncio.ensure_future(anext(states))
        await settle()
        server.calls[0].tell()
        await first
        for path in ("things/a", "things/b", "things/c"):
            server.write(path)
        server.calls[0].tell()
        await settle()
        server.write("things/d")
        for call in server.calls:
            call.tell()
        await settle()

        with pytest.raises(Unreadable):
            await anext(states)
        assert hub.counts["targets"] == 0

    run(test())


def test_who_comes_after_a_failure_begins_anew() -> None:
    async def test() -> None:
        server = Firestore()
        server.write("things/a")
        hub = server.hub()
        slow = hub.watch("things/a")
        first = asyncio.ensure_future(anext(slow))
        await settle()
        server.calls[0].tell()
        await first
        for _ in range(5):
            (target,) = server.calls[0].targets.values()
            server.calls[0].lose(target)
            await settle()

        second = Taken(hub, "things/a")
        await settle()
        server.calls[0].tell()
        await settle()

        assert second.paths == ["things/a"]
        with pytest.raises(WatchLost):
            await anext(slow)
        assert hub.counts == {"targets": 1, "streams": 1, "watchers": 1}
        await second.leave()

    run(test())


def test_a_target_that_the_server_refuses_does_not_take_the_others_along() -> None:
    async def test() -> None:
        server = Firestore()
        hub = server.hub()
        good = Taken(hub, "things/a")
        await settle()
        server.calls[0].tell()
        await settle()
        refused = Taken(hub, "things/refused")
        await settle()

        server.calls[0].end(Broken(grpc.StatusCode.INVALID_ARGUMENT))
        await settle()
        server.write("things/a")
        server.calls[0].tell()
        await settle()

        assert isinstance(refused.task.exception(), WatchLost)
        assert good.paths == ["things/a"]
        assert [target.path for target in server.calls[0].targets.values()] == ["things/a"]
        await good.leave()

    run(test())


def test_of_two_lost_targets_the_one_that_is_left_does_not_end_the_other() -> None:
    async def test() -> None:
        server = Firestore()
        hub = Hub(lambda: server, DATABASE, [], decoded, longest_wait=0.05)
        leaving, staying = Taken(hub, "things/a"), Taken(hub, "things/b")
        await settle()
        (call,) = server.calls
        for target in list(call.targets.values()):
            call.lose(target)
        await asyncio.sleep(0)
        await leaving.leave()
        while not call.targets:
            await asyncio.sleep(0.01)
        server.write("things/b")
        call.tell()
        await settle()

        assert staying.paths == ["things/b"]
        await staying.leave()
        assert hub.counts == {"targets": 0, "streams": 0, "watchers": 0}

    run(test())


def test_what_cannot_be_asked_for_leaves_nothing_behind() -> None:
    async def test() -> None:
        server = Firestore()
        hub = server.hub()
        query = Query("things", (Filter("who", "==", "\ud800"),))

        with pytest.raises(Exception, match=r"surrogate|Unicode"):
            await anext(hub.watch(query))

        await settle()
        assert hub.counts == {"targets": 0, "streams": 0, "watchers": 0}

    run(test())


def test_so_much_can_be_watched_and_no_more() -> None:
    async def test() -> None:
        server = Firestore()
        hub = server.hub(targets=2, streams=2)
        taken = [Taken(hub, f"things/{number}") for number in range(4)]
        await settle()

        with pytest.raises(WatchFull):
            await anext(hub.watch("things/5"))
        assert hub.counts == {"targets": 4, "streams": 2, "watchers": 4}

        again = Taken(hub, "things/0")
        await taken[1].leave()
        other = Taken(hub, "things/5")
        await settle()
        assert hub.counts == {"targets": 4, "streams": 2, "watchers": 5}
        for one in (again, other, *taken):
            await one.leave()

    run(test())


def test_a_closed_hub_shows_nothing_and_opens_nothing() -> None:
    async def test() -> None:
        server = Firestore()
        hub = server.hub()
        taken = Taken(hub, "things/a")
        await settle()

        await hub.close()
        await settle()

        assert taken.task.done()
        assert [state async for state in hub.watch("things/a")] == []
        assert server.calls == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    # `asyncio.wait_for` has a task of its own in Python 3.11.
    asyncio.run(test())


def test_a_state_that_is_older_than_what_one_was_shown_elsewhere_is_held_back() -> None:
    async def test() -> None:
        server = Firestore()
        server.write("things/a")
        hub = server.hub()
        first = Taken(hub, "things/a")
        await settle()
        server.calls[0].tell()
        await settle()
        server.write("things/a")

        second = Taken(hub, "things/a", since=server.now * 1_000_000)
        await settle()
        assert second.states == []
        server.calls[0].tell()
        await settle()

        assert [len(one.states) for one in (first, second)] == [2, 1]
        third = Taken(hub, "things/a", since=(server.now + 1) * 1_000_000)
        server.write("others/b")  # of which nobody here is told, but the time goes on
        server.calls[0].tell()
        await settle()
        assert len(third.states) == 1
        for one in (first, second, third):
            await one.leave()

    run(test())


def test_a_target_whose_count_differs_is_listed_again() -> None:
    async def test() -> None:
        server = Firestore()
        server.write("things/a")
        hub = server.hub()
        taken = Taken(hub, Query("things"))
        await settle()
        (call,) = server.calls
        call.tell()
        await settle()
        server.delete("things/a")
        call.end(Broken(grpc.StatusCode.UNAVAILABLE))
        await settle()

        (call,) = server.calls
        assert [target.since for target in call.targets.values()] == [2]
        call.send(*call.told(server.now, by_count=True))
        await settle()
        assert [target.since for target in call.targets.values()] == [None]
        call.tell()
        await settle()

        assert taken.paths == []
        await taken.leave()

    run(test())
