"""Answers of Firestore that were recorded once, and are given again without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onto_fn.editing import Database


class Recorded:
    """Stands in for a database's connection: each call gets the answer that was recorded of it.

    Requests are put into bytes and answers read from bytes, as with a connection.

    Args:
        project: the project of the recording.
        handle: makes the calls to be recorded, on the database that it is given; one of a kind.
    """

    def __init__(self, project: str, handle: Callable[[Database], object]) -> None:
        self._answers: dict[str, list[tuple[type[Any], bytes]]] = {}
        self.database = Database(project)
        self._calls: Any = self.database._calls
        self.database._calls = self
        handle(self.database)

    def run_query(self, request: Any, timeout: float) -> list[Any]:
        return self._answered("run_query", request, timeout)

    def batch_get(self, request: Any, timeout: float) -> list[Any]:
        return self._answered("batch_get", request, timeout)

    def commit(self, request: Any, timeout: float) -> Any:
        return self._answered("commit", request, timeout)[0]

    def _answered(self, method: str, request: Any, timeout: float) -> list[Any]:
        request.SerializeToString()
        if method not in self._answers:
            answer = getattr(self._calls, method)(request, timeout)
            messages = [answer] if method == "commit" else list(answer)
            self._answers[method] = [(type(m), m.SerializeToString()) for m in messages]
        return [kind.FromString(data) for kind, data in self._answers[method]]
