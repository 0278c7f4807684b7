"""Count the calls, reads and writes that Firestore would bill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import ceil
from threading import Lock
from typing import Any

import grpc

from onto_fn.firestore.usage import COUNTED_PER_READ


class Billing(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Counts `calls`, and the documents of `reads` and `writes`, at the connection.

    A read of a missing document is billed like that of an existing one. A query without results is
    billed as one document. Counting is billed as one read per 1,000 documents.

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
        self._is_over = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            response = next(self._answer)
        except StopIteration:
            self._end()
            raise
        if hasattr(response, "document"):
            self._documents += bool(response.document.name)
        elif hasattr(response, "result"):
            fields = response.result.aggregate_fields
            counted = sum(value.integer_value for value in fields.values())
            self._end(max(1, ceil(counted / COUNTED_PER_READ)))  # nobody waits for its end
        return response

    def cancel(self) -> None:
        """End the query early; what has come is billed."""
        self._end()
        self._answer.cancel()

    def _end(self, reads: int = 0) -> None:
        if not self._is_over:
            self._is_over = True
            self._billing.returned(reads or self._documents)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)
