"""Scenarios of a GraphQL mediator and of a socket, and what serves them as deployed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import requests
from uvicorn import Server
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connected

from emulator_tests.apps.graphql_rainbow.main import app
from emulator_tests.kit.graphql_clients import client
from emulator_tests.kit.http import Http
from emulator_tests.kit.served import served
from emulator_tests.kit.writing import Writer
from onto_fn.api.serving import Served, config_of, listening
from onto_fn.firestore import Document
from onto_fn.observability import Change
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.eventually import Eventually

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "emulator_tests" / "apps" / "graphql_rainbow"
PROTOCOL: Any = "graphql-transport-ws"


@pytest.fixture
def address(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Generator[str]:
    http = Http.of(app, connect(), monkeypatch)
    with served(http.app) as found:
        yield f"{found}/graphql"


def ask(address: str, query: str, user: str | None = None, **variables: Any) -> Any:
    headers = {} if user is None else {"Authorization": f"Bearer {user}"}
    body = {"query": query, "variables": variables}
    answer = requests.post(address, json=body, headers=headers, timeout=30)
    found = answer.json()
    assert "errors" not in found, found
    return found["data"]


def write(writer: Writer, path: str, **fields: Any) -> None:
    app.engine.handle(writer.database, writer.write(path, fields))


def deliver(writer: Writer, path: str) -> None:
    """Deliver the event of a document that a request has created."""
    after = writer.database.get([path])[0][path]
    change = Change(path, Document(path, None, None), after, "created")
    app.engine.handle(writer.database, change)


LOGIN = """mutation ($user_id: ID, $first_name: String!, $last_name: String!, $org: String) {
  loginUser(userId: $user_id, id: "login", fields: {
    firstName: $first_name, lastName: $last_name, org: $org
  }) { userView { token firstName hearingAidRequested } }
}"""
ADDED = {"user_id": "added", "first_name": "Ada", "last_name": "Byron", "org": "UCSD"}


def test_g1_a_query_without_arguments(address: str, writer: Writer) -> None:
    write(writer, "services/main", isUp=True)
    assert ask(address, "query { liveness { alive } }") == {"liveness": {"alive": True}}


def test_g2_a_mutation_answers_with_the_view_of_what_it_made(address: str) -> None:
    assert ask(address, LOGIN, "added", **ADDED) == {
        "loginUser": {
            "userView": {
                "token": "supposed to be token for user added",
                "firstName": "Ada",
                "hearingAidRequested": True,
            }
        }
    }


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_g3_a_subscriber_sees_what_a_mutation_made(
    protocol: str, address: str, writer: Writer
) -> None:
    query = """subscription ($user_id: ID!) {
      userView(userId: $user_id) { firstName lastName organization hearingAidRequested }
    }"""
    with client(
        protocol, address, query=query, variables={"user_id": "added"}, token="added", count=2
    ) as subscriber:
        assert subscriber.next() == {"connected": True}
        assert subscriber.next()["next"]["data"] == {"userView": None}
        ask(address, LOGIN, "added", **ADDED)
        deliver(writer, "graphUsers/added")
        assert subscriber.next()["next"]["data"]["userView"] == {
            "firstName": "Ada",
            "lastName": "Byron",
            "organization": "UCSD",
            "hearingAidRequested": True,
        }


def test_g4_a_query_and_a_subscription_of_the_same_view(address: str, writer: Writer) -> None:
    write(writer, "counters/c", i=1)
    assert ask(address, '{ h(counterId: "c") { i j } }') == {"h": {"i": 1, "j": "number is 1"}}
    query = 'subscription { h(counterId: "c") { i j } }'
    with client("ws", address, query=query, count=6) as subscriber:
        assert subscriber.next() == {"connected": True}
        assert subscriber.next()["next"]["data"] == {"h": {"i": 1, "j": "number is 1"}}
        for number in range(5):
            write(writer, "counters/c", i=number)
            seen = subscriber.next()["next"]["data"]["h"]
            assert seen == {"i": number, "j": f"number is {number}"}


@pytest.mark.parametrize("protocol", ["sse", "ws"])
def test_w2_w3_a_subscriber_sees_the_view_and_then_a_change_of_its_sources(
    protocol: str, address: str, writer: Writer
) -> None:
    for name in ("cian", "magenta", "yellow"):
        write(writer, f"graphColors/{name}", name=name)
    write(writer, "graphRainbows/cian+magenta+yellow")
    query = """subscription { rainbowView(colorNames: "cian+magenta+yellow") {
      rainbowName colors
    } }"""
    with client(protocol, address, query=query, count=2) as subscriber:
        assert subscriber.next() == {"connected": True}
        assert subscriber.next()["next"]["data"]["rainbowView"] == {
            "rainbowName": "cian-magenta-yellow",
            "colors": ["cian", "magenta", "yellow"],
        }
        write(writer, "graphColors/cian", name="cyan")
        assert subscriber.next()["next"]["data"]["rainbowView"] == {
            "rainbowName": "cyan-magenta-yellow",
            "colors": ["cyan", "magenta", "yellow"],
        }


# As deployed


def test_a_process_of_its_own_serves_sockets_and_tells_of_them_without_ids(
    connect: Any, monkeypatch: pytest.MonkeyPatch, writer: Writer, eventually: Eventually
) -> None:
    write(writer, "counters/c", i=1)
    told: list[Served] = []
    http = Http.of(app, connect(), monkeypatch)
    server = Server(config_of(http.app, told.append, grace_sec=1))
    at = listening("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([at],), daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started, deadline=20)
        address = f"http://127.0.0.1:{at.getsockname()[1]}/graphql"
        query = 'subscription { h(counterId: "c") { i } }'
        with client("ws", address, query=query, count=1) as subscriber:
            assert subscriber.next() == {"connected": True}
            assert subscriber.next()["next"]["data"] == {"h": {"i": 1}}
        eventually(lambda: bool(told))
    finally:
        server.should_exit = True
        thread.join(20)
    assert [(one.method, one.route, one.status) for one in told] == [("GET", "graphql", 101)]


@pytest.fixture
def instance(
    project: str, firestore_emulator: EmulatorSuite, eventually: Eventually
) -> Generator[Callable[[str], str]]:
    """Starts instances of functions-framework, by their functions; their addresses."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(function: str) -> str:
        (port,) = free_ports(1)
        program = Path(sys.executable).parent / "functions-framework"
        environ = {
            **os.environ,
            "FIRESTORE_EMULATOR_HOST": firestore_emulator.firestore_host,
            "FUNCTION_TARGET": function,
            "GOOGLE_CLOUD_PROJECT": project,
            "PYTHONPATH": str(ROOT),
        }
        command = [program, "--target", function, "--port", str(port), "--host", "127.0.0.1"]
        processes.append(subprocess.Popen(command, cwd=APP, env=environ))
        found = f"http://127.0.0.1:{port}"

        def answers() -> bool:
            try:
                return requests.get(f"{found}/openapi.json", timeout=5).status_code == 200
            except requests.ConnectionError:
                return False

        eventually(answers, deadline=60)
        return f"{found}/graphql"

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_queries_are_served_by_one_function_and_subscriptions_by_the_other(
    instance: Callable[[str], str], writer: Writer
) -> None:
    write(writer, "counters/c", i=1)
    api, streams = instance("onto_api"), instance("onto_stream")
    query = 'subscription { h(counterId: "c") { i } }'

    assert ask(api, '{ h(counterId: "c") { i } }') == {"h": {"i": 1}}
    with client("sse", streams, query=query, count=2) as subscriber:
        assert subscriber.next() == {"connected": True}
        assert subscriber.next()["next"]["data"] == {"h": {"i": 1}}
        write(writer, "counters/c", i=2)
        assert subscriber.next()["next"]["data"] == {"h": {"i": 2}}
    headers = {"Accept": "text/event-stream"}
    refused = requests.post(api, json={"query": query}, headers=headers, timeout=20)
    assert refused.status_code == 400
    assert "onto_stream" in refused.text
    with pytest.raises(InvalidStatus, match="403"):  # functions have no WebSocket
        connected(api.replace("http", "ws"), subprotocols=[PROTOCOL])
