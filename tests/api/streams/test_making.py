"""What serves streams is made with the first of them, in its event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from onto_fn import App, DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import public
from onto_fn.api import Api, Streams, application
from tests.firestore.hub.listened import Firestore, settle


class Note(DomainModel, collection="notes"):
    text: str


class NoteStore(Store):
    note = root(Note)


class OpenPage(ViewModel[NoteStore], path="openPages/{note_id}", read=public()):
    text: str = mirror("note.text")


APP = App([OpenPage], api=Api(views=[OpenPage], streams=Streams(), origins=["https://a.example"]))
CALL = {"data": {"view": "OpenPage", "params": {"note_id": "n"}}}


class Made:
    """An API whose hub is of a fake Firestore, or cannot be made for a while."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.servers: list[Firestore] = []
        self.failures = 0

        def hub_of(_: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise OSError("no credentials")
            self.servers.append(Firestore())
            return self.servers[-1].hub()

        patch.setattr(application, "hub_of", hub_of)
        assert APP.api is not None
        offers = APP.api.offers(APP.mediators)
        self.door = application.Door(APP.api, offers, APP.engine, lambda: object())  # pyright: ignore[reportArgumentType]

    async def call(self) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.door)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            task = asyncio.create_task(client.post("/", json=CALL))
            while not task.done():
                for server in self.servers:
                    for call in server.calls:
                        call.tell()
                await asyncio.sleep(0.005)
            return await task


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


def test_a_failure_to_begin_does_not_last(made: Made) -> None:
    async def test() -> None:
        made.failures = 1
        assert (await made.call()).status_code == 500
        answer = await made.call()
        assert answer.json() == {"result": {"state": "missing", "fields": None}}
        await settle()
        assert made.door.hub is not None
        assert made.door.hub.counts == {"targets": 0, "streams": 0, "watchers": 0}

    asyncio.run(asyncio.wait_for(test(), 20))


def test_many_that_begin_at_once_share_one_hub(made: Made) -> None:
    async def test() -> None:
        answers = await asyncio.gather(*(made.call() for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert len(made.servers) == 1

    asyncio.run(asyncio.wait_for(test(), 20))


def test_each_event_loop_has_its_own(made: Made) -> None:
    for _ in range(3):
        answer = asyncio.run(asyncio.wait_for(made.call(), 20))
        assert answer.status_code == 200
    assert len(made.servers) == 3


def test_a_page_may_send_what_the_firebase_sdk_sends() -> None:
    """An app that receives messages has a token of its own in each call."""

    async def test() -> int:
        app = APP.asgi()
        headers = {
            "Origin": "https://a.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,firebase-instance-id-token",
        }
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return (await client.options("/", headers=headers)).status_code

    assert asyncio.run(test()) == 200
