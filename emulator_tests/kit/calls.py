"""gRPC interceptors: one counts the calls, one loses the answers of commits."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any

import grpc


class Calls(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Counts calls by name, such as `BatchGetDocuments`."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def clear(self) -> None:
        self.counts.clear()

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self._count(details)
        return continuation(details, request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        self._count(details)
        return continuation(details, request)

    def _count(self, details: Any) -> None:
        with self._lock:
            self.counts[details.method.rpartition("/")[2]] += 1


class Unavailable(grpc.RpcError):
    """UNAVAILABLE, as a client sees it when the connection breaks."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "the connection was cut off"

    def trailing_metadata(self) -> tuple[()]:
        return ()

    def result(self) -> Any:
        """An outer interceptor takes the error for the finished call."""
        raise self


class Outage(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Makes the next calls of one name fail, applied or not.

    Args:
        method: name of the call, such as `Commit`.
        times: how many of them fail.
        applied: whether the server does what it was asked before its answer is lost.
        about: if given, only calls whose request holds this text.
    """

    def __init__(self, method: str, times: int, *, applied: bool = False, about: str = "") -> None:
        self.about = about
        self.method = method
        self.times = times
        self.applied = applied

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._intercept(continuation, details, request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._intercept(continuation, details, request)

    def _intercept(self, continuation: Any, details: Any, request: Any) -> Any:
        if self.times == 0 or not details.method.endswith(f"/{self.method}"):
            return continuation(details, request)
        if self.about and self.about not in str(request):
            return continuation(details, request)
        self.times -= 1
        if self.applied:
            continuation(details, request).result()
        raise Unavailable
