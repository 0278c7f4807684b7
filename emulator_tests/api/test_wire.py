"""Bytes that no client would send, at the server that serves the HTTP door."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

import pytest

from emulator_tests.access.guards.cases import ADA, BOB
from emulator_tests.api.attacks.place import Place
from emulator_tests.api.attacks.serving import Server, serving
from onto_fn.api.rest import asked

ids = itertools.count()


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    with serving(place.stored) as running:
        yield running


def answers(server: Server, sent: bytes, *, more: bytes = b"", times: int = 0) -> bytes:
    """What comes back until the server closes, or says no more; "" if there is no answer."""
    with socket.create_connection((server.host, server.port), timeout=2) as connection:
        got = b""
        try:
            connection.sendall(sent)
            for _ in range(times):
                connection.sendall(more)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        try:
            while part := connection.recv(65_536):
                got += part
                connection.settimeout(0.3)
        except (ConnectionResetError, TimeoutError):
            pass
        return got


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def alive(server: Server) -> bool:
    return server.send("GET", "/titles/t1").status == 200


HEAD = b"GET /titles/t1 HTTP/1.1\r\nHost: api\r\nConnection: close\r\n"


def test_a_flood_of_headers_ends_the_connection_and_nothing_else(server: Server) -> None:
    many = answers(server, HEAD, more=b"X-A: b\r\n" * 100, times=1000)
    large = answers(server, HEAD + b"X-A: ", more=b"a" * 65_536, times=100)
    endless = answers(server, b"GET /", more=b"a" * 65_536, times=100)
    assert {status(many), status(large), status(endless)} <= {0, 400, 431}
    assert alive(server)


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1e3\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"X-A: b\r\n c: d\r\n\x00: y\r\n",
        b"X-\x00: y\r\n",
        b"X-A: \x00\r\n",
    ],
)
def test_a_request_of_which_two_could_be_made_is_none(
    place: Place, server: Server, lines: bytes
) -> None:
    name = f"smuggled{next(ids)}"
    smuggled = f"0\r\n\r\nPUT /noteForms/{name} HTTP/1.1\r\nHost: api\r\n".encode()
    smuggled += b'Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{"text":"x"}'
    head = b"PUT /noteForms/first HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
    got = answers(server, head + lines + b"\r\n" + smuggled)
    assert status(got) in {0, 400, 408, 413, 501}, got
    assert not place.exists(f"noteForms/{name}"), got
    assert not place.exists("noteForms/first")
    assert alive(server)


def test_a_body_in_chunks_is_not_taken_beyond_the_limit(place: Place, server: Server) -> None:
    head = b"PUT /noteForms/chunks HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    got = answers(server, head, more=chunk, times=64)
    assert status(got) in {0, 413}, got[:200]
    assert not place.exists("noteForms/chunks")
    assert alive(server)


def test_a_body_that_does_not_come_is_not_waited_for(
    place: Place, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "BODY_SEC", 0.1)
    head = b"PUT /noteForms/slow HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        connection.sendall(head + b'Content-Length: 12\r\n\r\n{"text"')
        assert status(connection.recv(65_536)) == 408
    assert not place.exists("noteForms/slow")


@pytest.mark.parametrize(
    "target",
    [
        b"http://api/profiles/ada",
        b"//profiles/ada",
        b"/profiles/ada#x",
        b"*",
        b"/profiles/\xc3\xa9",
        b"/profiles/ada%",
        b"/profiles/ada%zz",
        b"/profiles/%00ada",
        b"/profiles\\ada",
        b"/profiles/ada?\xff",
        b"/profiles/.%2e/profiles/ada",
    ],
)
def test_an_odd_target_shows_nothing(place: Place, server: Server, target: bytes) -> None:
    token = (place.token(BOB) or "").encode()
    for method in (b"GET", b"HEAD", b"OPTIONS"):
        got = answers(
            server,
            method + b" " + target + b" HTTP/1.1\r\nHost: api\r\nConnection: close\r\n"
            b"Authorization: Bearer " + token + b"\r\n\r\n",
        )
        assert status(got) in {0, 204, 400, 403, 404, 405}, got
        assert b"Blue" not in got
    assert alive(server)


def test_of_two_tokens_none_is_picked_that_opens_more(place: Place, server: Server) -> None:
    bob, ada = ((place.token(user) or "").encode() for user in (BOB, ADA))
    for first, second in ((bob, ada), (ada + b"x.y", ada)):
        got = answers(
            server,
            b"GET /profiles/ada HTTP/1.1\r\nHost: api\r\nConnection: close\r\n"
            b"Authorization: Bearer "
            + first
            + b"\r\nAuthorization: Bearer "
            + second
            + b"\r\n\r\n",
        )
        assert status(got) in {400, 401, 403}, got
    both = answers(
        server,
        b"GET /profiles/ada HTTP/1.1\r\nHost: api\r\nConnection: close\r\n"
        b"Authorization: Bearer " + bob + b", Bearer " + ada + b"\r\n\r\n",
    )
    assert status(both) in {400, 401, 403}


def test_an_answer_to_head_has_no_body(place: Place, server: Server) -> None:
    got = answers(server, b"HEAD" + HEAD[3:] + b"\r\n")
    assert status(got) == 200
    assert got.endswith(b"\r\n\r\n")


def test_a_web_socket_is_refused(server: Server) -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    got = answers(server, b"GET /titles/t1 HTTP/1.1\r\nHost: api\r\n" + upgrade)
    assert b"101" not in got.split(b"\r\n", 1)[0]
    assert alive(server)
