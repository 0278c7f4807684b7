"""A Firestore with a history, whose Listen streams do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, cast

import grpc
from google.cloud.firestore_v1.types import ListenResponse, TargetChange

from onto_fn.firestore import Document
from onto_fn.firestore.hub import Hub

DATABASE = "projects/demo-x/databases/(default)"
PREFIX = f"{DATABASE}/documents/"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KIND: Any = TargetChange.TargetChangeType
Response = cast(Any, ListenResponse).pb()
_Documents = dict[str, int]


class Broken(grpc.RpcError):
    """A stream that the server has ended."""

    def __init__(self, code: grpc.StatusCode, details: str = "broken by the test") -> None:
        super().__init__(details)
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


@dataclass
class Target:
    """A target of a stream; `path` is a document's, or a collection's."""

    number: int
    path: str
    since: int | None
    is_current: bool = False

    def holds(self, path: str) -> bool:
        return path == self.path or path.rpartition("/")[0] == self.path


@dataclass
class Firestore:
    """Its time is the number of the last write; a document's version is the time of its write."""

    now: int = 1
    history: list[tuple[int, str, int | None]] = field(
        default_factory=list[tuple[int, str, "int | None"]]
    )
    calls: list[Call] = field(default_factory=list["Call"])
    opened: int = 0

    def write(self, path: str) -> None:
        self.now += 1
        self.history.append((self.now, path, self.now))

    def delete(self, path: str) -> None:
        self.now += 1
        self.history.append((self.now, path, None))

    def at(self, time: int, path: str) -> _Documents:
        """The versions of a document, or of a collection's documents, at an instant."""
        found: _Documents = {}
        for when, name, version in self.history:
            if when <= time and (name == path or name.rpartition("/")[0] == path):
                if version is None:
                    found.pop(name, None)
                else:
                    found[name] = version
        return dict(sorted(found.items()))

    def hub(self, **options: Any) -> Hub:
        return Hub(lambda: self, DATABASE, [], decoded, longest_wait=0.0, **options)

    def stream_stream(self, *_: Any, **__: Any) -> Any:
        """What the hub needs of a channel."""
        return lambda requests, metadata: Call(self, requests)

    async def close(self) -> None:
        pass


class Call:
    """One Listen stream, as `grpc.aio` gives it to a client."""

    def __init__(self, server: Firestore, requests: AsyncIterator[Any]) -> None:
        self.server = server
        self.targets: dict[int, Target] = {}
        self.time = 0
        self._responses = asyncio.Queue[Any]()
        self._is_open = True
        server.calls.append(self)
        server.opened += 1
        # Goes on when the server ends the stream, as that of grpc.aio does.
        self._taking = asyncio.get_running_loop().create_task(self._take(requests))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        response = await self._responses.get()
        if isinstance(response, BaseException):
            raise response
        return response

    def cancel(self) -> bool:
        if not self._is_open:
            return False
        self._taking.cancel()
        self.end(asyncio.CancelledError())
        return True

    def end(self, error: BaseException) -> None:
        """End it; what was told before arrives."""
        if self._is_open:
            self._is_open = False
            self.server.calls.remove(self)
            self._responses.put_nowait(error)

    def send(self, *responses: Any) -> None:
        if self._is_open:
            for response in responses:
                self._responses.put_nowait(response)

    async def _take(self, requests: AsyncIterator[Any]) -> None:
        async for request in requests:
            if request.remove_target:
                if self.targets.pop(request.remove_target, None) is not None:
                    self.send(turned(KIND.REMOVE, request.remove_target))
                continue
            asked = request.add_target
            if asked.documents.documents:
                path = asked.documents.documents[0].removeprefix(PREFIX)
            else:
                path = asked.query.structured_query.from_[0].collection_id
            since = int(asked.resume_token) if asked.resume_token else None
            self.targets[asked.target_id] = Target(asked.target_id, path, since)

    def told(self, time: int, *, by_count: bool = False) -> list[Any]:
        """What brings every target up to an instant, none earlier than what was told before.

        Args:
            time: the instant.
            by_count: whether a target that goes on is told how many documents there are, not which
                were deleted.
        """
        time = max([time, self.time, *(t.since or 0 for t in self.targets.values())])
        responses: list[Any] = []
        for target in self.targets.values():
            responses += self._about(target, time, by_count=by_count)
            target.is_current = True
        self.time = time
        return [*responses, consistent(time)]

    def _about(self, target: Target, time: int, *, by_count: bool) -> list[Any]:
        after = self.server.at(time, target.path)
        if target.is_current:
            before = self.server.at(self.time, target.path)
            return _differences(target.number, before, after)
        before = {} if target.since is None else self.server.at(target.since, target.path)
        responses = [turned(KIND.ADD, target.number)]
        if by_count and target.since is not None:
            kept = {name: before[name] for name in before if name in after}
            responses += _differences(target.number, kept, after)
            responses.append(counted(target.number, len(after)))
        else:
            responses += _differences(target.number, before, after)
        return [*responses, turned(KIND.CURRENT, target.number, token=time)]

    def tell(self, time: int | None = None) -> None:
        """Bring every target up to an instant, or to the present one."""
        self.send(*self.told(self.server.now if time is None else time))

    def reset(self, target: Target) -> None:
        """Everything is going to be told again."""
        target.since, target.is_current = None, False
        self.send(turned(KIND.RESET, target.number))

    def lose(self, target: Target) -> None:
        """End a target for a reason of the server's."""
        if self.targets.pop(target.number, None) is None:
            return  # the client was quicker
        response = turned(KIND.REMOVE, target.number)
        response.target_change.cause.code = 14
        self.send(response)


def decoded(message: Any) -> Document:
    fields = {name: value.integer_value for name, value in message.fields.items()}
    time = message.update_time.ToDatetime(tzinfo=UTC)
    return Document(message.name.removeprefix(PREFIX), {**fields}, time, time)


def changed(target: int, path: str, version: int) -> Any:
    response = Response()
    response.document_change.target_ids.append(target)
    response.document_change.document.name = PREFIX + path
    response.document_change.document.update_time.FromDatetime(EPOCH + timedelta(seconds=version))
    return response


def deleted(target: int, path: str) -> Any:
    response = Response()
    response.document_delete.document = PREFIX + path
    response.document_delete.removed_target_ids.append(target)
    return response


def counted(target: int, number: int) -> Any:
    response = Response()
    response.filter.target_id, response.filter.count = target, number
    return response


def turned(kind: Any, *targets: int, token: int | None = None) -> Any:
    response = Response()
    response.target_change.target_change_type = kind
    response.target_change.target_ids.extend(targets)
    response.target_change.resume_token = b"" if token is None else b"%d" % token
    return response


def consistent(time: int) -> Any:
    response = turned(KIND.NO_CHANGE, token=time)
    response.target_change.read_time.FromDatetime(EPOCH + timedelta(seconds=time))
    return response


def _differences(target: int, before: _Documents, after: _Documents) -> list[Any]:
    there = [changed(target, n, v) for n, v in after.items() if before.get(n) != v]
    return [*there, *(deleted(target, name) for name in before if name not in after)]


async def settle() -> None:
    """Let everything happen that nothing has to be waited for."""
    for _ in range(40):
        await asyncio.sleep(0)
