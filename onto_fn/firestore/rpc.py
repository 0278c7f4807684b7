"""The calls that nearly every event makes, and their messages, in protobuf's own form.

Google's generated client wraps each message, and merges headers and deadlines again for each call,
which took a quarter of the time that an event takes outside of the network. These are the same
calls on the same channel, with its headers and its errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from google.api_core import grpc_helpers
from google.api_core.gapic_v1 import routing_header
from google.cloud.firestore_v1.services.firestore.transports.base import DEFAULT_CLIENT_INFO
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    ListenRequest,
    ListenResponse,
    PartitionQueryRequest,
    RunAggregationQueryRequest,
    RunQueryRequest,
    RunQueryResponse,
)
from google.protobuf.timestamp_pb2 import Timestamp
from typing_extensions import override

from onto_fn.errors import DocumentTooLarge
from onto_fn.firestore.documents import Reference, Value, Write
from onto_fn.firestore.fieldpaths import api_path, quoted
from onto_fn.firestore.queries import OPERATORS, Filter, Query, unary_operators
from onto_fn.firestore.sizes import MAX_COMMIT_BYTES, check_size
from onto_fn.firestore.values import decode, encode, fill_fields, fill_time, instant

_SERVICE = "/google.firestore.v1.Firestore"
_NAME = {"field": {"field_path": "__name__"}}
RECORDS = "onto_ledger"
"""The collection whose documents have their fields as `Stored`."""

# The generated classes, Google's helpers and grpc carry no types for what is used here.
BatchGetMessage = cast(Any, BatchGetDocumentsRequest).pb()
RunQueryMessage = cast(Any, RunQueryRequest).pb()
CommitMessage = cast(Any, CommitRequest).pb()
ListenMessage = cast(Any, ListenRequest).pb()
_helpers = cast(Any, grpc_helpers)
_routing = cast(Any, routing_header)


class Calls:
    """The calls on one channel. Errors are those of `google.api_core.exceptions`.

    Args:
        channel: the connection.
        metadata: headers of every call.
    """

    def __init__(self, channel: Any, metadata: Iterable[tuple[str, str]]) -> None:
        self._channel = channel
        self._metadata = (cast(Any, DEFAULT_CLIENT_INFO).to_grpc_metadata(), *metadata)
        self._routed = lru_cache(maxsize=1024)(self._headers)
        self._batch_get = _stub(
            channel.unary_stream, "BatchGetDocuments", BatchGetMessage, BatchGetDocumentsResponse
        )
        self._run_query = _stub(channel.unary_stream, "RunQuery", RunQueryMessage, RunQueryResponse)
        self._commit = _stub(channel.unary_unary, "Commit", CommitMessage, CommitResponse)

    def batch_get(self, request: Any, timeout: float) -> Iterable[Any]:
        """Read documents; each response is one of them."""
        return self._batch_get(
            request, timeout=timeout, metadata=self._routed("database", request.database)
        )

    def run_query(self, request: Any, timeout: float) -> Iterable[Any]:
        """Run a query; each response has at most one document."""
        return self._run_query(
            request, timeout=timeout, metadata=self._routed("parent", request.parent)
        )

    def commit(self, request: Any, timeout: float) -> Any:
        """Commit writes."""
        return self._commit(
            request, timeout=timeout, metadata=self._routed("database", request.database)
        )

    def listen(self, requests: Iterator[Any], database: str) -> Any:
        """Open a stream, which ends when it is cancelled; its errors are those of grpc.

        Args:
            requests: what is asked for; the stream stays open until they end.
            database: resource name of the database.
        """
        listen = self._channel.stream_stream(
            f"{_SERVICE}/Listen",
            request_serializer=ListenMessage.SerializeToString,
            response_deserializer=cast(Any, ListenResponse).pb().FromString,
        )
        return listen(requests, metadata=self._routed("database", database))

    def _headers(self, name: str, value: str) -> tuple[tuple[str, str], ...]:
        """The headers, with the one by which Google routes the call."""
        return (*self._metadata, _routing.to_grpc_metadata(((name, value),)))


def _stub(kind: Any, method: str, request: Any, response: Any) -> Any:
    call = kind(
        f"{_SERVICE}/{method}",
        request_serializer=request.SerializeToString,
        response_deserializer=response.pb().FromString,
    )
    # Else the call of a stream would wait for its first response, and two could not run at once.
    call._prefetch_first_result_ = False
    return _helpers.wrap_errors(call)


# What a read says of the state that it wants: an instant, a transaction, or the latest.


def encoded_times(consistency: dict[str, Any]) -> dict[str, Any]:
    """The consistency of a read, with its time as protobuf has it."""
    read_time: datetime | None = consistency.get("read_time")
    if read_time is None:
        return consistency
    message = Timestamp()
    fill_time(message, read_time, "the read time")
    return {**consistency, "read_time": message}


def locks(consistency: dict[str, Any]) -> bool:
    """Whether a read is in a transaction, which locks what it reads."""
    return "transaction" in consistency or "new_transaction" in consistency


# What the library itself has stored, and stores again.


class Stored(Mapping[str, Value]):
    """The fields of a ledger record as they came, of which the next record is made.

    A record lists every document that its build has read, in lists of small maps. To decode these
    and to encode them again took a sixth of an event's own time, and hardly any of them changes
    from one event to the next.

    Args:
        message: the protobuf map of the fields.
        documents: resource name of the database that it is from.
    """

    __slots__ = ("_documents", "_lists", "_message")

    def __init__(self, message: Any, documents: str) -> None:
        self._message = message
        self._documents = documents
        self._lists: dict[str, list[Value]] = {}  # those of texts, and those of pairs

    @override
    def __getitem__(self, name: str) -> Value:
        if name not in self._message:  # which would be made by asking for it
            raise KeyError(name)
        return decode(self._message[name], self._documents)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._message)

    @override
    def __len__(self) -> int:
        return len(self._message)

    def decoded(self, pairs: Mapping[str, str]) -> dict[str, Value]:
        """All fields; their lists can be copied from here from now on, see `fill`.

        Args:
            pairs: by the names of lists of maps, what each item has beside its `path`: a text or a
                time. Such a list is decoded faster; one of another form, as any.
        """
        found: dict[str, Value] = {}
        for name in self._message:
            value = self._pairs(name, pairs[name]) if name in pairs else None
            if value is None:
                value = decode(self._message[name], self._documents)
                if value.__class__ is not list or any(item.__class__ is not str for item in value):
                    found[name] = value
                    continue
            found[name] = self._lists[name] = value
        return found

    def _pairs(self, name: str, key: str) -> list[Value] | None:
        """A list of such maps; None if it is empty, or of another form."""
        found: list[Value] = []
        for item in self._message[name].array_value.values:
            pair = item.map_value.fields
            first, value = pair.get("path"), pair.get(key)
            if first is None or value is None or len(pair) != 2:
                return None
            path, text = first.string_value, value.string_value
            if path and text:
                found.append({"path": path, key: text})
            elif path and value.HasField("timestamp_value"):
                time = value.timestamp_value
                found.append({"path": path, key: instant(time.seconds, time.nanos)})
            elif path and value.HasField("null_value"):
                found.append({"path": path, key: None})
            else:
                return None
        return found or None

    def fill(self, target: Any, fields: Mapping[str, Value], *, documents: str, where: str) -> None:
        """Put values into a protobuf map as `fill_fields` does, which encodes them all.

        Lists that were read from here are copied, and only the items encoded that differ.
        """
        others: dict[str, Value] = {}
        for name, value in fields.items():
            before = self._lists.get(name)
            if before is None or value.__class__ is not list or len(value) != len(before):
                others[name] = value
                continue
            # What is remembered has texts and times alone, so what is equal is stored alike.
            target[name].CopyFrom(self._message[name])
            items = target[name].array_value.values
            for index, item in enumerate(value):
                if item != before[index]:
                    at = f"{where}: {name}[{index}]"
                    items[index].CopyFrom(encode(item, documents=documents, where=at))
        fill_fields(target, others, documents=documents, where=where)


def fill_write(message: Any, write: Write, documents: str, encoded: dict[int, Any]) -> None:
    """Put a write into its message.

    Args:
        message: the protobuf write, empty.
        write: the write.
        documents: the database's `projects/…/databases/…/documents`.
        encoded: the protobuf documents of this commit by the identity of their content. The
            copies of a view share theirs: it is encoded once.
    """
    name = f"{documents}/{write.path}"
    if write.increments is not None:
        message.update.name = name
        message.update_mask.SetInParent()
        for names, amount in write.increments.items():
            message.update_transforms.add(
                field_path=".".join(quoted(part) for part in names),
                increment=encode(amount, documents=documents, where=write.path),
            )
    elif write.fields is None:
        message.delete = name
    else:
        document, same = message.update, encoded.get(id(write.fields))
        if same is not None:
            document.CopyFrom(same)
        else:
            fill = fill_fields if write.before is None else write.before.fill
            fill(document.fields, write.fields, documents=documents, where=write.path)
            encoded[id(write.fields)] = document
        document.name = name
    if write.mask is not None:
        message.update_mask.field_paths.extend(quoted(name) for name in write.mask)
    if write.precondition == "absent":
        message.current_document.exists = False
    elif write.precondition == "exists":
        message.current_document.exists = True
    elif write.precondition is not None:
        fill_time(message.current_document.update_time, write.precondition, write.path)


def check_commit(writes: Sequence[Write]) -> None:
    """Refuse before the call what Firestore refuses for its size."""
    contents = {write.path: write.fields for write in writes if write.fields is not None}
    size = sum(check_size(path, fields) for path, fields in contents.items())
    if size > MAX_COMMIT_BYTES:
        raise DocumentTooLarge(
            f"a commit of {len(contents)} documents, the first of them {next(iter(contents))}, "
            f"would have {size} bytes; Firestore allows {MAX_COMMIT_BYTES}. Spread the copies of "
            "the view over `shards`, or make them smaller."
        )


def structured(query: Query, documents: str) -> dict[str, Any]:
    """The query as the API takes it: its `StructuredQuery`.

    Args:
        query: the query.
        documents: resource name of the database's documents.

    Raises:
        InvalidValue: Firestore has no form for a filter's value.
    """
    selector: dict[str, Any] = {"collection_id": query.collection.rpartition("/")[2]}
    if query.collection_group:
        selector["all_descendants"] = True
    made: dict[str, Any] = {"from_": [selector]}
    filters = [_encoded_filter(condition, documents) for condition in query.filters]
    if len(filters) == 1:
        made["where"] = filters[0]
    elif filters:
        made["where"] = {"composite_filter": {"op": "AND", "filters": filters}}
    if query.orders:
        made["order_by"] = [
            {
                "field": {"field_path": api_path(order.field)},
                "direction": "DESCENDING" if order.descending else "ASCENDING",
            }
            for order in query.orders
        ]
    if query.start_after is not None or query.end_at is not None:
        # Firestore itself goes on by name, in the direction of the last order.
        last = query.orders[-1].descending if query.orders else False
        name = {**_NAME, "direction": "DESCENDING"} if last else _NAME
        made["order_by"] = [*made.get("order_by", ()), name]
    if query.start_after is not None:
        values = [
            encode(value, documents=documents, where="the cursor") for value in query.after_values
        ]
        values.append(_cursor(query.start_after, documents))
        made["start_at"] = {"values": values, "before": False}
    if query.end_at is not None:
        made["end_at"] = {"values": [_cursor(query.end_at, documents)], "before": False}
    if query.keys_only:
        made["select"] = {"fields": [_NAME["field"]]}
    if query.limit is not None:
        made["limit"] = {"value": query.limit}
    if query.offset:
        made["offset"] = query.offset
    return made


def _cursor(path: str, documents: str) -> Any:
    return encode(Reference(path), documents=documents, where="the cursor")


def _encoded_filter(condition: Filter, documents: str) -> dict[str, Any]:
    field = {"field_path": api_path(condition.field)}
    value: object = condition.value
    operators = unary_operators(value) if value is None or isinstance(value, float) else {}
    if condition.op in operators:
        return {"unary_filter": {"field": field, "op": operators[condition.op]}}
    value = encode(
        condition.value, documents=documents, where=f"the query's value for {condition.field}"
    )
    return {"field_filter": {"field": field, "op": OPERATORS[condition.op], "value": value}}


def count_request(parent: str, query: Query, documents: str) -> Any:
    """The request that counts what a query matches, as `count`."""
    return cast(Any, RunAggregationQueryRequest)(
        parent=parent,
        structured_aggregation_query={
            "structured_query": structured(query, documents),
            "aggregations": [{"alias": "count", "count": {}}],
        },
    )


def partition_request(documents: str, collection_id: str, count: int) -> Any:
    """The request for paths that cut a collection group into parts of about equal size."""
    return cast(Any, PartitionQueryRequest)(
        parent=documents,
        structured_query={
            "from_": [{"collection_id": collection_id, "all_descendants": True}],
            "order_by": [{"field": {"field_path": "__name__"}, "direction": "ASCENDING"}],
        },
        partition_count=count,
    )
