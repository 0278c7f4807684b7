"""One Listen stream with many targets, opened again until it has none."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from time import monotonic
from typing import Any, Protocol, cast

import grpc

from onto_fn.errors import PermanentError
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

    def ended(self, stream: Stream) -> None:
        """A stream has no targets any more."""
        ...


class Stream:
    """One Listen stream and its targets; it is opened again until it has none."""

    def __init__(self, hub: Owner) -> None:
        self._hub = hub
        self.targets: dict[int, Watched] = {}
        self._ids = itertools.count(1)
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        """Of the present stream: the generator of the one before may still wait at its own."""
        self._heard = monotonic()
        self._failures = 0
        self._later: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, watched: Watched) -> None:
        """Watch one more, from where it was left."""
        target = next(self._ids)
        watched.progress.target = target
        watched.progress.open()
        self.targets[target] = watched
        self._requests.put_nowait(self._request(add_target=self._hub.target(watched)))

    def remove(self, watched: Watched) -> None:
        """Watch one less; without any, the stream ends."""
        target = watched.progress.target
        if self.targets.pop(target, None) is not None:
            self._requests.put_nowait(self._request(remove_target=target))
        if not self.targets and not self._later:
            self._hub.ended(self)
            self._task.cancel()

    async def close(self) -> None:
        """End it."""
        self.targets.clear()
        for task in (self._task, *self._later):
            task.cancel()
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
        call = self._hub.listen(_each(self._requests))
        watchdog = asyncio.get_running_loop().create_task(self._watch(call))
        try:
            async for response in call:
                self._heard = monotonic()
                if response is None:  # grpc.aio gives this in place of what it cannot parse
                    raise TargetLost("a response cannot be parsed")
                self._take(response)
                self._failures = 0
        except asyncio.CancelledError:
            # grpc.aio says so of a call that the watchdog has cancelled, too.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            watchdog.cancel()
            call.cancel()

    def _begin(self) -> None:
        """Everything that is watched is asked for again, each target from its token."""
        self._requests = asyncio.Queue()
        for target, watched in self.targets.items():
            watched.progress.target = target
            watched.progress.open()
            self._requests.put_nowait(self._request(add_target=self._hub.target(watched)))

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
                    watched.take(snapshot)
            except TargetLost as error:
                self._renew(watched, error)
            except PermanentError as error:  # a document that cannot be decoded
                watched.fail(error)

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
        target = watched.progress.target
        self.targets.pop(target, None)
        self._requests.put_nowait(self._request(remove_target=target))
        watched.progress.lose()
        watched.lost += 1
        if watched.lost >= _LOST:
            watched.fail(error)
            return
        _log.warning("asking again for a target: %s", error)

        async def later() -> None:
            await asyncio.sleep(random.uniform(0, 0.1 * 2**watched.lost))
            if watched.watchers:
                self.add(watched)
            elif not self.targets:
                self._hub.ended(self)
                self._task.cancel()

        task = asyncio.get_running_loop().create_task(later())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    def _lose_tokens(self) -> None:
        for watched in self.targets.values():
            watched.progress.lose()

    def _request(self, **what: Any) -> Any:
        return ListenMessage(database=self._hub.name, **what)


async def _each(queue: asyncio.Queue[Any]) -> AsyncGenerator[Any]:
    while True:
        yield await queue.get()
