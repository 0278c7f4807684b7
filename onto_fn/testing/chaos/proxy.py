"""`FaultProxy`: a proxy between a worker and Firestore. It forwards messages or injects faults.

It also logs the commits that took effect, with their time and documents, because no event contains
the time of a deletion.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import grpc
import grpc.aio
from google.cloud.firestore_v1 import types as firestore
from typing_extensions import override

from onto_fn.testing.chaos.events import microseconds
from onto_fn.testing.chaos.plans import COMMIT, READS, Decision, Fault, FaultPlan

__all__ = ["FaultProxy"]

# grpc.aio and the generated messages carry no types.
_grpc = cast(Any, grpc)
_aio = cast(Any, grpc.aio)
_types = cast(Any, firestore)

_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
# Otherwise two servers may listen on one port, and each gets some of the other's calls.
_ALONE = ("grpc.so_reuseport", 0)
_DOCUMENTS_SEGMENTS = 5  # projects/P/databases/D/documents

Log = Callable[[dict[str, Any]], None]
Metadata = list[tuple[str, "str | bytes"]]
Kill = Callable[[bool], Awaitable[None]]


class FaultProxy:
    """A gRPC server that forwards Firestore's calls and injects faults.

    Args:
        worker: name of its worker.
        target: address of the emulator.
        plan: decides about each call.
        kill: kills the worker; its argument says whether the whole instance ends.
        log: receives each fault, `{"fault": …}`, and each commit that took effect, `{"commit": …}`.
        database: resource name of the database, `projects/P/databases/D`.
        idle_timeout: seconds after which an abandoned transaction is rolled back. Firestore does
            this after 60 seconds.
    """

    def __init__(
        self,
        worker: str,
        target: str,
        plan: FaultPlan,
        *,
        kill: Kill,
        log: Log,
        database: str = "",
        idle_timeout: float = 1.0,
    ) -> None:
        self.worker = worker
        self._target = target
        self._plan = plan
        self._kill = kill
        self._log = log
        self._database = database
        self._idle_timeout = idle_timeout
        self._numbers: Counter[str] = Counter()
        self._life = 0
        self._open: set[bytes] = set()
        self._abandoned: set[asyncio.Task[None]] = set()
        self._server: Any = None
        self._channel: Any = None

    async def start(self, port: int = 0) -> int:
        """Listen on a port of this machine, by default a free one; returns the port.

        Raises:
            RuntimeError: the port is taken.
        """
        self._channel = _aio.insecure_channel(self._target, options=_UNLIMITED)
        self._server = _aio.server(options=[*_UNLIMITED, _ALONE])
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        bound: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        await self._server.start()
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop(None)
        await self._channel.close()

    async def unary(self, method: str, request: bytes, context: Any) -> bytes:
        """Forward a call with one answer."""
        name, decision = await self._before(method, context)
        if decision.fault is Fault.KILL_BEFORE_COMMIT:
            await self._die(decision, name, context)
        if name in {"Rollback", COMMIT}:
            self._open.discard(_transaction(name, request))
        # Finish the call even if the worker has ended, because a sent commit may take effect.
        answer = await asyncio.shield(
            asyncio.ensure_future(self._call(method, request, _forwarded(context)))
        )
        if isinstance(answer, grpc.RpcError):
            await _pass_on(answer, context)
            raise answer
        if decision.fault is Fault.KILL_AFTER_COMMIT:
            await self._die(decision, name, context)
        if decision.fault is Fault.AMBIGUOUS:
            await self._refuse(decision, name, context)
        return answer

    async def _call(self, method: str, request: bytes, metadata: Metadata) -> bytes | grpc.RpcError:
        """Forward a call, log a commit that took effect, and return the answer or the error."""
        try:
            answer: bytes = await self._channel.unary_unary(method)(request, metadata=metadata)
        except grpc.RpcError as error:
            return error
        if method.endswith(f"/{COMMIT}"):
            self._log(_commit(request, answer))
        return answer

    async def stream(self, method: str, request: bytes, context: Any) -> AsyncIterator[bytes]:
        """Forward a call with a stream of answers."""
        name, decision = await self._before(method, context)
        if decision.fault is Fault.KILL_BEFORE_READ:
            await self._die(decision, name, context)
        if name in READS and _begins(name, request):
            # Finish the call even if the worker has ended, so that its locks can be released.
            begun = asyncio.ensure_future(self._begin(method, request, _forwarded(context)))
            life = self._life
            begun.add_done_callback(lambda task: self._keep(name, task, life))
            answers = await asyncio.shield(begun)
            for answer in answers if isinstance(answers, list) else ():
                yield answer
            if isinstance(answers, grpc.RpcError):
                await _pass_on(answers, context)
            return
        call = self._channel.unary_stream(method)(request, metadata=_forwarded(context))
        try:
            async for answer in call:
                yield answer
        except grpc.RpcError as error:
            await _pass_on(error, context)

    async def _begin(
        self, method: str, request: bytes, metadata: Metadata
    ) -> list[bytes] | grpc.RpcError:
        """Forward a read that begins a transaction, and return all its answers or the error."""
        try:
            call = self._channel.unary_stream(method)(request, metadata=metadata)
            return [answer async for answer in call]
        except grpc.RpcError as error:
            return error

    def _keep(self, name: str, begun: asyncio.Task[list[bytes] | grpc.RpcError], life: int) -> None:
        """Record the transaction, and abandon it if the worker that began it has ended."""
        answers = begun.result()
        if isinstance(answers, list) and answers:
            self._open.add(_begun(name, answers[0]))
            if life != self._life:
                self._abandon()

    async def _before(self, method: str, context: Any) -> tuple[str, Decision]:
        name = method.rpartition("/")[2]
        number = self._numbers[name]
        self._numbers[name] += 1
        decision = self._plan.decide(self.worker, name, number)
        if decision.fault is Fault.DELAY:
            self._log({"fault": decision.fault.name, "call": name, "worker": self.worker})
            await asyncio.sleep(decision.delay)
        elif decision.fault is Fault.ERROR:
            if name in {"Rollback", COMMIT}:
                self._abandon()
            await self._refuse(decision, name, context)
        return name, decision

    async def _refuse(self, decision: Decision, name: str, context: Any) -> None:
        self._log(
            {
                "fault": decision.fault.name,
                "code": decision.code,
                "call": name,
                "worker": self.worker,
            }
        )
        await context.abort(_grpc.StatusCode[decision.code], f"injected: {decision.fault.value}")

    async def _die(self, decision: Decision, name: str, context: Any) -> None:
        self._log(
            {
                "fault": decision.fault.name,
                "whole": decision.whole_instance,
                "call": name,
                "worker": self.worker,
            }
        )
        self._life += 1
        await self._kill(decision.whole_instance)
        self._abandon()
        await context.abort(_grpc.StatusCode.UNAVAILABLE, f"injected: {decision.fault.value}")

    def _abandon(self) -> None:
        """Roll back the open transactions after the idle timeout."""
        if self._open:
            task = asyncio.ensure_future(self._roll_back(set(self._open)))
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)

    async def _roll_back(self, transactions: set[bytes]) -> None:
        await asyncio.sleep(self._idle_timeout)
        call = self._channel.unary_unary("/google.firestore.v1.Firestore/Rollback")
        for transaction in transactions & self._open:
            self._open.discard(transaction)
            request = _types.RollbackRequest.pb()(database=self._database, transaction=transaction)
            try:
                await call(request.SerializeToString())
            except grpc.RpcError:
                continue


class _Handlers(grpc.GenericRpcHandler):
    """Accepts every method, and does not parse messages."""

    def __init__(self, proxy: FaultProxy) -> None:
        self._proxy = proxy

    @override
    def service(self, handler_call_details: Any) -> Any:
        method: str = handler_call_details.method
        proxy = self._proxy

        async def unary(request: bytes, context: Any) -> bytes:
            return await proxy.unary(method, request, context)

        async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            async for answer in proxy.stream(method, request, context):
                yield answer

        if method.rpartition("/")[2] in READS:
            return _grpc.unary_stream_rpc_method_handler(stream)
        return _grpc.unary_unary_rpc_method_handler(unary)


def _forwarded(context: Any) -> Metadata:
    return [
        (name, value)
        for name, value in context.invocation_metadata()
        if name in {"authorization", "google-cloud-resource-prefix", "x-goog-request-params"}
    ]


async def _pass_on(error: Any, context: Any) -> None:
    await context.abort(error.code(), error.details() or "", error.trailing_metadata() or ())


def _begins(name: str, request: bytes) -> bool:
    message = getattr(_types, f"{name}Request").pb().FromString(request)
    return message.HasField("new_transaction")


def _begun(name: str, answer: bytes) -> bytes:
    return getattr(_types, f"{name}Response").pb().FromString(answer).transaction


def _transaction(name: str, request: bytes) -> bytes:
    return getattr(_types, f"{name}Request").pb().FromString(request).transaction


def _commit(request: bytes, answer: bytes) -> dict[str, Any]:
    asked = _types.CommitRequest.pb().FromString(request)
    answered = _types.CommitResponse.pb().FromString(answer)
    writes: list[list[str | bool]] = []
    for write in asked.writes:
        name: str = write.delete or write.update.name
        path = "/".join(name.split("/")[_DOCUMENTS_SEGMENTS:])
        writes.append([path, bool(write.delete)])
    return {"commit": microseconds(answered.commit_time), "writes": writes}
