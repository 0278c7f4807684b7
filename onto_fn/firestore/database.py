"""The calls that onto_fn makes to Firestore, and nothing else.

Google's high-level client cannot do three things that the protocol needs: replace a document on the
precondition of its update time, begin a transaction inside its first read, and return the read time
of a query. So this port uses the public gRPC client of the same package.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Any, cast

import grpc
from google.api_core import exceptions as google
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import (
    ListDocumentsRequest,
    RollbackRequest,
    Target,
)
from google.protobuf.timestamp_pb2 import Timestamp

from onto_fn.attempts import phase
from onto_fn.emulators import emulator_of
from onto_fn.errors import PermanentError
from onto_fn.firestore.channel import Deadlines, connect
from onto_fn.firestore.documents import Document, Write, decode_path
from onto_fn.firestore.faults import translate, translated
from onto_fn.firestore.parts import LISTS, has_lists, planned
from onto_fn.firestore.paths import name_order
from onto_fn.firestore.queries import Query
from onto_fn.firestore.rpc import (
    RECORDS,
    BatchGetMessage,
    Calls,
    CommitMessage,
    ListenMessage,
    RunQueryMessage,
    Stored,
    check_commit,
    count_request,
    encoded_times,
    fill_write,
    locks,
    partition_request,
    structured,
)
from onto_fn.firestore.transaction import NAMES_ONLY, Transaction
from onto_fn.firestore.usage import Usage, billed_for_counting
from onto_fn.firestore.values import are_small, decode_fields, decode_time, instant

# The generated message classes carry no types for their fields.
_ListDocuments = cast(Any, ListDocumentsRequest)
_QueryTarget = cast(Any, Target).QueryTarget.pb()
_RECORDS = f"{RECORDS}/"
_AT_ONCE = 32  # queries; a connection takes about 100 calls


class Database:
    """One Firestore database. Thread-safe; make one for the life of the process.

    Args:
        project: Google Cloud project id.
        database: database id.
        interceptors: gRPC client interceptors, for tests and instrumentation.
        deadlines: how long a call may take.

    Attributes:
        usage: what the calls so far are billed for.

    Against an emulator (`FIRESTORE_EMULATOR_HOST`) no credentials are needed.

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
        self.usage = Usage()
        self.name = f"projects/{project}/databases/{database}"
        self._documents = f"{self.name}/documents"
        self._prefix = f"{self._documents}/"
        self.metadata: list[tuple[str, str]] = [("google-cloud-resource-prefix", self.name)]
        emulator = emulator_of("firestore", project)
        if emulator:
            self.metadata.append(("authorization", "Bearer owner"))
        self._channel = channel = connect(emulator, interceptors)
        self._calls = Calls(channel, self.metadata)
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

    def queries(
        self, queries: Sequence[Query], *, read_time: datetime
    ) -> list[list[Document] | PermanentError]:
        """Run several queries at the same time, all as of one instant.

        Args:
            queries: the queries.
            read_time: the instant; see `get`.

        Returns:
            For each query its documents, or why Firestore refuses it.

        Raises:
            TransientError: a call may succeed if it is tried again.
        """
        results: list[list[Document] | PermanentError] = []
        for start in range(0, len(queries), _AT_ONCE):
            results += self._at_once(queries[start : start + _AT_ONCE], {"read_time": read_time})
        return results

    def _at_once(
        self, queries: Sequence[Query], reading: dict[str, Any]
    ) -> list[list[Document] | PermanentError]:
        calls: list[Any] = []
        results: list[list[Document] | PermanentError] = []
        try:
            # A call is sent when it is made; its responses wait until they are taken.
            for query in queries:
                try:
                    calls.append(None if has_lists(query) else self._begun(query, reading))
                except PermanentError as error:
                    calls.append(error)
            for query, call in zip(queries, calls, strict=True):
                try:
                    if isinstance(call, PermanentError):
                        results.append(call)
                    elif call is None:  # it may have several parts
                        results.append(self.read_query(query, reading)[0])
                    else:
                        results.append(self._run_query(query, reading, call)[0])
                except PermanentError as error:
                    results.append(error)
        except BaseException:
            for call in calls:
                if call is not None and not isinstance(call, PermanentError):
                    call.cancel()
            raise
        return results

    def pages(
        self, query: Query, size: int = 300, *, read_time: datetime | None = None
    ) -> Generator[list[Document]]:
        """All documents that a query matches, in pages of at most `size`.

        Each page is read at its own time, or all at `read_time`. The query must have
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
                request=request, retry=None, timeout=self.deadlines.read, metadata=self.metadata
            ):
                self.usage.add(reads=1)
                yield decode_path(document.name)

    def count(self, query: Query) -> int:
        """How many documents a query matches. Counted server-side; billed as one read per 1,000.

        If a query is split into parts, the document names are read instead.
        """
        plan = planned(query)
        if not plan.is_whole:
            return len(self.query(replace(query, keys_only=True))[0])
        request = count_request(self._parent(query), plan.query, self._documents)
        with translated(in_transaction=False, query=query):
            for response in self._api.run_aggregation_query(
                request=request, retry=None, timeout=self.deadlines.read, metadata=self.metadata
            ):
                counts = _raw(response).result.aggregate_fields
                if "count" in counts:
                    self.usage.add(reads=billed_for_counting(counts["count"].integer_value))
                    return counts["count"].integer_value
        return 0

    def cuts(self, collection_id: str, count: int) -> list[str] | None:
        """Document paths that cut a collection group into parts of about equal size.

        Args:
            collection_id: last segment of the collections' paths.
            count: how many cuts to ask for; there may be fewer.

        Returns:
            The paths in their order, or None where the server (the emulator) has no such call.
        """
        request = partition_request(self._documents, collection_id, count)
        try:
            with translated(in_transaction=False):
                cursors = [
                    decode_path(_raw(cursor).values[0].reference_value)
                    for cursor in self._api.partition_query(
                        request=request,
                        retry=None,
                        timeout=self.deadlines.read,
                        metadata=self.metadata,
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
            TransientError: it is unknown whether the writes were applied.
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
            database=self.name,
            documents=[f"{self._documents}/{path}" for path in dict.fromkeys(paths)],
            **encoded_times(consistency),
        )
        self.usage.add(reads=len(request.documents))
        documents: dict[str, Document] = {}
        read_time = Timestamp()
        at: datetime | None = consistency.get("read_time")  # then all are as they were at that time
        transaction: bytes | None = consistency.get("transaction")
        try:
            for message in self._calls.batch_get(request, self.deadlines.read):
                transaction = message.transaction or transaction
                kind = message.WhichOneof("result")
                if kind is None:
                    continue
                if at is None:
                    time = message.read_time
                    if (time.seconds, time.nanos) > (read_time.seconds, read_time.nanos):
                        read_time = time
                if kind == "found":
                    document = self.decoded(message.found)
                else:
                    document = Document(decode_path(message.missing), None, None)
                documents[document.path] = document
        except google.GoogleAPIError as error:
            translate(error, in_transaction=locks(consistency))
            raise
        return documents, at or decode_time(read_time), transaction

    def read_query(
        self, query: Query, consistency: dict[str, Any]
    ) -> tuple[list[Document], datetime, bytes | None]:
        """A query's documents; see `read_documents`.

        A query above Firestore's limits is split into parts, all read at one instant. A query that
        can match nothing is not sent.
        """
        if not any(condition.op in LISTS for condition in query.filters):
            return self._run_query(query, consistency)
        reading: dict[str, Any] = dict(consistency)
        at: datetime | None = consistency.get("read_time")

        def run(part: Query) -> list[Document]:
            nonlocal at, reading
            documents, at, transaction = self._run_query(part, reading)
            reading = {"transaction": transaction} if transaction else {"read_time": at}
            return documents

        documents = planned(query).ask(run)
        return documents, at or datetime.now(UTC), reading.get("transaction")

    def _begun(self, query: Query, consistency: dict[str, Any]) -> Any:
        """The call of a query, sent; `_run_query` takes its responses."""
        request = RunQueryMessage(
            parent=self._parent(query),
            structured_query=structured(query, self._documents),
            **encoded_times(consistency),
        )
        try:
            return self._calls.run_query(request, self.deadlines.read)
        except google.GoogleAPIError as error:
            translate(error, in_transaction=locks(consistency), query=query)
            raise

    def _run_query(
        self, query: Query, consistency: dict[str, Any], call: Any = None
    ) -> tuple[list[Document], datetime, bytes | None]:
        documents: list[Document] = []
        read_time = Timestamp()
        transaction: bytes | None = consistency.get("transaction")
        try:
            for message in self._begun(query, consistency) if call is None else call:
                transaction, time = message.transaction or transaction, message.read_time
                if (time.seconds, time.nanos) > (read_time.seconds, read_time.nanos):
                    read_time = time
                if message.HasField("document"):
                    documents.append(self.decoded(message.document))
        except google.GoogleAPIError as error:
            translate(error, in_transaction=locks(consistency), query=query)
            raise
        self.usage.add(reads=max(1, len(documents)))
        return documents, decode_time(read_time), transaction

    def messages(
        self, paths: Iterable[str], read_time: datetime | None = None
    ) -> tuple[dict[str, Any], datetime]:
        """Documents in their protobuf form by path, None where there is none; see `get`.

        For who looks at few of their fields: `decoded` makes the document.
        """
        request = BatchGetMessage(
            database=self.name,
            documents=[f"{self._documents}/{path}" for path in dict.fromkeys(paths)],
            **encoded_times({"read_time": read_time} if read_time else {}),
        )
        self.usage.add(reads=len(request.documents))
        found: dict[str, Any] = {}
        latest = Timestamp()
        with translated(in_transaction=False):
            for message in self._calls.batch_get(request, self.deadlines.read):
                kind, time = message.WhichOneof("result"), message.read_time
                if kind == "found":
                    found[self.path_of(message.found)] = message.found
                elif kind == "missing":
                    found[decode_path(message.missing)] = None
                if (time.seconds, time.nanos) > (latest.seconds, latest.nanos):
                    latest = time
        return found, read_time or decode_time(latest)

    def stream(self, query: Query, read_time: datetime) -> Generator[Any]:
        """A query's documents at an instant, in their protobuf form, as they arrive.

        They are kept on their way until they are asked for, so memory does not grow with their
        number. The call has a deadline; see `Deadlines.stream`.
        """
        request = RunQueryMessage(
            parent=self._parent(query),
            structured_query=structured(query, self._documents),
            **encoded_times({"read_time": read_time}),
        )
        found = 0
        with translated(in_transaction=False, query=query):
            call: Any = self._calls.run_query(request, self.deadlines.stream)
            try:
                for message in call:
                    if message.HasField("document"):
                        found += 1
                        yield message.document
            finally:
                self.usage.add(reads=max(1, found))
                call.cancel()

    def path_of(self, message: Any) -> str:
        """The path of a document in its protobuf form."""
        name: str = message.name
        own = self._prefix
        return name[len(own) :] if name.startswith(own) else decode_path(name)

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
        request = ListenMessage(database=self.name)
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

        return self._calls.listen(requests(), self.name)

    def decoded(self, message: Any) -> Document:
        """The document of a protobuf one, whatever it holds.

        Raises:
            PermanentError: it holds a value without a form here.
        """
        path = self.path_of(message)
        into = Stored if path.startswith(_RECORDS) else decode_fields
        updated, created = message.update_time, message.create_time
        return Document(
            path,
            into(message.fields, self._documents),
            instant(updated.seconds, updated.nanos),
            instant(created.seconds, created.nanos),
        )

    def _parent(self, query: Query) -> str:
        parent = "" if query.collection_group else query.collection.rpartition("/")[0]
        return f"{self._documents}/{parent}" if parent else self._documents

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        """Commit, in a transaction if one is given; see `commit`."""
        request = CommitMessage(database=self.name, transaction=transaction)
        encoded: dict[int, Any] = {}
        for write in writes:
            fill_write(request.writes.add(), write, self._documents, encoded)
        if not are_small(request):
            check_commit(writes)
        try:
            with phase("commit"):
                response = self._calls.commit(request, self.deadlines.commit)
        except google.GoogleAPIError as error:
            translate(error, in_transaction=transaction is not None)
            raise
        self.usage.add(writes=len(writes))
        return decode_time(response.commit_time)

    def release(self, transaction: bytes) -> None:
        """Roll a transaction back. Errors are ignored: the server drops it by itself."""
        try:
            self._api.rollback(
                request=RollbackRequest(database=self.name, transaction=transaction),
                retry=None,
                timeout=self.deadlines.commit,
                metadata=self.metadata,
            )
        except google.GoogleAPICallError:
            return  # the server drops an abandoned transaction by itself

    def __repr__(self) -> str:
        return f"Database({self.project!r}, {self.database!r})"


def _raw(response: Any) -> Any:
    """The protobuf message in a generated response, which is slow to read otherwise."""
    return cast(Any, type(response)).pb(response)
