"""Count the calls, reads and writes that Firestore would bill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock
from typing import Any

import grpc


class Billing(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Counts `calls`, and the documents of `reads` and `writes`, at the connection.

    A read of a missing document is billed like that of an existing one. A query without results is
    billed as one document.

    Example:
        On the emulator::

            billing = Billing()
            engine.handle(Database(project, interceptors=[billing]), change)
            assert billing.counts == {"calls": 3, "reads": 9, "writes": 4}
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Count the writes of a commit."""
        writes = len(request.writes) if client_call_details.method.endswith("/Commit") else 0
        self._add(calls=1, writes=writes)
        return continuation(client_call_details, request)

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Count the documents that are read by path or found by a query."""
        self._add(calls=1)
        if client_call_details.method.endswith("/BatchGetDocuments"):
            self._add(reads=len(request.documents))
            return continuation(client_call_details, request)
        return _Counted(continuation(client_call_details, request), self)

    def _add(self, **amounts: int) -> None:
        with self._lock:
            self.counts.update(amounts)

    def returned(self, documents: int) -> None:
        """Count the documents that a query found."""
        self._add(reads=max(1, documents))


class _Counted:
    """The answer to a query. It reports the number of its documents when it ends."""

    def __init__(self, answer: Any, billing: Billing) -> None:
        self._answer = answer
        self._billing = billing
        self._documents = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            response = next(self._answer)
        except StopIteration:
            self._billing.returned(self._documents)
            raise
        self._documents += bool(response.document.name)
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)
