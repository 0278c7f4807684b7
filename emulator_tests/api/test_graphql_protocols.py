"""GraphQL by HTTP, server-sent events and WebSocket, with the clients that there are."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connected

from emulator_tests.apps.graph import APP, Task
from emulator_tests.kit.graphql_clients import client
from emulator_tests.kit.http import Http
from emulator_tests.kit.served import served
from emulator_tests.kit.writing import Writer
from onto_fn.api.graphql import websocket
from onto_fn.testing.eventually import Eventually

PROTOCOL: Any = "graphql-transport-ws"
BOARD = 'subscription { board(userId: "ada", taskId: "a") { title } }'
PAGE = 'subscription { taskPage(taskId: "a") { title } }'


class Server:
    """The API on a port, and how many it watches."""

    def __init__(self, http: Http, address: str) -> None:
        self._http = http
        self.address = f"{address}/graphql"

    @property
    def counts(self) -> dict[str, int]:
        hub = self._http.app.hub
        return {} if hub is None else hub.counts


@pytest.fixture
def server(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[Server]:
    http = Http.of(APP, connect(), monkeypatch)
    with served(http.app) as address:
        yield Server(http, address)


def put(writer: Writer, title: str, *who: str, name: str = "a") -> None:
    content = {"title": title, "state": "open", "memberIds": list(who), "watcherIds": [], "rank": 0}
    content["level"] = Task.model_fields["level"].default.value
    APP.engine.handle(writer.database, writer.write(f"graphTasks/{name}", content))


def test_the_audits_of_graphql_http_are_all_passed(server: Server) -> None:
    with client("audit", server.address) as audits:
        found = list(audits)
    statuses = Counter(audit["status"] for audit in found)
    assert statuses == {"ok": 61}, [audit for audit in found if audit["status"] != "ok"]


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_a_client_sees_each_version_and_leaves_nothing_behind(
    protocol: str, server: Server, writer: Writer, eventually: Eventually
) -> None:
    with client(protocol, server.address, query=BOARD, count=4) as board:
        assert board.next() == {"connected": True}
        assert board.next() == {"next": {"data": {"board": None}}}
        put(writer, "one", "ada")
        assert board.next()["next"]["data"] == {"board": {"title": "one"}}
        assert server.counts == {"targets": 1, "streams": 1, "watchers": 1}
        put(writer, "two", "ada")
        assert board.next()["next"]["data"] == {"board": {"title": "two"}}
        APP.engine.handle(writer.database, writer.delete("graphTasks/a"))
        assert board.next() == {"next": {"data": {"board": None}}}
        eventually(lambda: server.counts == {"targets": 0, "streams": 0, "watchers": 0})


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_a_member_who_is_removed_gets_an_error_and_the_end(
    protocol: str, server: Server, writer: Writer
) -> None:
    put(writer, "one", "ada", "bob")
    with (
        client(protocol, server.address, query=PAGE, token="bob") as bob,
        client(protocol, server.address, query=PAGE, token="ada", count=2) as ada,
    ):
        for one in (bob, ada):
            assert one.next() == {"connected": True}
            assert one.next()["next"]["data"] == {"taskPage": {"title": "one"}}
        put(writer, "secret", "ada")
        assert ada.next()["next"]["data"] == {"taskPage": {"title": "secret"}}
        events = list(bob)
    assert events[0]["next"]["data"] == {"taskPage": None}
    assert events[0]["next"]["errors"][0]["extensions"]["code"] == "permission-denied"
    assert events[1] == {"complete": True}
    assert "secret" not in json.dumps(events)


@pytest.mark.parametrize("protocol", ["sse", "ws"])
@pytest.mark.parametrize(
    ("query", "token", "code"),
    [
        (PAGE, "eve", "permission-denied"),
        (PAGE, None, "unauthenticated"),
        ('subscription { taskPage(taskId: "nothing") { title } }', "eve", "permission-denied"),
        ("subscription { taskPages { items { id } } }", None, "unauthenticated"),
        ('subscription { taskPage(taskId: "__x__") { title } }', "ada", "invalid-argument"),
    ],
    ids=["no member", "nobody", "no document", "list", "no path"],
)
def test_who_may_not_watch_gets_an_error(
    protocol: str, query: str, token: str | None, code: str, server: Server, writer: Writer
) -> None:
    put(writer, "one", "ada")
    with client(protocol, server.address, query=query, token=token) as found:
        events = list(found)
    assert events[0] == {"connected": True}
    assert events[1]["next"]["errors"][0]["extensions"]["code"] == code
    assert set(events[1]["next"]["data"].values()) == {None}
    assert events[2] == {"complete": True}


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_a_list_is_watched_as_far_as_it_may_be_listed(
    protocol: str, server: Server, writer: Writer
) -> None:
    put(writer, "one", "ada")
    query = 'subscription { boards(userId: "ada", first: 2) { items { id fields { title } } } }'
    with client(protocol, server.address, query=query, token="ada", count=2) as boards:
        assert boards.next() == {"connected": True}
        items = boards.next()["next"]["data"]["boards"]["items"]
        assert items == [{"id": "a", "fields": {"title": "one"}}]
        put(writer, "two", "ada", name="b")
        items = boards.next()["next"]["data"]["boards"]["items"]
        assert [item["fields"]["title"] for item in items] == ["one", "two"]


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_queries_and_mutations_go_the_same_way(
    protocol: str, server: Server, writer: Writer
) -> None:
    put(writer, "one", "ada")
    mutation = """mutation ($title: String!) {
      boardPatch(id: "p", fields: {task: "a", title: $title}) { board { title } }
    }"""
    with client(
        protocol, server.address, query=mutation, variables={"title": "two"}, token="ada"
    ) as sent:
        events = list(sent)
    assert events[1]["next"]["data"] == {"boardPatch": {"board": {"title": "two"}}}
    assert {"complete": True} in events
    assert writer.content("graphTasks/a")["title"] == "two"


def test_an_invalid_operation_is_an_error_of_the_protocol(server: Server) -> None:
    with client("ws", server.address, query="{ nothing }") as found:
        events = list(found)
    assert "nothing" in events[1]["error"][0]["message"]
    with client("sse", server.address, query="{ nothing }") as found:
        assert "400" in next(event for event in found if "error" in event)["error"]["message"]


def post(server: Server, query: str, accept: str) -> requests.Response:
    sent = {"query": query}
    return requests.post(server.address, json=sent, headers={"Accept": accept}, timeout=20)


def test_a_subscription_is_not_answered_as_json(server: Server) -> None:
    assert post(server, BOARD, "application/json").status_code == 406
    assert post(server, "{ __typename }", "text/html").status_code == 406
    found = post(server, "{ __typename }", "text/html;q=0.1, application/*;q=0.5, text/plain")
    assert found.json() == {"data": {"__typename": "Query"}}


def test_the_stream_ends_with_the_token_and_a_client_may_come_back(
    server: Server, writer: Writer
) -> None:
    put(writer, "one", "ada")
    token = f'ada {{"exp": {time.time() + 2}}}'
    with client("sse", server.address, query=PAGE, token=token) as found:
        events = list(found)
    assert events[1]["next"]["data"] == {"taskPage": {"title": "one"}}
    assert "complete" not in events[-1]
    token = f'ada {{"exp": {time.time() + 2}}}'
    with client("ws", server.address, query=PAGE, token=token) as found:
        events = list(found)
    assert events[1]["next"]["data"] == {"taskPage": {"title": "one"}}
    assert {"closed": 4403} in events


# What a client may send, message by message.


def socket(server: Server, **more: Any) -> ClientConnection:
    address = server.address.replace("http", "ws")
    return connected(address, **{"subprotocols": [PROTOCOL], "open_timeout": 20, **more})


def send(one: ClientConnection, **message: Any) -> None:
    one.send(json.dumps(message))


def receive(one: ClientConnection) -> Any:
    return json.loads(one.recv(timeout=20))


def begin(one: ClientConnection, token: str | None = None) -> None:
    payload = {} if token is None else {"payload": {"Authorization": f"Bearer {token}"}}
    send(one, type="connection_init", **payload)
    assert receive(one) == {"type": "connection_ack"}


def code_of(one: ClientConnection) -> int | None:
    """The code with which the connection is closed."""
    for _ in range(100):
        try:
            one.recv(timeout=20)
        except ConnectionClosed:
            return one.close_code
    raise AssertionError("the connection goes on")


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[]", '{"type": "nothing"}', '{"id": "a"}', '{"type": "complete"}', b"{}",
     '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
     '{"type": "subscribe", "id": "a", "payload": {"query": 1}}',
     '{"type": "subscribe", "id": "a"}'],
)  # fmt: skip
def test_a_message_that_is_none_closes_the_connection(text: Any, server: Server) -> None:
    with socket(server) as one:
        begin(one)
        one.send(text)
        assert code_of(one) == 4400


def test_nobody_subscribes_before_the_connection_is_acknowledged(server: Server) -> None:
    with socket(server) as one:
        send(one, type="subscribe", id="a", payload={"query": "{ __typename }"})
        assert code_of(one) == 4401


def test_a_token_that_is_none_is_forbidden(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from onto_fn.api import application
    from onto_fn.gate.refusal import Refusal

    def refuse(*_: Any) -> Any:
        raise Refusal("unauthenticated", "the ID token is not valid")

    monkeypatch.setattr(application, "caller_of", refuse)
    with socket(server) as one:
        send(one, type="connection_init", payload={"authorization": "Bearer x"})
        assert code_of(one) == 4403


@pytest.mark.parametrize("payload", ["text", [1], {"authorization": 1}])
def test_a_payload_that_is_none_closes_the_connection(payload: Any, server: Server) -> None:
    with socket(server) as one:
        send(one, type="connection_init", payload=payload)
        assert code_of(one) == 4400


def test_another_subprotocol_is_not_acceptable(server: Server) -> None:
    with socket(server, subprotocols=None) as one:
        assert code_of(one) == 4406


def test_the_first_message_must_come_soon(server: Server, monkeypatch: Any) -> None:
    monkeypatch.setattr(websocket, "INIT_SEC", 0.3)
    with socket(server) as one:
        assert code_of(one) == 4408
    with socket(server) as one:
        begin(one)
        send(one, type="ping")
        assert receive(one) == {"type": "pong"}


def test_an_id_is_one_subscription_at_a_time(server: Server, writer: Writer) -> None:
    put(writer, "one", "ada")
    with socket(server) as one:
        begin(one)
        send(one, type="subscribe", id="a", payload={"query": "{ __typename }"})
        kinds = [receive(one)["type"] for _ in range(2)]
        assert kinds == ["next", "complete"]
        send(one, type="subscribe", id="a", payload={"query": BOARD})
        assert receive(one)["payload"]["data"] == {"board": {"title": "one"}}
        send(one, type="complete", id="a")
        send(one, type="subscribe", id="a", payload={"query": BOARD})
        assert receive(one)["payload"]["data"] == {"board": {"title": "one"}}
        send(one, type="subscribe", id="a", payload={"query": BOARD})
        assert code_of(one) == 4409


def test_a_connection_begins_once(server: Server) -> None:
    with socket(server) as one:
        begin(one)
        send(one, type="connection_init")
        assert code_of(one) == 4429


def test_a_ping_is_answered_before_and_after_the_connection_is_acknowledged(
    server: Server,
) -> None:
    with socket(server) as one:
        send(one, type="ping", payload={"a": 1})
        assert receive(one) == {"type": "pong", "payload": {"a": 1}}
        begin(one)
        send(one, type="ping")
        send(one, type="pong")
        assert receive(one) == {"type": "pong"}


def test_a_fault_of_the_server_closes_the_connection(server: Server, monkeypatch: Any) -> None:
    from onto_fn.api.graphql.running import Running

    def fail(*_: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(Running, "prepare", fail)
    with socket(server) as one:
        begin(one)
        send(one, type="subscribe", id="a", payload={"query": "{ __typename }"})
        assert code_of(one) == 4500


def test_a_connection_has_so_many_operations_at_once(
    server: Server, writer: Writer, eventually: Eventually, monkeypatch: Any
) -> None:
    monkeypatch.setattr(websocket, "MAX_OPERATIONS", 3)
    put(writer, "one", "ada")
    with socket(server) as one:
        begin(one)
        for number in range(4):
            send(one, type="subscribe", id=str(number), payload={"query": BOARD})
        told = {message["id"]: message for message in (receive(one) for _ in range(4))}
        assert told["3"]["payload"][0]["extensions"]["code"] == "resource-exhausted"
        assert server.counts == {"targets": 1, "streams": 1, "watchers": 3}
    eventually(lambda: server.counts == {"targets": 0, "streams": 0, "watchers": 0})


def test_a_page_of_another_origin_may_not_connect(server: Server) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus, match="403"):
        socket(server, origin="https://evil.example")
    host = server.address.removeprefix("http://").partition("/")[0]
    with socket(server, origin=f"http://{host}") as one:
        begin(one)


def test_there_is_no_other_websocket(server: Server) -> None:
    from websockets.exceptions import InvalidStatus

    address = server.address.replace("http", "ws").replace("/graphql", "/graphUsers/ada/boards/a")
    with pytest.raises(InvalidStatus, match="403"):
        connected(address, subprotocols=[PROTOCOL])
