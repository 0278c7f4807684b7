"""The hub: documents and queries that many clients watch, on as few Listen streams as possible.

All of it runs on one event loop. A document or query is one target, however many watch it; a
stream has up to a hundred targets, since a connection has a limit of streams as well. What is
watched is a state, not a history: whoever looks sees the latest, and never an older version after a
newer one. Google's own client has no asynchronous listener, and needs two threads for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import grpc
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from google.cloud.firestore_v1.types import ListenResponse, Target

from onto_fn.emulators import emulator_of
from onto_fn.errors import TransientError
from onto_fn.firestore.database import Database
from onto_fn.firestore.documents import Document
from onto_fn.firestore.hub.stream import Stream
from onto_fn.firestore.hub.watched import State, Watchable, Watched
from onto_fn.firestore.matching import identity
from onto_fn.firestore.rpc import ListenMessage, structured

TARGETS = 100
"""Targets of one stream."""
SILENCE = 300.0
"""Seconds without a response after which a stream counts as dead."""
_LONGEST_WAIT = 30.0

# The generated message classes carry no types for their fields.
_Target = cast(Any, Target).pb()
_Response = cast(Any, ListenResponse).pb()


class WatchLost(TransientError):
    """A document or query cannot be watched now."""


class Hub:
    """Watches documents and queries of one database, for one event loop.

    It holds nothing while nobody watches: the first client opens a stream, the last one closes it.

    Args:
        connect: makes the connection, a channel of `grpc.aio`.
        name: resource name of the database, `projects/p/databases/d`.
        metadata: headers of each call.
        decode: makes a document of a protobuf one.
        targets: targets of one stream.
        silence: seconds without a response after which a stream is opened again.
        longest_wait: upper bound of the wait before a stream is opened again, in seconds.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        name: str,
        metadata: list[tuple[str, str]],
        decode: Callable[[Any], Document],
        *,
        targets: int = TARGETS,
        silence: float = SILENCE,
        longest_wait: float = _LONGEST_WAIT,
    ) -> None:
        self._connect = connect
        self.name = name
        self.metadata = metadata
        self._decode = decode
        self._targets = targets
        self.silence = silence
        self.longest_wait = longest_wait
        self._channel: Any = None
        self._watched: dict[str, tuple[Watched, Stream]] = {}
        self._streams: list[Stream] = []
        self._closed = False

    @property
    def counts(self) -> dict[str, int]:
        """How many targets, streams and watchers there are, for tests and metrics."""
        return {
            "targets": len(self._watched),
            "streams": len(self._streams),
            "watchers": sum(len(watched.watchers) for watched, _ in self._watched.values()),
        }

    async def watch(self, what: Watchable) -> AsyncGenerator[State]:
        """The states of a document or query: the present one first, then each that is new.

        Whoever is slow skips states. Close the generator (`aclosing`) when it is not needed.

        Raises:
            WatchLost: it cannot be watched; the error says why.
        """
        with self._joined(what) as (watched, event):
            seen = 0
            while not self._closed:
                event.clear()
                if watched.error is not None:
                    raise WatchLost(str(watched.error)) from watched.error
                state = watched.state
                if state is not None and state.number > seen:
                    seen = state.number
                    yield state
                else:
                    await event.wait()

    async def close(self) -> None:
        """End everything; who watches sees the end of the states."""
        self._closed = True
        for watched, _ in list(self._watched.values()):
            watched.wake()
        await asyncio.gather(*(stream.close() for stream in self._streams))
        self._streams.clear()
        if self._channel is not None:
            channel, self._channel = self._channel, None
            await channel.close()

    def listen(self, requests: Any) -> Any:
        """Open a stream on the connection, which the first one makes."""
        if self._channel is None:
            self._channel = self._connect()
        call = self._channel.stream_stream(
            "/google.firestore.v1.Firestore/Listen",
            request_serializer=ListenMessage.SerializeToString,
            response_deserializer=_Response.FromString,
        )
        return call(requests, metadata=self.metadata)

    def target(self, watched: Watched) -> Any:
        """The message that adds a target, from where it was left."""
        documents = f"{self.name}/documents"
        if isinstance(watched.what, str):
            target = _Target(documents={"documents": [f"{documents}/{watched.what}"]})
        else:
            parent = watched.what.collection.rpartition("/")[0]
            target = _Target(
                query={
                    "parent": f"{documents}/{parent}" if parent else documents,
                    "structured_query": structured(watched.what, documents),
                }
            )
        target.target_id = watched.progress.target
        if watched.progress.token:
            target.resume_token = watched.progress.token
        return target

    def ended(self, stream: Stream) -> None:
        """A stream has no targets any more."""
        if stream in self._streams:
            self._streams.remove(stream)

    @contextmanager
    def _joined(self, what: Watchable) -> Generator[tuple[Watched, asyncio.Event]]:
        key = what if isinstance(what, str) else f"?{identity(what)}"
        event = asyncio.Event()
        if key not in self._watched:
            watched, stream = Watched(what, self._decode), self._free_stream()
            self._watched[key] = (watched, stream)
            stream.add(watched)
        watched, stream = self._watched[key]
        watched.watchers.add(event)
        try:
            yield watched, event
        finally:
            watched.watchers.discard(event)
            if not watched.watchers and self._watched.get(key) == (watched, stream):
                del self._watched[key]
                stream.remove(watched)

    def _free_stream(self) -> Stream:
        for stream in self._streams:
            if len(stream.targets) < self._targets:
                return stream
        self._streams.append(Stream(self))
        return self._streams[-1]


def hub_of(database: Database, **options: Any) -> Hub:
    """A hub for a database; see `Hub` for the options."""
    name = f"projects/{database.project}/databases/{database.database}"
    emulator = emulator_of("firestore", database.project)
    metadata = [
        ("google-cloud-resource-prefix", name),
        ("x-goog-request-params", f"database={name}"),
    ]
    if emulator is not None:
        metadata.append(("authorization", "Bearer owner"))
    return Hub(partial(_channel, emulator), name, metadata, database.decoded, **options)


def _channel(emulator: str | None) -> Any:
    options = [("grpc.max_receive_message_length", -1)]
    if emulator is not None:
        return grpc.aio.insecure_channel(emulator, options=options)
    transport = cast(Any, FirestoreGrpcAsyncIOTransport)
    return transport.create_channel(scopes=transport.AUTH_SCOPES, options=options)
