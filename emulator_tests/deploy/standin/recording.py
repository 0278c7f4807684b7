"""`Recording`: every request that the deploy tool made."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """One request and the status of its answer."""

    host: str
    method: str
    path: str
    query: str
    content: bytes
    status: int

    @property
    def body(self) -> Any:
        """The content, parsed."""
        return json.loads(self.content)

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.method} https://{self.host}{self.path}{query} -> {self.status}"


class Recording:
    """All requests in the order of their answers. Thread-safe."""

    def __init__(self, requests: Iterable[Recorded] = ()) -> None:
        self._requests = list(requests)
        self._added = threading.Condition()

    def add(self, request: Recorded) -> None:
        with self._added:
            self._requests.append(request)
            self._added.notify_all()

    def __len__(self) -> int:
        with self._added:
            return len(self._requests)

    def since(self, start: int) -> Recording:
        """What came after the first `start` requests."""
        with self._added:
            return Recording(self._requests[start:])

    def matching(self, method: str, path: str, *, host: str = "") -> list[Recorded]:
        """The requests of a method (a regular expression) to a path (one as well) of a host."""
        with self._added:
            return [
                request
                for request in self._requests
                if re.fullmatch(method, request.method)
                and re.search(path, request.path)
                and request.host.startswith(host)
            ]

    def wait_for(self, method: str, path: str, *, start: int, deadline: float) -> bool:
        """Whether such a request has come, after the first `start`, within so many seconds."""
        with self._added:
            return self._added.wait_for(
                lambda: any(
                    re.fullmatch(method, request.method) and re.search(path, request.path)
                    for request in self._requests[start:]
                ),
                deadline,
            )
