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

import google.auth
import grpc
from google.api_core.gapic_v1 import routing_header
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcAsyncIOTransport
from google.cloud.firestore_v1.types import ListenResponse, Target

from onto_fn.emulators import emulator_of
from onto_fn.errors import PermanentError, TransientError
from onto_fn.firestore.database import Database
from onto_fn.firestore.documents import Document
from onto_fn.firestore.hub.stream import Stream
from onto_fn.firestore.hub.watched import State, Watchable, Watched, key_of
from onto_fn.firestore.listening import TargetLost
from onto_fn.firestore.rpc import ListenMessage, structured

TARGETS = 100
"""Targets of one stream."""
STREAMS = 90
"""Streams of the connection: Google's servers take 100."""
SILENCE = 300.0
"""Seconds without a response after which a stream counts as dead."""
_LONGEST_WAIT = 30.0

# The generated message classes carry no types for their fields.
_Target = cast(Any, Target).pb()
_Response = cast(Any, ListenResponse).pb()
_transport = cast(Any, FirestoreGrpcAsyncIOTransport)
_OPTIONS = [("grpc.max_receive_message_length", -1)]


class WatchLost(TransientError):
    """A document or query cannot be watched now."""


class WatchFull(TransientError):
    """So much is watched already that nothing else can be."""


class Unreadable(PermanentError):
    """A document cannot be decoded."""


class Hub:
    """Watches documents and queries of one database, for one event loop.

    It holds nothing while nobody watches: the first client opens a stream, the last one closes it.

    Args:
        connect: makes the connection, a channel of `grpc.aio`.
        name: resource name of the database, `projects/p/databases/d`.
        metadata: headers of each call.
        decode: makes a document of a protobuf one.
        targets: targets of one stream.
        streams: streams, at most: a connection has a limit, beyond which one would wait for ever.
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
        streams: int = STREAMS,
        silence: float = SILENCE,
        longest_wait: float = _LONGEST_WAIT,
    ) -> None:
        self._connect = connect
        self.name = name
        self.metadata = metadata
        self._decode = decode
        self._targets = targets
        self._most = streams
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

    async def watch(self, what: Watchable, since: int = 0) -> AsyncGenerator[State]:
        """The states of a document or query: the present one first, then each that is new.

        Whoever is slow skips states. Close the generator (`aclosing`) when it is not needed.

        Args:
            what: the document or query.
            since: an instant, in microseconds since 1970, before which no state is shown: whoever
                was shown one of that time elsewhere would be shown an older one.

        Raises:
            WatchLost: it cannot be watched now; the error says why.
            WatchFull: too much is watched already.
            Unreadable: a document cannot be decoded.
        """
        if self._closed:
            return
        with self._joined(what, since) as (watched, event):
            seen = 0
            while not self._closed:
                event.clear()
                if watched.error is not None:
                    raise _told(watched.error) from watched.error
                state = watched.state
                if state is not None and state.number > seen and watched.time >= since:
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

    def failed(self, watched: Watched) -> None:
        """It cannot be watched; whoever comes next begins with another."""
        key = key_of(watched.what)
        if key in self._watched and self._watched[key][0] is watched:
            del self._watched[key]

    def ended(self, stream: Stream) -> None:
        """A stream has no targets any more."""
        if stream in self._streams:
            self._streams.remove(stream)

    @contextmanager
    def _joined(self, what: Watchable, since: int) -> Generator[tuple[Watched, asyncio.Event]]:
        key = key_of(what)
        event = asyncio.Event()
        if key not in self._watched:
            self._watched[key] = self._begun(what)
        watched, stream = self._watched[key]
        watched.join(event, since)
        try:
            yield watched, event
        finally:
            watched.watchers.discard(event)
            if not watched.watchers and self._watched.get(key) == (watched, stream):
                del self._watched[key]
                stream.remove(watched)

    def _begun(self, what: Watchable) -> tuple[Watched, Stream]:
        watched, stream = Watched(what, self._decode), self._free_stream()
        try:
            stream.add(watched)
        except Exception:  # protobuf cannot say it
            stream.remove(watched)
            raise
        return watched, stream

    def _free_stream(self) -> Stream:
        for stream in self._streams:
            if stream.size < self._targets:
                return stream
        if len(self._streams) >= self._most:
            raise WatchFull(f"{len(self._watched)} documents and lists are watched already")
        self._streams.append(Stream(self))
        return self._streams[-1]


def _told(error: Exception) -> Exception:
    """An error of its own for each of those who watch."""
    return WatchLost(str(error)) if isinstance(error, TargetLost) else Unreadable(str(error))


def hub_of(database: Database, **options: Any) -> Hub:
    """A hub for a database; see `Hub` for the options.

    It looks for the credentials, and may wait for a server to do so: call it beside the event loop.
    """
    name, emulator = database.name, emulator_of("firestore", database.project)
    routing = cast(Any, routing_header).to_grpc_metadata((("database", name),))
    if emulator is not None:
        connect = partial(_emulated, emulator)
    else:
        credentials, _ = cast(Any, google.auth).default(scopes=_transport.AUTH_SCOPES)
        connect = partial(_channel, credentials)
    return Hub(connect, name, [*database.metadata, routing], database.decoded, **options)


def _emulated(address: str) -> Any:
    return grpc.aio.insecure_channel(address, options=_OPTIONS)


def _channel(credentials: Any) -> Any:
    # Without a question now and then, a connection that is dead would be noticed minutes later. The
    # emulator refuses clients that ask as often.
    options = [*_OPTIONS, ("grpc.keepalive_time_ms", 30_000)]
    return _transport.create_channel(credentials=credentials, options=options)
