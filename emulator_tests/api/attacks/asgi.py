"""Calls an ASGI application with exactly the bytes that a test names: no client tidies them up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from onto_fn import App
from onto_fn.api.application import application
from onto_fn.editing import Database

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its headers with lower-case names, and its body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def is_given(self) -> bool:
        return self.status < 400


def served(app: App, database: Database) -> Any:
    """The ASGI application of an app on a database."""
    assert app.api is not None
    offers = app.api.offers(app.mediators)
    return application(app.api, offers, app.engine, lambda: database)


def send(
    app: Any,
    method: str,
    target: str | bytes,
    *,
    token: str | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    chunks: Iterable[bytes | None] | None = None,
) -> Answer:
    """The answer to one request; see `sent`."""
    return asyncio.run(
        sent(app, method, target, token=token, body=body, headers=headers, chunks=chunks)
    )


async def sent(
    app: Any,
    method: str,
    target: str | bytes,
    *,
    token: str | None = None,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    chunks: Iterable[bytes | None] | None = None,
) -> Answer:
    """The answer to one request.

    Args:
        app: the ASGI application.
        method: of HTTP.
        target: path and query as they are on the wire.
        token: an ID token.
        body: content of the body, as JSON; bytes as they are.
        headers: more headers.
        chunks: the body in parts, in place of `body`; after None, nothing comes.
    """
    raw = target.encode() if isinstance(target, str) else target
    path, _, query = raw.partition(b"?")
    given = {} if token is None else {"Authorization": f"Bearer {token}"}
    parts = iter(chunks or ())
    if body is not None:
        parts = iter([body if isinstance(body, bytes) else json.dumps(body).encode()])
        given |= JSON
    given |= headers or {}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        # As a server decodes it; a path that is not UTF-8 has no such form.
        "path": _decoded(path),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "server": ("api", 80),
        "client": ("test", 1),
    }
    got: list[Any] = []

    async def receive() -> Any:
        part = next(parts, b"")
        if part is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": part, "more_body": part != b""}

    async def take(message: Any) -> None:
        got.append(message)

    await app(scope, receive, take)
    start = got[0]
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(m.get("body", b"") for m in got[1:]))


def _decoded(path: bytes) -> str:
    return unquote_to_bytes(path).decode("utf-8", "replace")
