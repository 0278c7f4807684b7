"""The calls that onto_fn makes to Firestore, and nothing else.

Google's high-level client cannot do three things that the protocol needs: replace a document on
the precondition of its update time, begin a transaction inside its first read, and tell the read
time of a query. So this port sits on the public gRPC client of the same package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event
from typing import Any, cast

import grpc
from google.api_core import exceptions as google
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import (
    ListDocumentsRequest,
    PartitionQueryRequest,
    RollbackRequest,
    RunAggregationQueryRequest,
    Target,
)
from google.protobuf.timestamp_pb2 import Timestamp

from onto_fn.emulators import emulator_of
from onto_fn.errors import (
    Contention,
    DocumentTooLarge,
    MissingIndex,
    PermanentError,
    TransientError,
)
from onto_fn.firestore.calls import (
    BatchGetMessage,
    Calls,
    CommitMessage,
    ListenMessage,
    RunQueryMessage,
)
from onto_fn.firestore.documents import Document, Write
from onto_fn.firestore.fieldpaths import api_path, quoted
from onto_fn.firestore.parts import planned
from onto_fn.firestore.paths import last_segment, name_order
from onto_fn.firestore.queries import Query
from onto_fn.firestore.structured import structured
from onto_fn.firestore.values import (
    MAX_COMMIT_BYTES,
    are_small,
    check_size,
    decode_fields,
    decode_path,
    decode_time,
    encode,
    fill_fields,
    fill_time,
)
from onto_fn.observing import phase

_CONTENTION = (
    google.Aborted,
    google.AlreadyExists,
    google.FailedPrecondition,
    google.NotFound,
)
_TRANSIENT = (
    google.Cancelled,
    google.DeadlineExceeded,
    google.GatewayTimeout,
    google.InternalServerError,
    google.ResourceExhausted,
    google.RetryError,
    google.ServiceUnavailable,
    google.TooManyRequests,
    google.Unknown,
)

# Of a request that is larger than the transport takes. It is RESOURCE_EXHAUSTED, as a quota is.
_TOO_LARGE = re.compile(r"message (exceeds maximum size|larger than max)", re.IGNORECASE)
# Of a transaction that the server has ended; any other complaint about one is for good.
_TRANSACTION_ENDED = re.compile(
    r"transaction\b.*\b(invalid|expired|closed|no longer valid)|invalid transaction", re.IGNORECASE
)

# The generated message classes carry no types for their fields.
_ListDocuments = cast(Any, ListDocumentsRequest)
_Partition = cast(Any, PartitionQueryRequest)
_Aggregate = cast(Any, RunAggregationQueryRequest)
_QueryTarget = cast(Any, Target).QueryTarget.pb()

# Of `grpc.experimental.ChannelOptions.SingleThreadedUnaryStream`, which has no types.
_SINGLE_THREADED = "SingleThreadedUnaryStream"
_CHANNEL: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", -1),
    # A stream's responses are taken by the thread that reads it, not handed over by another: a
    # third of the time a document.
    (_SINGLE_THREADED, 1),
]
# As the mask of a read: the documents come without their fields.
NAMES_ONLY = {"field_paths": ["__name__"]}


@dataclass(frozen=True)
class Deadlines:
    """How long one call may take, in seconds."""

    read: float = 20.0
    commit: float = 20.0


class Transaction:
    """A read-write transaction: what it reads is locked until it commits or rolls back."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._id: bytes | None = None

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Read documents and lock them (also those that do not exist)."""
        documents, _, self._id = self._database.read_documents(paths, self._selector())
        return documents

    def versions(self, paths: Sequence[str]) -> dict[str, datetime | None]:
        """Lock documents, and read their update times alone; None where there is none."""
        selector = {**self._selector(), "mask": NAMES_ONLY}
        documents, _, self._id = self._database.read_documents(paths, selector)
        return {path: document.update_time for path, document in documents.items()}

    def query(self, query: Query) -> list[Document]:
        """Run a query and lock its result: no document can enter or leave it until the end."""
        documents, _, self._id = self._database.read_query(query, self._selector())
        return documents

    def commit(self, writes: Sequence[Write]) -> datetime:
        """Commit all writes atomically; see `Database.commit`."""
        time = self._database.write(writes, self._id)
        self._id = None  # a commit that failed is rolled back: it may still hold its locks
        return time

    def rollback(self) -> None:
        """Release the locks. Errors are ignored: the server ends the transaction by itself."""
        identifier, self._id = self._id, None
        if identifier is not None:
            self._database.release(identifier)

    def _selector(self) -> dict[str, Any]:
        if self._id is None:
            return {"new_transaction": {"read_write": {}}}
        return {"transaction": self._id}


class Database:
    """One Firestore database. Thread-safe; make one for the life of the process.

    Args:
        project: Google Cloud project id.
        database: database id.
        interceptors: gRPC client interceptors, for tests and instrumentation.
        deadlines: how long a call may take.

    Against an emulator (`FIRESTORE_EMULATOR_HOST`) no credentials are looked up.

    Raises:
        EmulatorMissing: the project exists in emulators only, and no emulator is named.
    """

    def __init__(
        self,
        project: str,
        database: str = "(default)",
        *,
        interceptors: Sequence[grpc.UnaryUnaryClientInterceptor] = (),
        deadlines: Deadlines | None = None,
    ) -> None:
        self.project = project
        self.database = database
        self.deadlines = deadlines or Deadlines()
        self._name = f"projects/{project}/databases/{database}"
        self._documents = f"{self._name}/documents"
        self._metadata: list[tuple[str, str]] = [("google-cloud-resource-prefix", self._name)]
        emulator = emulator_of("firestore", project)
        # The generated client and grpc carry incomplete types.
        channel: Any
        if emulator:
            self._metadata.append(("authorization", "Bearer owner"))
            channel = cast(Any, grpc).insecure_channel(emulator, options=_CHANNEL)
        else:
            channel = cast(Any, FirestoreGrpcTransport).create_channel(
                scopes=FirestoreGrpcTransport.AUTH_SCOPES, options=_CHANNEL
            )
        if interceptors:
            channel = cast(Any, grpc).intercept_channel(channel, *interceptors)
        self._channel = channel
        self._calls = Calls(channel, self._metadata)
        self._api: Any = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))

    def close(self) -> None:
        """Close the connection. The object cannot be used afterwards."""
        self._channel.close()

    def get(
        self, paths: Sequence[str], *, read_time: datetime | None = None
    ) -> tuple[dict[str, Document], datetime]:
        """Read documents in one call.

        Args:
            paths: document paths, at least one; duplicates are read once.
            read_time: read them as they were at this instant (within the last hour), which makes
                the whole result one snapshot. Without it, the latest.

        Returns:
            The documents by path, those that do not exist included, and the read time.

        Raises:
            TransientError: the call may succeed if it is tried again.
        """
        documents, at, _ = self.read_documents(paths, {"read_time": read_time} if read_time else {})
        return documents, at

    def versions(
        self, paths: Sequence[str], *, read_time: datetime | None = None
    ) -> dict[str, datetime | None]:
        """The update times of documents, None where there is none; see `get`."""
        selector: dict[str, Any] = {"read_time": read_time} if read_time else {}
        documents, _, _ = self.read_documents(paths, {**selector, "mask": NAMES_ONLY})
        return {path: document.update_time for path, document in documents.items()}

    def query(
        self, query: Query, *, read_time: datetime | None = None
    ) -> tuple[list[Document], datetime]:
        """Run a query; see `get` for `read_time` and errors."""
        documents, at, _ = self.read_query(query, {"read_time": read_time} if read_time else {})
        return documents, at

    def pages(
        self, query: Query, size: int = 300, *, read_time: datetime | None = None
    ) -> Generator[list[Document]]:
        """All documents that a query matches, in pages of at most `size`.

        Each page is read as it is then, or all as they were at `read_time`. The query must have
        neither orders nor a limit.
        """
        page, _ = self.query(replace(query, limit=size), read_time=read_time)
        while page:
            yield page
            if len(page) < size:
                return
            after = page[-1].path
            page, _ = self.query(replace(query, limit=size, start_after=after), read_time=read_time)

    def paths(self, collection: str) -> Generator[str]:
        """Paths of all documents of a collection, also of those that only have documents below.

        Args:
            collection: path of a collection at the top.
        """
        request = _ListDocuments(
            parent=self._documents,
            collection_id=collection,
            show_missing=True,
            mask={"field_paths": ["__name__"]},
        )
        with translated(in_transaction=False):
            for document in self._api.list_documents(
                request=request, retry=None, timeout=self.deadlines.read, metadata=self._metadata
            ):
                yield decode_path(document.name)

    def count(self, query: Query) -> int:
        """How many documents a query matches, counted by Firestore: a read a thousand of them.

        The documents of a query that is asked in parts are read, by their names.
        """
        plan = planned(query)
        if not plan.is_whole:
            return len(self.query(replace(query, keys_only=True))[0])
        request = _Aggregate(
            parent=self._parent(query),
            structured_aggregation_query={
                "structured_query": structured(plan.query, self._documents),
                "aggregations": [{"alias": "count", "count": {}}],
            },
        )
        with translated(in_transaction=False, query=query):
            for response in self._api.run_aggregation_query(
                request=request, retry=None, timeout=self.deadlines.read, metadata=self._metadata
            ):
                counts = _raw(response).result.aggregate_fields
                if "count" in counts:
                    return counts["count"].integer_value
        return 0

    def cuts(self, collection_id: str, count: int) -> list[str] | None:
        """Document paths that cut a collection group into about even parts.

        Args:
            collection_id: last segment of the collections' paths.
            count: how many cuts to ask for; there may be fewer.

        Returns:
            The paths in their order, or None where the server (the emulator) has no such call.
        """
        request = _Partition(
            parent=self._documents,
            structured_query={
                "from_": [{"collection_id": collection_id, "all_descendants": True}],
                "order_by": [{"field": {"field_path": "__name__"}, "direction": "ASCENDING"}],
            },
            partition_count=count,
        )
        try:
            with translated(in_transaction=False):
                cursors = [
                    decode_path(_raw(cursor).values[0].reference_value)
                    for cursor in self._api.partition_query(
                        request=request,
                        retry=None,
                        timeout=self.deadlines.read,
                        metadata=self._metadata,
                    )
                ]
        except google.MethodNotImplemented:
            return None
        return sorted(cursors, key=name_order)

    def commit(self, writes: Sequence[Write]) -> datetime:
        """Apply all writes or none.

        Returns:
            The commit time, which is the update time of every document written.

        Raises:
            Contention: a precondition does not hold.
            TransientError: unknown whether the writes were applied.
            PermanentError: Firestore refuses the writes as they are.
        """
        return self.write(writes, None)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """A read-write transaction, rolled back at the end unless it was committed."""
        transaction = Transaction(self)
        try:
            yield transaction
        finally:
            transaction.rollback()

    def read_documents(
        self, paths: Iterable[str], consistency: dict[str, Any]
    ) -> tuple[dict[str, Document], datetime, bytes | None]:
        """Documents by path, the read time, and the id of the transaction if there is one.

        Args:
            paths: document paths.
            consistency: the request's `read_time`, `transaction` or `new_transaction`, or nothing,
                and its `mask` if there is one.
        """
        request = BatchGetMessage(
            database=self._name,
            documents=[f"{self._documents}/{path}" for path in dict.fromkeys(paths)],
            **_encoded(consistency),
        )
        documents: dict[str, Document] = {}
        read_time = Timestamp()
        transaction: bytes | None = consistency.get("transaction")
        with translated(in_transaction=_locks(consistency)):
            for message in self._calls.batch_get(request, self.deadlines.read):
                transaction = message.transaction or transaction
                if message.WhichOneof("result") is None:
                    continue
                read_time = _later(read_time, message.read_time)
                if message.WhichOneof("result") == "found":
                    document = self._document(message.found)
                else:
                    document = Document(decode_path(message.missing), None, None)
                documents[document.path] = document
        return documents, decode_time(read_time), transaction

    def read_query(
        self, query: Query, consistency: dict[str, Any]
    ) -> tuple[list[Document], datetime, bytes | None]:
        """A query's documents; see `read_documents`.

        A query that Firestore takes only in parts is asked in parts, all at one instant; one that
        can match nothing, not at all.
        """
        reading: dict[str, Any] = dict(consistency)
        at: datetime | None = consistency.get("read_time")

        def run(part: Query) -> list[Document]:
            nonlocal at, reading
            documents, at, transaction = self._run_query(part, reading)
            reading = {"transaction": transaction} if transaction else {"read_time": at}
            return documents

        documents = planned(query).ask(run)
        return documents, at or datetime.now(UTC), reading.get("transaction")

    def _run_query(
        self, query: Query, consistency: dict[str, Any]
    ) -> tuple[list[Document], datetime, bytes | None]:
        request = RunQueryMessage(
            parent=self._parent(query),
            structured_query=structured(query, self._documents),
            **_encoded(consistency),
        )
        documents: list[Document] = []
        read_time = Timestamp()
        transaction: bytes | None = consistency.get("transaction")
        with translated(in_transaction=_locks(consistency), query=query):
            for message in self._calls.run_query(request, self.deadlines.read):
                transaction = message.transaction or transaction
                read_time = _later(read_time, message.read_time)
                if message.HasField("document"):
                    documents.append(self._document(message.document))
        return documents, decode_time(read_time), transaction

    def listen(self, query: Query, target: int, token: bytes, until: Event) -> Any:
        """Open a stream of what changes in a query's result; see `firestore.listening`.

        Args:
            query: the query.
            target: number of the one target of the stream.
            token: of the last snapshot, from which the stream goes on; empty to list everything.
            until: set when no more is wanted.

        Returns:
            The call: protobuf `ListenResponse`s, and `cancel`. Its errors are those of grpc.
        """
        request = ListenMessage(database=self._name)
        request.add_target.target_id = target
        request.add_target.query.CopyFrom(
            _QueryTarget(
                parent=self._parent(query), structured_query=structured(query, self._documents)
            )
        )
        if token:
            request.add_target.resume_token = token

        def requests() -> Iterator[Any]:
            yield request
            until.wait()

        return self._calls.listen(requests(), self._name)

    def decoded(self, message: Any) -> Document:
        """The document of a protobuf one, whatever it holds.

        Raises:
            PermanentError: it holds what has no form here.
        """
        return self._document(message)

    def _parent(self, query: Query) -> str:
        parent = "" if query.collection_group else query.collection.rpartition("/")[0]
        return f"{self._documents}/{parent}" if parent else self._documents

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        """Commit, in a transaction if one is given; see `commit`."""
        request = CommitMessage(database=self._name, transaction=transaction)
        encoded: dict[int, Any] = {}
        for write in writes:
            self._fill_write(request.writes.add(), write, encoded)
        if not are_small(request.writes):
            _check_commit(writes)
        with phase("commit"), translated(in_transaction=transaction is not None):
            response = self._calls.commit(request, self.deadlines.commit)
        return decode_time(response.commit_time)

    def _fill_write(self, message: Any, write: Write, encoded: dict[int, Any]) -> None:
        """Put a write into its message.

        Args:
            message: the protobuf write, empty.
            write: the write.
            encoded: the protobuf documents of this commit by the identity of their content. The
                copies of a view share theirs: it is encoded once.
        """
        name = f"{self._documents}/{write.path}"
        if write.increments is not None:
            message.update.name = name
            message.update_mask.SetInParent()
            for names, amount in write.increments.items():
                message.update_transforms.add(
                    field_path=".".join(quoted(part) for part in names),
                    increment=encode(amount, documents=self._documents, where=write.path),
                )
        elif write.fields is None:
            message.delete = name
        else:
            document, same = message.update, encoded.get(id(write.fields))
            if same is None:
                fill_fields(
                    document.fields, write.fields, documents=self._documents, where=write.path
                )
                encoded[id(write.fields)] = document
            else:
                document.CopyFrom(same)
            document.name = name
        if write.mask is not None:
            message.update_mask.field_paths.extend(quoted(name) for name in write.mask)
        if write.precondition == "absent":
            message.current_document.exists = False
        elif write.precondition == "exists":
            message.current_document.exists = True
        elif write.precondition is not None:
            fill_time(message.current_document.update_time, write.precondition, write.path)

    def _document(self, message: Any) -> Document:
        return Document(
            decode_path(message.name),
            decode_fields(message.fields, self._documents),
            decode_time(message.update_time),
            decode_time(message.create_time),
        )

    def release(self, transaction: bytes) -> None:
        """Roll a transaction back. Errors are ignored: the server drops it by itself."""
        try:
            self._api.rollback(
                request=RollbackRequest(database=self._name, transaction=transaction),
                retry=None,
                timeout=self.deadlines.commit,
                metadata=self._metadata,
            )
        except google.GoogleAPICallError:
            return  # the server drops an abandoned transaction by itself

    def __repr__(self) -> str:
        return f"Database({self.project!r}, {self.database!r})"


def _check_commit(writes: Sequence[Write]) -> None:
    """Refuse before the call what Firestore refuses for its size."""
    contents = {write.path: write.fields for write in writes if write.fields is not None}
    size = sum(check_size(path, fields) for path, fields in contents.items())
    if size > MAX_COMMIT_BYTES:
        raise DocumentTooLarge(
            f"a commit of {len(contents)} documents, the first of them {next(iter(contents))}, "
            f"would have {size} bytes; Firestore allows {MAX_COMMIT_BYTES}. Spread the copies of "
            "the view over `shards`, or make them smaller."
        )


def _raw(response: Any) -> Any:
    """The protobuf message in a generated response, which is slow to read otherwise."""
    return cast(Any, type(response)).pb(response)


def _encoded(consistency: dict[str, Any]) -> dict[str, Any]:
    """The consistency of a read, with its time as protobuf has it."""
    read_time: datetime | None = consistency.get("read_time")
    if read_time is None:
        return consistency
    message = Timestamp()
    fill_time(message, read_time, "the read time")
    return {**consistency, "read_time": message}


def _locks(consistency: dict[str, Any]) -> bool:
    return "transaction" in consistency or "new_transaction" in consistency


def _later(a: Any, b: Any) -> Any:
    """The later of two protobuf Timestamps."""
    return a if (a.seconds, a.nanos) >= (b.seconds, b.nanos) else b


def _missing(query: Query, error: Exception) -> str:
    fields: list[dict[str, str]] = [
        {"fieldPath": api_path(condition.field), "arrayConfig": "CONTAINS"}
        if condition.op.startswith("array")
        else {"fieldPath": api_path(condition.field), "order": "ASCENDING"}
        for condition in query.filters
    ]
    fields += [
        {
            "fieldPath": api_path(order.field),
            "order": "DESCENDING" if order.descending else "ASCENDING",
        }
        for order in query.orders
    ]
    index = {
        "collectionGroup": last_segment(query.collection),
        "queryScope": "COLLECTION",
        "fields": list({field["fieldPath"]: field for field in fields}.values()),
    }
    return (
        f"a query on {query.collection} needs an index that the database does not have. Add it to "
        f'"indexes" in firestore.indexes.json and deploy that: {json.dumps(index)}. Firestore '
        f"says: {error}"
    )


@contextmanager
def translated(*, in_transaction: bool, query: Query | None = None) -> Generator[None]:
    """Raise Firestore's errors as those that the engine knows."""
    try:
        yield
    except _CONTENTION as error:
        is_condition = isinstance(error, google.FailedPrecondition)
        if query is not None and is_condition and "index" in str(error):
            raise MissingIndex(_missing(query, error)) from error
        raise Contention(str(error)) from error
    except _TRANSIENT as error:
        if _TOO_LARGE.search(str(error)):
            raise DocumentTooLarge(f"Firestore refuses the request: {error}") from error
        raise TransientError(f"{type(error).__name__}: {error}") from error
    except google.InvalidArgument as error:
        if in_transaction and _TRANSACTION_ENDED.search(str(error)):
            raise Contention(str(error)) from error
        raise PermanentError(f"Firestore refuses the request: {error}") from error
