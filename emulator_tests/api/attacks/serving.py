"""An ASGI application served by uvicorn, as `onto serve` and functions-framework do."""

from __future__ import annotations

import http.client
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from emulator_tests.api.attacks.asgi import Answer
from emulator_tests.kit.served import served


@dataclass(frozen=True)
class Server:
    """A server on this machine."""

    host: str
    port: int

    def send(
        self,
        method: str,
        target: str,
        *,
        token: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer to one request, whose target goes over the wire as it is."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            given = {} if token is None else {"Authorization": f"Bearer {token}"}
            if body is not None:
                given["Content-Type"] = "application/json"
            connection.request(method, target, body, {**given, **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()


@contextmanager
def serving(app: Any) -> Generator[Server]:
    """Serves an application until the block ends."""
    with served(app) as address:
        where = urlsplit(address)
        yield Server(str(where.hostname), int(where.port or 0))


def begins(server: Server, method: str, target: str, token: str | None, body: object) -> str:
    """The status and what comes first: of a stream, all until it says something."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
        headers |= {} if token is None else {"Authorization": f"Bearer {token}"}
        content = None if body is None else json.dumps(body)
        connection.request(method, target, content, headers)
        answer = connection.getresponse()
        got = ""
        if "event-stream" in (answer.getheader("content-type") or ""):
            assert "no-store" in (answer.getheader("cache-control") or "")
            while "data:" not in got:
                line = answer.readline().decode()
                got += line
                if not line:
                    break
        else:
            got = answer.read().decode()
        return f"{answer.status} {got}"
    finally:
        connection.close()
