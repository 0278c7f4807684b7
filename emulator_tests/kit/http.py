"""Requests to an app's API in this process; who sends them is said, not proved by a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from onto_fn import App
from onto_fn.api import application
from onto_fn.api.application import Door
from onto_fn.editing import Database
from onto_fn.gate.caller import Caller


@dataclass(frozen=True)
class Http:
    """Sends requests to an app whose database is given.

    The header `Authorization: Bearer ada` is taken for the user `ada`.
    """

    app: Any

    @classmethod
    def of(cls, app: App, database: Database, monkeypatch: pytest.MonkeyPatch) -> Http:
        def caller(authorization: str | None, _: str | None) -> Caller:
            if authorization is None:
                return Caller()
            uid, _, claims = authorization.removeprefix("Bearer ").partition(" ")
            return Caller(uid, {"uid": uid, **json.loads(claims or "{}")})

        monkeypatch.setattr(application, "caller_of", caller)
        assert app.api is not None
        return cls(Door(app.api, app.api.offers(app.mediators), app.engine, lambda: database))

    def send(
        self,
        method: str,
        address: str,
        *,
        user: str | None = None,
        body: object = None,
        content: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to one request."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                signed_in = {} if user is None else {"Authorization": f"Bearer {user}"}
                sent = {"content": content} if body is None else {"json": body}
                return await client.request(
                    method, address, headers={**signed_in, **(headers or {})}, **sent
                )

        return asyncio.run(send())

    def get(self, address: str, **rest: Any) -> httpx.Response:
        return self.send("GET", address, **rest)

    def put(self, address: str, body: object, **rest: Any) -> httpx.Response:
        return self.send("PUT", address, body=body, **rest)
