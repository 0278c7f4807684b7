"""One Listen stream with many targets, opened again until it has none."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol, Self, cast

import grpc

from onto_fn.firestore.hub.watched import Watched
from onto_fn.firestore.listening import PASSING, TargetLost
from onto_fn.firestore.rpc import ListenMessage

_log = logging.getLogger("onto_fn")

_LOST = 5
"""Times that a target may be lost in a row before those who watch it are told."""


class Owner(Protocol):
    """What a stream needs of the hub."""

    name: str
    silence: float
    longest_wait: float

    def listen(self, requests: Any) -> Any:
        """Open a stream on the connection."""
        ...

    def target(self, watched: Watched) -> Any:
        """The message that adds a target, from where it was left."""
        ...

    def failed(self, watched: Watched) -> None:
        """It cannot be watched; whoever comes next begins with another."""
        ...

    def ended(self, stream: Stream) -> None:
        """A stream has no targets any more."""
        ...


class Stream:
    """One Listen stream and its targets; it is opened again until it has none."""

    def __init__(self, hub: Owner) -> None:
        self._hub = hub
        self.targets: dict[int, Watched] = {}
        self._ids = itertools.count(1)
        self._renewed: dict[Watched, asyncio.TimerHandle] = {}
        """What is asked for again in a moment."""
        self._requests = _Requests()
        self._heard = monotonic()
        self._failures = 0
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def size(self) -> int:
        """Targets that it has, or soon has again."""
        return len(self.targets) + len(self._renewed)

    def add(self, watched: Watched) -> None:
        """Watch one more, from where it was left."""
        target = next(self._ids)
        self._ask(target, watched)
        self.targets[target] = watched

    def remove(self, watched: Watched) -> None:
        """Watch one less; without any, the stream ends."""
        timer = self._renewed.pop(watched, None)
        if timer is not None:
            timer.cancel()
        self._forget(watched)
        self._end_if_idle()

    async def close(self) -> None:
        """End it."""
        self.targets.clear()
        for timer in self._renewed.values():
            timer.cancel()
        self._renewed.clear()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
                problem = "the server ended the stream"
            except grpc.RpcError as error:
                code = cast(Any, error).code()
                if code not in PASSING:
                    self._lose_tokens()
                    self._refuse_new(f"{code.name}: {cast(Any, error).details()}")
                problem = f"{code.name}: {cast(Any, error).details()}"
            except Exception as error:  # nobody else would open a stream again
                self._lose_tokens()
                problem = repr(error)
            self._failures += 1
            _log.warning("reopening a stream of %d targets: %s", len(self.targets), problem)
            bound = min(self._hub.longest_wait, 0.1 * 2 ** min(self._failures, 12))
            await asyncio.sleep(random.uniform(0, bound))

    async def _follow(self) -> None:
        """Take one stream until it ends."""
        self._begin()
        self._heard = monotonic()
        call = self._hub.listen(self._requests)
        watchdog = asyncio.get_running_loop().create_task(self._watch(call))
        try:
            async for response in call:
                self._heard = monotonic()
                if response is None:  # grpc.aio gives this in place of what it cannot parse
                    raise TargetLost("a response cannot be parsed")
                self._take(response)
        except asyncio.CancelledError:
            # grpc.aio says so of a call that the watchdog has cancelled, too.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            watchdog.cancel()
            call.cancel()
            self._requests.end()

    def _begin(self) -> None:
        """Everything that is watched is asked for again, each target from its token."""
        self._requests = _Requests()
        for target, watched in self.targets.items():
            self._ask(target, watched)

    def _ask(self, target: int, watched: Watched) -> None:
        watched.progress.target = target
        watched.progress.open()
        self._requests.put(self._request(add_target=self._hub.target(watched)))

    async def _watch(self, call: Any) -> None:
        """End a call that has been silent for too long."""
        while True:
            left = self._heard + self._hub.silence - monotonic()
            if left <= 0:
                _log.warning("a stream of %d targets receives nothing", len(self.targets))
                call.cancel()
                return
            await asyncio.sleep(left)

    def _take(self, response: Any) -> None:
        for target in self._concerned(response):
            watched = self.targets.get(target)
            if watched is None:  # nobody watches it any more
                continue
            try:
                snapshot = watched.progress.take(response)
                if snapshot is not None:
                    self._failures = 0
                    watched.take(snapshot)
            except TargetLost as error:
                self._renew(watched, error)
            except Exception as error:  # a document that cannot be decoded; others do not suffer
                self._fail(watched, error)

    def _concerned(self, response: Any) -> list[int]:
        kind = response.WhichOneof("response_type")
        if kind == "document_change":
            change = response.document_change
            return [*change.target_ids, *change.removed_target_ids]
        if kind == "document_delete":
            return list(response.document_delete.removed_target_ids)
        if kind == "document_remove":
            return list(response.document_remove.removed_target_ids)
        if kind == "filter":
            return [response.filter.target_id]
        if kind == "target_change":
            return list(response.target_change.target_ids) or list(self.targets)
        return []

    def _renew(self, watched: Watched, error: TargetLost) -> None:
        """Ask again for what the server has ended, a little later."""
        watched.progress.lose()
        watched.lost += 1
        if watched.lost >= _LOST:
            self._fail(watched, error)
            return
        _log.warning("asking again for a target: %s", error)
        bound = min(self._hub.longest_wait, 0.1 * 2**watched.lost)
        loop = asyncio.get_running_loop()
        self._renewed[watched] = loop.call_later(random.uniform(0, bound), self._again, watched)
        self._forget(watched, has_ended=error.has_ended)

    def _again(self, watched: Watched) -> None:
        del self._renewed[watched]
        self.add(watched)

    def _fail(self, watched: Watched, error: Exception) -> None:
        """Watch it no more."""
        _log.error("%s cannot be watched: %r", watched.what, error)
        self._hub.failed(watched)
        watched.fail(error)
        self._forget(watched, has_ended=isinstance(error, TargetLost) and error.has_ended)
        self._end_if_idle()

    def _forget(self, watched: Watched, *, has_ended: bool = False) -> None:
        """Have a target no more, and tell the server, unless it has ended it by itself."""
        target = watched.progress.target
        if self.targets.pop(target, None) is not None and not has_ended:
            self._requests.put(self._request(remove_target=target))

    def _end_if_idle(self) -> None:
        if not self.size:
            self._hub.ended(self)
            self._task.cancel()

    def _lose_tokens(self) -> None:
        for watched in self.targets.values():
            watched.progress.lose()

    def _refuse_new(self, problem: str) -> None:
        """Give up what has never been shown: of a stream that is refused, it may be the reason."""
        for watched in list(self.targets.values()):
            if watched.state is None:
                self._fail(watched, TargetLost(problem))

    def _request(self, **what: Any) -> Any:
        return ListenMessage(database=self._hub.name, **what)


class _Requests:
    """What one call asks for, until it ends.

    `grpc.aio` takes requests in a task of its own, which would wait for the next one for ever if
    the server ends the call.
    """

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, request: Any) -> None:
        self._queue.put_nowait(request)

    def end(self) -> None:
        self._queue.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        request = await self._queue.get()
        if request is None:
            raise StopAsyncIteration
        return request
