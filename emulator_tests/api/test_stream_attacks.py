"""The attacks that read, by streams: none begins, and none shows a document."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from emulator_tests.access.guards.cases import ADA, CLAIMS, NOBODY, attacks
from emulator_tests.api.attacks import guarded
from emulator_tests.api.attacks.asgi import served
from emulator_tests.api.attacks.door import targets
from emulator_tests.api.attacks.place import Place
from emulator_tests.api.attacks.serving import Server, begins, serving
from onto_fn.api import Streams

VIEWS = {
    "lobbies": ("Lobby", "team_id"),
    "boards": ("Board", "team_id"),
    "guestBooks": ("GuestBook", "team_id"),
    "profiles": ("Profile", "team_id"),
    "secrets": ("Secret", "team_id"),
}


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Server]:
    app = guarded.stored(streams=Streams(timeout_sec=5, beat_sec=1, own_function=False))
    with serving(served(app, place.database)) as running:
        yield running


def test_a_stream_shows_what_one_may_read(place: Place, server: Server) -> None:
    token, board = place.token(ADA), {"view": "Board", "params": {"team_id": "t1"}}
    for method, target, body in (
        ("GET", "/boards/t1", None),
        ("GET", "/boards", None),
        ("POST", "/stream", {"watch": [board]}),
        ("POST", "/", {"data": board}),
    ):
        got = begins(server, method, target, token, body)
        assert got.startswith("200"), (target, got)
        assert "Blue" in got, (target, got)


def test_a_stream_shows_nothing_that_a_request_would_not(place: Place, server: Server) -> None:
    tried = 0
    for case in attacks():
        if case.op not in {"get", "list"} or case.name in {
            "ada: list boards",
            "list the boards of another",
        }:
            continue
        for target in targets(case.operation()):
            got = begins(server, "GET", target, place.token(case.user), None)
            assert got[:3] in {"400", "401", "403", "404", "405", "406"}, (case.name, got)
            assert "Blue" not in got, case.name
            tried += 1
    assert tried >= 60


def test_what_no_request_may_read_neither_several_at_once_nor_the_sdk_may_watch(
    place: Place, server: Server
) -> None:
    tried = 0
    for case in attacks():
        if case.op != "get":
            continue
        path, token = case.operation()["path"], place.token(case.user)
        for view in guarded.OPEN:
            params = view.__path__.match(path)
            if params is None:
                continue
            watch = {"view": view.__name__, "params": params}
            for target, body in (("/stream", {"watch": [watch]}), ("/", {"data": watch})):
                got = begins(server, "POST", target, token, body)
                assert not {"Blue", "snapshot", "missing"} & set(re.findall(r"\w+", got)), case
                assert re.search(r"denied|DENIED|UNAUTHENTICATED|INVALID", got), (case, got)
                tried += 1
    assert tried >= 20


@pytest.mark.parametrize("user", [NOBODY, *CLAIMS])
def test_several_at_once_and_the_firebase_sdk_see_no_more(
    place: Place, server: Server, user: str
) -> None:
    token = place.token(user)
    for collection, (view, variable) in VIEWS.items():
        for name in ("t1", "t2", "none", ADA, "__x__", "../boards/t1"):
            alone = server.send("GET", f"/{collection}/{name.replace('/', '%2F')}", token=token)
            if alone.is_given:
                continue
            params = {"view": view, "params": {variable: name}}
            several = begins(server, "POST", "/stream", token, {"watch": [params]})
            called = begins(server, "POST", "/", token, {"data": params})
            for got in (several, called):
                assert "Blue" not in got, (user, collection, name, got)
                assert "snapshot" not in got, (user, collection, name, got)


def test_by_streams_nobody_learns_whether_a_document_exists(place: Place, server: Server) -> None:
    for user in (NOBODY, "bob", "gold"):
        token = place.token(user)
        for view, variable in VIEWS.values():
            if view in {"Lobby"} and user != NOBODY:
                continue
            answers = [
                begins(server, "POST", target, token, body)
                for name in ("t1", "nothing")
                for target, body in (
                    ("/", {"data": {"view": view, "params": {variable: name}}}),
                    ("/stream", {"watch": [{"view": view, "params": {variable: name}}]}),
                )
            ]
            shown = [answer[answer.find("event") :] for answer in answers]
            assert shown[:2] == shown[2:], (user, view, answers)
