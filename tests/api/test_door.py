"""What is decided over a call before a database is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from onto_fn import App, DomainModel, Form, FormMediator, Request
from onto_fn.access import public
from onto_fn.api import Api, application
from onto_fn.gate.caller import Caller


class Memo(DomainModel, collection="memos"):
    text: str


class MemoForm(Form, path="memoForms/{id}", create=public()):
    text: str

    def submit(self, request: Request) -> list[Memo]:
        return [Memo(doc_id=request.doc_id, text=self.text)]


class OtherForm(Form, path="otherForms/{id}", create=public()):
    text: str

    def submit(self, request: Request) -> list[Memo]:
        return []


class Reached(Exception):
    """The call got as far as the database."""


def put(app: App, address: str, *, is_app: bool, patch: pytest.MonkeyPatch) -> int:
    """The status of the answer; 500 once the database is asked."""

    def connect() -> Any:
        raise Reached

    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        patch.delenv(name, raising=False)
    patch.setattr(application, "caller_of", lambda *_: Caller("ada", {}, is_app))
    assert app.api is not None
    door = application.Door(app.api, app.api.offers(app.mediators), app.engine, connect)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=door)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.put(address, json={"text": "x"})

    return asyncio.run(send()).status_code


@pytest.mark.parametrize("of_api", [False, True])
def test_app_check_is_asked_for_by_the_api_or_by_a_request_of_its_own(
    of_api: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FormMediator(MemoForm, callable=True, app_check=True)
    app = App([form, OtherForm], api=Api(requests=[MemoForm, OtherForm], app_check=of_api))
    assert put(app, "/memoForms/a", is_app=False, patch=monkeypatch) == 401
    assert put(app, "/memoForms/a", is_app=True, patch=monkeypatch) == 500
    other = put(app, "/otherForms/a", is_app=False, patch=monkeypatch)
    assert other == (401 if of_api else 500)
