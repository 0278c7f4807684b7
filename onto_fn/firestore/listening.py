"""Listening: follows the changes of a query's result, snapshot by snapshot, until stopped.

Google's high-level listener decodes each document with its own client, and one that it refuses (a
reference into another database is enough) ends the stream for all. This one passes documents on
undecoded, and opens the stream again from the same position after any error.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast

import grpc
from google.cloud.firestore_v1.types import TargetChange

from onto_fn.firestore.database import Database
from onto_fn.firestore.queries import Query

_log = logging.getLogger("onto_fn")

TARGET = 1
"""The id of the one target that a stream has."""
_KIND: Any = TargetChange.TargetChangeType
# Errors that say nothing about the token with which a stream was to go on.
PASSING = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)


class TargetLost(Exception):
    """A stream cannot go on from its token: everything has to be listed again.

    Args:
        message: why.
        has_ended: whether the server has ended the target by itself.
    """

    def __init__(self, message: str, *, has_ended: bool = False) -> None:
        super().__init__(message)
        self.has_ended = has_ended


@dataclass(frozen=True)
class Snapshot:
    """What is different since the snapshot before.

    Attributes:
        changed: the documents that are new or of another version, as protobuf, by resource name.
        gone: resource names of those that are no longer in the result.
        time: the instant at which the result was this one, as seconds and nanoseconds since 1970.
    """

    changed: dict[str, Any]
    gone: frozenset[str]
    time: tuple[int, int] = (0, 0)


class Progress:
    """What the responses of a stream add up to, from one stream to the next.

    Between two snapshots, a stream reports documents in any order, and some several times; a
    snapshot is the result. What a broken stream reported after its last snapshot is reported again
    by the next stream, which begins at that snapshot's token.

    Args:
        target: the id of the target; responses about others say nothing here.
    """

    def __init__(self, target: int = TARGET) -> None:
        self.target = target
        self.token = b""
        """From which a new stream goes on after the last snapshot; empty to list everything."""
        self._names: set[str] = set()
        self._begin(listing=True)

    def open(self) -> None:
        """A new stream begins, at the token."""
        self._begin(listing=not self.token)

    def lose(self) -> None:
        """Forget the token: everything is to be listed by the next stream."""
        self.token = b""

    def repeat(self, snapshot: Snapshot) -> None:
        """Tell a snapshot again with the next one, which lists everything."""
        self._names |= snapshot.gone
        self.lose()

    def take(self, response: Any) -> Snapshot | None:
        """The snapshot that a response completes, if it does.

        Args:
            response: a protobuf `ListenResponse`.

        Raises:
            TargetLost: the server ended the target, or its count differs from the reported
                documents.
        """
        kind = response.WhichOneof("response_type")
        if kind == "document_change":
            change = response.document_change
            if self.target in change.target_ids:
                self._pending[change.document.name] = change.document
            elif self.target in change.removed_target_ids:
                self._pending[change.document.name] = None
        elif kind == "document_delete":
            self._pending[response.document_delete.document] = None
        elif kind == "document_remove":
            self._pending[response.document_remove.document] = None
        elif kind == "filter":
            self._check(response.filter.count)
        elif kind == "target_change":
            return self._turn(response.target_change)
        return None

    def _begin(self, *, listing: bool) -> None:
        """Discard reports outside a snapshot; when listing, unreported documents are gone."""
        self._listing = listing
        self._pending: dict[str, Any] = {}
        self._is_current = False
        self._next_token = b""

    def _turn(self, change: Any) -> Snapshot | None:
        kind = change.target_change_type
        if kind == _KIND.REMOVE:
            raise TargetLost(
                f"the server ended the listener: {change.cause.code} {change.cause.message}",
                has_ended=True,
            )
        if kind == _KIND.RESET:
            self._begin(listing=True)
            self.lose()
            return None
        if kind == _KIND.CURRENT:
            self._is_current = True
        self._next_token = change.resume_token or self._next_token
        is_consistent = kind == _KIND.NO_CHANGE and not change.target_ids
        if is_consistent and self._is_current and change.HasField("read_time"):
            return self._snapshot((change.read_time.seconds, change.read_time.nanos))
        return None

    def _snapshot(self, time: tuple[int, int]) -> Snapshot:
        changed = {
            name: document for name, document in self._pending.items() if document is not None
        }
        gone = self._pending.keys() - changed.keys()
        if self._listing:
            gone |= self._names - changed.keys()
        self._names = self._expected()
        # The token belongs to the present reports: a stream that broke before would skip its
        # reports.
        self.token = self._next_token or self.token
        self._pending = {}
        self._listing = False
        return Snapshot(changed, frozenset(gone), time)

    def _expected(self) -> set[str]:
        """The names in the result, with what is to come in the next snapshot."""
        names = set[str]() if self._listing else set(self._names)
        for name, document in self._pending.items():
            if document is None:
                names.discard(name)
            else:
                names.add(name)
        return names

    def _check(self, count: int) -> None:
        known = len(self._expected())
        if known != count:
            raise TargetLost(f"the stream reported {known} documents, but there are {count}")


class Listening:
    """A thread that follows a query's result until it is stopped.

    Args:
        database: the database.
        query: what to follow; without orders and limits.
        deliver: called with each snapshot, in order. If it raises, everything is reported again.
        silence: seconds without a response after which a stream counts as dead. A server tells of
            its progress about once a minute, if only that there is none.
        longest_wait: upper bound of the wait before a stream is opened again, in seconds.
    """

    def __init__(
        self,
        database: Database,
        query: Query,
        deliver: Callable[[Snapshot], None],
        *,
        silence: float = 300.0,
        longest_wait: float = 60.0,
    ) -> None:
        self._database = database
        self._query = query
        self._deliver = deliver
        self._silence = silence
        self._longest_wait = longest_wait
        self._progress = Progress()
        self._stopping = threading.Event()
        self._call: Any = None
        self._heard = monotonic()
        self._failures = 0
        name = f"onto-listening-{query.collection}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; no snapshot is delivered after this returns."""
        self._stopping.set()
        call = self._call
        if call is not None:
            call.cancel()
        self._thread.join()

    def check(self) -> None:
        """End the stream if it has been silent for too long; a new one takes its place."""
        call = self._call
        if call is not None and monotonic() - self._heard > self._silence:
            _log.warning("the listener on %s receives nothing", self._query.collection)
            call.cancel()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
                problem = "the server ended the stream"
            except grpc.RpcError as error:
                code = cast(Any, error).code()
                if code not in PASSING:
                    self._progress.lose()
                problem = f"{code.name}: {cast(Any, error).details()}"
            except TargetLost as error:
                self._progress.lose()
                problem = str(error)
            except Exception as error:  # nobody else would open a stream again
                self._progress.lose()
                problem = repr(error)
            self._failures += 1
            if not self._stopping.is_set():
                _log.warning("reopening the listener on %s: %s", self._query.collection, problem)
                self._stopping.wait(self._wait())

    def _follow(self) -> None:
        """Take one stream until it ends."""
        ended = threading.Event()
        self._heard = monotonic()
        self._progress.open()
        call = self._database.listen(self._query, TARGET, self._progress.token, ended)
        self._call = call
        try:
            if self._stopping.is_set():  # it was set before there was anything to cancel
                return
            for response in call:
                self._heard = monotonic()
                snapshot = self._progress.take(response)
                if snapshot is None:
                    continue
                try:
                    self._deliver(snapshot)
                except Exception:
                    self._progress.repeat(snapshot)
                    raise
                self._failures = 0
        finally:
            self._call = None
            ended.set()
            call.cancel()

    def _wait(self) -> float:
        """Seconds before the next stream: at once after one that worked, up to the longest."""
        bound = min(self._longest_wait, 0.25 * 2 ** min(self._failures, 16))
        return random.uniform(0, bound)
