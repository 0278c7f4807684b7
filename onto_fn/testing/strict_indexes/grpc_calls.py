"""The part of the proxy that speaks gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, cast

import grpc
import grpc.aio
from google.cloud.firestore_v1 import types as firestore
from typing_extensions import override

from onto_fn.testing.strict_indexes.checking import Checker

# grpc.aio and the generated messages carry no types.
_grpc = cast(Any, grpc)
_aio = cast(Any, grpc.aio)
_types = cast(Any, firestore)

_UNLIMITED = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 64 * 1024),
]
_UNARY = {
    "BatchWrite",
    "BeginTransaction",
    "Commit",
    "CreateDocument",
    "DeleteDocument",
    "GetDocument",
    "ListCollectionIds",
    "ListDocuments",
    "PartitionQuery",
    "Rollback",
    "UpdateDocument",
}
_CHECKED: dict[str, Callable[[Checker, bytes], str | None]] = {
    "RunQuery": Checker.run_query,
    "RunAggregationQuery": Checker.run_aggregation_query,
}
_OWN = ("grpc-", ":", "te", "content-type", "user-agent")  # gRPC itself sets these headers

Metadata = list[tuple[str, "str | bytes"]]


class GrpcCalls:
    """A gRPC server that passes calls on, except for queries that production would refuse.

    Args:
        target: the emulator's address.
        checker: decides about the queries.
    """

    def __init__(self, target: str, checker: Checker) -> None:
        self._target = target
        self.checker = checker
        self._server: Any = None
        self._channel: Any = None

    async def start(self) -> int:
        """Listen on a free port of this machine, and return it."""
        self._channel = _aio.insecure_channel(self._target, options=_UNLIMITED)
        self._server = _aio.server(options=_UNLIMITED)
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        port: int = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return port

    async def stop(self) -> None:
        """Stop listening, and end the calls."""
        await self._server.stop(None)
        await self._channel.close()

    async def unary(self, method: str, request: bytes, context: Any) -> bytes:
        """Pass on a call with one request and one answer."""
        call = self._channel.unary_unary(method)(request, **_passed_on(context))
        try:
            answer: bytes = await call
        except grpc.RpcError as error:
            await _abort(error, context)
            raise
        return answer

    async def checked(
        self, method: str, check: Callable[[bytes], str | None], request: bytes, context: Any
    ) -> AsyncIterator[bytes]:
        """Pass on a query, unless production would refuse it."""
        refusal = check(request)
        if refusal is not None:
            await context.abort(_grpc.StatusCode.FAILED_PRECONDITION, refusal)
        call = self._channel.unary_stream(method)(request, **_passed_on(context))
        try:
            async for answer in call:
                yield answer
        except grpc.RpcError as error:
            await _abort(error, context)

    async def stream(
        self, method: str, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        """Pass on a call with any number of requests and answers."""
        call = self._channel.stream_stream(method)(requests, **_passed_on(context))
        try:
            async for answer in call:
                yield answer
        except grpc.RpcError as error:
            await _abort(error, context)

    async def listen(
        self, method: str, requests: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[bytes]:
        """Pass on a stream of changes, without the targets that production would refuse."""
        answers: asyncio.Queue[bytes | grpc.RpcError | None] = asyncio.Queue()
        call = self._channel.stream_stream(method)(
            self._accepted(requests, answers), **_passed_on(context)
        )

        async def receive() -> None:
            try:
                async for answer in call:
                    answers.put_nowait(answer)
                answers.put_nowait(None)
            except grpc.RpcError as error:
                answers.put_nowait(error)

        receiving = asyncio.ensure_future(receive())
        try:
            while (answer := await answers.get()) is not None:
                if isinstance(answer, grpc.RpcError):
                    await _abort(answer, context)
                else:
                    yield answer
        finally:
            receiving.cancel()
            call.cancel()

    async def _accepted(
        self, requests: AsyncIterator[bytes], answers: asyncio.Queue[Any]
    ) -> AsyncIterator[bytes]:
        """The requests to pass on; refused ones are answered."""
        refused: set[int] = set()
        async for content in requests:
            request = _types.ListenRequest.pb().FromString(content)
            refusal = self.checker.target(request)
            if refusal is not None:
                refused.add(request.add_target.target_id)
                answers.put_nowait(_removed(request.add_target.target_id, refusal))
            elif request.remove_target not in refused or request.HasField("add_target"):
                yield content


class _Handlers(grpc.GenericRpcHandler):
    """Accepts every method of every service, and parses only queries."""

    def __init__(self, calls: GrpcCalls) -> None:
        self._calls = calls

    @override
    def service(self, handler_call_details: Any) -> Any:
        method: str = handler_call_details.method
        calls, name = self._calls, method.rpartition("/")[2]

        if name in _UNARY:

            async def unary(request: bytes, context: Any) -> bytes:
                return await calls.unary(method, request, context)

            return _grpc.unary_unary_rpc_method_handler(unary)

        if name in _CHECKED:
            check = partial(_CHECKED[name], calls.checker)

            async def checked(request: bytes, context: Any) -> AsyncIterator[bytes]:
                async for answer in calls.checked(method, check, request, context):
                    yield answer

            return _grpc.unary_stream_rpc_method_handler(checked)

        passing = calls.listen if name == "Listen" else calls.stream

        async def stream(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async for answer in passing(method, requests, context):
                yield answer

        return _grpc.stream_stream_rpc_method_handler(stream)


def _passed_on(context: Any) -> dict[str, Any]:
    """The metadata and the deadline of a call."""
    metadata: Metadata = [
        (key, value) for key, value in context.invocation_metadata() if not key.startswith(_OWN)
    ]
    return {"metadata": metadata, "timeout": context.time_remaining()}


async def _abort(error: Any, context: Any) -> None:
    await context.abort(error.code(), error.details() or "", error.trailing_metadata() or ())


def _removed(target: int, refusal: str) -> bytes:
    """The answer that a target is not listened to."""
    message = _types.ListenResponse.pb()()
    change = message.target_change
    change.target_change_type = _types.TargetChange.TargetChangeType.REMOVE
    change.target_ids.append(target)
    change.cause.code = grpc.StatusCode.FAILED_PRECONDITION.value[0]
    change.cause.message = refusal
    return message.SerializeToString()
