"""Live streams: each version as it comes, to those who may see it, as long as they may."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from emulator_tests.kit.http import Http
from emulator_tests.kit.served import Sent, Stream, served, streaming
from emulator_tests.kit.writing import Writer
from onto_fn import App, DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import members, owner, public
from onto_fn.api import Api, Streams
from onto_fn.api.streams.response import EventStream
from onto_fn.testing.eventually import Eventually


class Note(DomainModel, collection="streamNotes"):
    text: str
    member_ids: list[str]


class NoteStore(Store):
    note = root(Note)


class NotePage(ViewModel[NoteStore], path="notePages/{note_id}", read=members("member_ids")):
    text: str = mirror("note.text")
    member_ids: list[str] = mirror("note.member_ids")


class OpenPage(ViewModel[NoteStore], path="openPages/{note_id}", read=public()):
    text: str = mirror("note.text")


class OwnPage(ViewModel[NoteStore], path="noteUsers/{user_id}/own/page", read=owner("user_id")):
    text: str = mirror("note.text")


VIEWS = [NotePage, OpenPage, OwnPage]
APP = App(VIEWS, api=Api(views=VIEWS, streams=Streams(beat_sec=0.2)))
SHORT = App(VIEWS, api=Api(views=VIEWS, streams=Streams(timeout_sec=4, beat_sec=0.2)))


class Server:
    """The API on a port, and how many it watches."""

    def __init__(self, http: Http, address: str) -> None:
        self.http = http
        self.address = address

    @property
    def counts(self) -> dict[str, int]:
        """Of the hub: it is made with the first stream."""
        hub = self.http.app.hub
        return {} if hub is None else hub.counts


@pytest.fixture
def server(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Server]:
    http = Http.of(APP, connect(), monkeypatch)
    with served(http.app) as address:
        yield Server(http, address)


@pytest.fixture
def short(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Server]:
    """One whose streams end after two seconds."""
    http = Http.of(SHORT, connect(), monkeypatch)
    with served(http.app) as address:
        yield Server(http, address)


def write(writer: Writer, text: str, *who: str, name: str = "n") -> None:
    change = writer.write(f"streamNotes/{name}", {"text": text, "memberIds": list(who)})
    APP.engine.handle(writer.database, change)


def test_a_client_sees_each_state_and_the_end_of_the_document(
    server: Server, writer: Writer
) -> None:
    with streaming(f"{server.address}/openPages/n") as stream:
        assert stream.next() == Sent("missing", {})
        write(writer, "one")
        first = stream.next()
        assert (first.kind, first.data) == ("snapshot", {"text": "one"})
        write(writer, "two")
        second = stream.next()
        assert second.data == {"text": "two"}
        assert int(second.id) > int(first.id)
        APP.engine.handle(writer.database, writer.delete("streamNotes/n"))
        assert stream.next() == Sent("deleted", {})


def test_a_client_that_comes_back_is_told_only_what_it_does_not_know(
    server: Server, writer: Writer
) -> None:
    write(writer, "one")
    address = f"{server.address}/openPages/n"
    with streaming(address) as stream:
        known = stream.next().id
    with streaming(address, headers={"Last-Event-ID": known}) as stream:
        write(writer, "two")
        assert stream.next().data == {"text": "two"}
    with streaming(address, headers={"Last-Event-ID": known}) as stream:
        assert stream.next().data == {"text": "two"}


def test_a_member_who_is_removed_is_told_so_and_nothing_more(
    server: Server, writer: Writer
) -> None:
    write(writer, "one", "ada", "bob")
    address = f"{server.address}/notePages/n"
    with streaming(address, user="bob") as bob, streaming(address, user="ada") as ada:
        assert bob.next().data["text"] == ada.next().data["text"] == "one"
        write(writer, "secret", "ada")
        assert ada.next().data["text"] == "secret"
        last = bob.next()
        assert last.kind == "denied"
        assert "secret" not in str(last)
        assert list(bob) == []


@pytest.mark.parametrize(
    ("path", "user", "status"),
    [
        ("notePages/n", "eve", 403),
        ("notePages/nothing", "eve", 403),
        ("notePages/n", None, 401),
        ("noteUsers/ada/own/page", "bob", 403),
        ("openPages/__x__", None, 400),
        ("nowhere/n", None, 404),
    ],
)
def test_who_may_not_read_gets_no_stream(
    path: str, user: str | None, status: int, server: Server, writer: Writer
) -> None:
    write(writer, "one", "ada")
    headers = {"Accept": "text/event-stream"}
    if user is not None:
        headers["Authorization"] = f"Bearer {user}"
    answer = requests.get(f"{server.address}/{path}", headers=headers, timeout=20)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_list_is_told_each_time_that_it_changes(server: Server, writer: Writer) -> None:
    write(writer, "a", "ada", name="a")
    with streaming(f"{server.address}/notePages", user="ada") as stream:
        assert [item["id"] for item in stream.next().data["items"]] == ["a"]
        write(writer, "b", "bob", "ada", name="b")
        write(writer, "c", "bob", name="c")
        seen = stream.next().data["items"]
        assert [(item["id"], item["fields"]["text"]) for item in seen] == [("a", "a"), ("b", "b")]
        write(writer, "a", "bob", name="a")
        assert [item["id"] for item in stream.next().data["items"]] == ["b"]


def test_a_client_that_comes_back_to_a_list_is_told_only_what_it_does_not_know(
    server: Server, writer: Writer
) -> None:
    write(writer, "a", "ada", name="a")
    address = f"{server.address}/notePages"
    with streaming(address, user="ada") as other, streaming(address, user="ada") as stream:
        known = stream.next().id
        assert other.next().id == known
        with streaming(address, user="ada", headers={"Last-Event-ID": known}) as again:
            write(writer, "b", "ada", name="b")
            later = again.next()
            assert [item["id"] for item in later.data["items"]] == ["a", "b"]
            assert int(later.id) > int(known)
            assert stream.next() == later


def test_a_client_that_reads_nothing_is_cut_and_releases_its_watch(
    server: Server, writer: Writer, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EventStream.__init__.__kwdefaults__, "take_sec", 1.0)
    write(writer, "x" * 900_000)
    host, port = server.address.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.sendall(b"GET /openPages/n HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        eventually(lambda: server.counts.get("watchers") == 1, deadline=20)
        for number in range(4):
            write(writer, f"{number}" * 900_000)
        eventually(lambda: server.counts["watchers"] == 0, deadline=20)
        assert server.counts == {"targets": 0, "streams": 0, "watchers": 0}


def test_one_connection_can_watch_several_documents(server: Server, writer: Writer) -> None:
    write(writer, "one", "ada")
    watch = [
        {"view": "OpenPage", "params": {"note_id": "n"}},
        {"view": "NotePage", "params": {"note_id": "n"}},
        {"view": "OpenPage", "params": {"note_id": "none"}},
    ]
    with streaming(f"{server.address}/stream", user="eve", body={"watch": watch}) as stream:
        told = {event.data["watch"]: event for event in (stream.next() for _ in range(3))}
        assert told[0].data["fields"] == {"text": "one"}
        assert told[1].kind == "denied"
        assert told[2].kind == "missing"
        write(writer, "two", "ada")
        assert stream.next().data["fields"] == {"text": "two"}
    refused = requests.post(f"{server.address}/stream", json={"watch": []}, timeout=10)
    assert refused.status_code == 422


def test_all_clients_share_one_target_and_the_last_one_releases_it(
    server: Server, writer: Writer, eventually: Eventually
) -> None:
    write(writer, "one")
    with ExitStack() as stack:
        streams: list[Stream] = [
            stack.enter_context(streaming(f"{server.address}/openPages/n")) for _ in range(20)
        ]
        assert {stream.next().data["text"] for stream in streams} == {"one"}
        assert server.counts == {"targets": 1, "streams": 1, "watchers": 20}
        write(writer, "two")
        assert {stream.next().data["text"] for stream in streams} == {"two"}
    eventually(lambda: server.counts == {"targets": 0, "streams": 0, "watchers": 0}, deadline=20)


def test_a_stream_ends_before_the_function_and_before_the_token(
    server: Server, short: Server, writer: Writer
) -> None:
    write(writer, "one")
    with streaming(f"{short.address}/openPages/n") as stream:
        assert [event.kind for event in stream] == ["snapshot", "bye"]
    expires = time.time() + 1
    address = f"{server.address}/noteUsers/n/own/page"
    with streaming(address, user=f'n {{"exp": {expires}}}') as stream:
        events = list(stream)
        assert events[-1] == Sent("bye", {"reason": "the ID token expires"})
    assert expires - 0.1 <= time.time() < expires + 2


def test_a_firebase_sdk_gets_messages_and_at_last_a_result(short: Server, writer: Writer) -> None:
    write(writer, "one", "ada")

    def call(data: object, **headers: str) -> requests.Response:
        return requests.post(
            short.address, json={"data": data}, headers=headers, timeout=30, stream=True
        )

    wanted = {"view": "OpenPage", "params": {"note_id": "n"}}
    with streaming(short.address, body={"data": wanted}) as stream:
        events = [event.data for event in stream]
    assert events[0]["message"]["fields"] == {"text": "one"}
    assert events[-1] == {"result": {"ended": "ask again"}}

    # Heartbeats are in the lines: the SDKs for iOS and Android end a stream at a comment.
    stream = call(wanted, Accept="text/event-stream")
    blocks = stream.text.removesuffix("\n\n").split("\n\n")
    assert len(blocks) == 2
    assert all(re.fullmatch(r"data: +\{.*\}", block) for block in blocks), blocks
    assert blocks[1].startswith("data:    ")

    assert call(wanted).json()["result"]["fields"] == {"text": "one"}
    denied = call({**wanted, "view": "NotePage"})
    assert (denied.status_code, denied.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert call({"view": "Nothing"}).json()["error"]["status"] == "INVALID_ARGUMENT"
