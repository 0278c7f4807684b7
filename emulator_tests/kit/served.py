"""An ASGI application on a port of its own, and readers of its streams."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
import uvicorn

DEADLINE = 60.0


@contextmanager
def served(application: Any) -> Generator[str]:
    """The address of an application that uvicorn serves in a thread until the end."""
    config = uvicorn.Config(
        application, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server ended"
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        host, port = server.servers[0].sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass(frozen=True)
class Sent:
    """One server-sent event."""

    kind: str
    data: Any
    id: str = ""


class Stream:
    """A stream of server-sent events, read by a client.

    Args:
        response: the answer, which is read as it comes.
    """

    def __init__(self, response: requests.Response) -> None:
        self.response = response
        self._lines = response.iter_lines(chunk_size=1, decode_unicode=True)

    def __iter__(self) -> Iterator[Sent]:
        fields: dict[str, str] = {}
        end = time.monotonic() + DEADLINE  # heartbeats keep a stream open for ever
        for line in self._lines:
            assert time.monotonic() < end, f"no event, and no end, within {DEADLINE} s"
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if "data" in fields:
                kind = fields.get("event", "message")
                yield Sent(kind, json.loads(fields["data"]), fields.get("id", ""))
            fields = {}

    def next(self) -> Sent:
        """The next event; the read time-out of the request ends the wait."""
        return next(iter(self))

    def close(self) -> None:
        self.response.close()


@contextmanager
def streaming(
    address: str,
    *,
    user: str | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Generator[Stream]:
    """A stream that is open until the end of the block."""
    sent = {"Accept": "text/event-stream", **(headers or {})}
    if user is not None:
        sent["Authorization"] = f"Bearer {user}"
    method = "GET" if body is None else "POST"
    content = {} if body is None else {"json": body}
    with requests.request(
        method, address, headers=sent, stream=True, timeout=(10, 30), **content
    ) as response:
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)
