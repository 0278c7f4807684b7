"""Whatever breaks, whoever watches is shown later and later states, and at last the present one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import grpc
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from onto_fn.firestore import Query
from onto_fn.firestore.hub import Hub, WatchLost
from tests.firestore.hub.listened import Broken, Call, Firestore, Target, counted, settle

PATHS = ["things/a", "things/b", "things/c"]
WATCHED: list[str] = [*PATHS, "things"]
CODES = [
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.INVALID_ARGUMENT,
]
SECOND = 1_000_000


class Watcher:
    """Somebody who watches, and checks each state as it comes."""

    def __init__(self, server: Firestore, hub: Hub, path: str, since: int) -> None:
        self._server = server
        self.path = path
        self._time = since
        self.seen: dict[str, int] | None = None
        self.lost: WatchLost | None = None
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.task = asyncio.get_running_loop().create_task(self._watch(hub, since))

    async def _watch(self, hub: Hub, since: int) -> None:
        what = self.path if "/" in self.path else Query(self.path)
        try:
            async with aclosing(hub.watch(what, since * SECOND)) as states:
                async for state in states:
                    self._check({d.path: _version(d) for d in state.documents})
                    await self.may_go_on.wait()
        except WatchLost as error:
            self.lost = error

    def _check(self, seen: dict[str, int]) -> None:
        """It is what there was at some instant, which is not before that of the last."""
        times = range(self._time, self._server.now + 1)
        self._time = next(
            (time for time in times if self._server.at(time, self.path) == seen), 10**9
        )
        assert self._time < 10**9, f"{seen} is older than {self.seen}, or never was"
        self.seen = seen


def _version(document: Any) -> int:
    return int(document.update_time.timestamp())


class Faults(RuleBasedStateMachine):
    """Writers, watchers and a server, each of which does anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.server = Firestore()
        self.watchers: list[Watcher] = []
        self.hub = self.server.hub(targets=2)
        self.has_refused = False
        self.disturbed = 0
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))

    def run(self, call: Any, *, settled: bool = True) -> None:
        async def run() -> None:
            call()
            if settled:
                await settle()

        self.loop.run_until_complete(run())

    @rule(path=st.sampled_from(WATCHED), is_known=st.booleans(), settled=st.booleans())
    def join(self, path: str, is_known: bool, settled: bool) -> None:
        since = self.server.now if is_known else 0

        async def join() -> None:
            self.watchers.append(Watcher(self.server, self.hub, path, since))
            await asyncio.sleep(0)
            if settled:
                await settle()

        self.loop.run_until_complete(join())

    @precondition(lambda self: self.watchers)
    @rule(data=st.data(), settled=st.booleans())
    def leave(self, data: st.DataObject, settled: bool) -> None:
        watcher = self.watchers.pop(data.draw(st.integers(0, len(self.watchers) - 1)))

        async def leave() -> None:
            watcher.task.cancel()
            with suppress(asyncio.CancelledError):
                await watcher.task
            if settled:
                await settle()

        self.loop.run_until_complete(leave())

    @precondition(lambda self: self.watchers)
    @rule(data=st.data())
    def pause_or_go_on(self, data: st.DataObject) -> None:
        watcher = data.draw(st.sampled_from(self.watchers))
        if watcher.may_go_on.is_set():
            watcher.may_go_on.clear()
        else:
            self.run(watcher.may_go_on.set)

    @rule(path=st.sampled_from(PATHS))
    def write(self, path: str) -> None:
        self.server.write(path)

    @rule(path=st.sampled_from(PATHS))
    def delete(self, path: str) -> None:
        self.server.delete(path)

    @precondition(lambda self: self.server.calls)
    @rule(data=st.data(), by_count=st.booleans())
    def tell(self, data: st.DataObject, by_count: bool) -> None:
        call = self._call(data)
        time = data.draw(st.integers(0, self.server.now))
        self.run(lambda: call.send(*call.told(time, by_count=by_count)))

    @precondition(lambda self: self.server.calls)
    @rule(data=st.data(), code=st.sampled_from([*CODES, None]))
    def break_off(self, data: st.DataObject, code: grpc.StatusCode | None) -> None:
        """The stream ends after any part of what there is to tell."""
        call = self._call(data)
        responses = call.told(self.server.now)
        self.has_refused |= code in CODES[2:]
        part = responses[: data.draw(st.integers(0, len(responses)))]
        error = StopAsyncIteration() if code is None else Broken(code)

        def end() -> None:
            call.send(*part)
            call.end(error)

        self.run(end)

    @precondition(lambda self: any(call.targets for call in self.server.calls))
    @rule(
        data=st.data(), what=st.sampled_from(["reset", "lose", "miscount"]), settled=st.booleans()
    )
    def disturb(self, data: st.DataObject, what: str, settled: bool) -> None:
        call, target = self._target(data)
        self.disturbed += what != "reset"
        does = {
            "reset": lambda: call.reset(target),
            "lose": lambda: call.lose(target),
            "miscount": lambda: call.send(counted(target.number, 17)),
        }
        self.run(does[what], settled=settled)

    def _call(self, data: st.DataObject) -> Call:
        return data.draw(st.sampled_from(self.server.calls))

    def _target(self, data: st.DataObject) -> tuple[Call, Target]:
        return data.draw(
            st.sampled_from([(c, t) for c in self.server.calls for t in c.targets.values()])
        )

    def teardown(self) -> None:
        try:
            self.loop.run_until_complete(self._end())
        finally:
            self.loop.close()

    async def _end(self) -> None:
        for watcher in self.watchers:
            watcher.may_go_on.set()
        for _ in range(10):
            for call in self.server.calls:
                call.tell()
            await settle()
        for watcher in self.watchers:
            if watcher.task.done():
                watcher.task.result()
            if watcher.lost is None:
                assert not watcher.task.done()
                assert watcher.seen == self.server.at(self.server.now, watcher.path)
        if not self.has_refused and self.disturbed < 3:
            assert all(watcher.lost is None for watcher in self.watchers)
        joined = {watcher.path for watcher in self.watchers if watcher.lost is None}
        assert self.hub.counts["targets"] == len(joined)
        asked = [target.path for call in self.server.calls for target in call.targets.values()]
        assert sorted(asked) == sorted(joined)

        for watcher in self.watchers:
            watcher.task.cancel()
        await settle()
        assert self.hub.counts == {"targets": 0, "streams": 0, "watchers": 0}
        assert self.server.calls == []
        await self.hub.close()
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert self.errors == []


TestFaults = Faults.TestCase
TestFaults.settings = settings(
    max_examples=120,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
