"""`EndpointSink` and a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator_tests.kit.domain import GroupView
from emulator_tests.kit.sending import creations, deliver, entries
from emulator_tests.kit.writing import Writer
from onto_fn import App, RetryPolicy, ViewMediator
from onto_fn.errors import RetriesExhausted
from onto_fn.messaging import EndpointSink, Inbox, Message, Receipt
from onto_fn.observability import Result
from onto_fn.testing.emulators.config import free_ports

GROUP, VIEW = "groups/ä g", "groupViews/ä g"


@dataclass
class Endpoint:
    """A server that keeps the requests it gets, and answers as it is told."""

    url: str = ""
    statuses: list[int] = field(default_factory=list[int])
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list[Any])
    hold: threading.Event | None = None

    @property
    def messages(self) -> list[Message]:
        return [Message.from_http(headers, body) for headers, body in self.requests]


@pytest.fixture
def endpoint() -> Generator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            endpoint.requests.append((dict(self.headers), body))
            if endpoint.hold is not None:
                endpoint.hold.wait(2)  # longer than the timeout of a test
            self.send_response(endpoint.statuses.pop(0) if endpoint.statuses else 204)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/hook?key=secret"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield endpoint
    server.shutdown()
    server.server_close()


@pytest.fixture
def app_of(quick: RetryPolicy) -> Callable[[EndpointSink], App]:
    return lambda sink: App([ViewMediator(GroupView, sends=[sink])], retry=quick)


@pytest.fixture
def app(endpoint: Endpoint, app_of: Callable[[EndpointSink], App]) -> App:
    return app_of(EndpointSink(endpoint.url))


def change_group(app: App, writer: Writer, title: str = "here") -> None:
    app.handle_change(writer.database, writer.write(GROUP, {"title": title}))


def test_a_message_is_a_cloudevent_in_binary_mode(
    app: App, endpoint: Endpoint, writer: Writer
) -> None:
    change_group(app, writer)
    [entry] = entries(writer)

    [outcome] = deliver(app, writer)

    [(headers, body)] = endpoint.requests
    assert outcome.result is Result.SENT
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"] == "fn.onto.document.written"
    assert headers["ce-subject"] == "groupViews/%C3%A4%20g"
    assert headers["Content-Type" if "Content-Type" in headers else "content-type"] == (
        "application/json"
    )
    assert headers["Idempotency-Key"] == headers["ce-id"] == entry.id
    assert body == b'{"names":[],"title":"here","towns":[]}'
    assert endpoint.messages[0].subject == VIEW


def test_a_deletion_is_a_message_without_data(app: App, endpoint: Endpoint, writer: Writer) -> None:
    change_group(app, writer)
    app.handle_change(writer.database, writer.delete(GROUP))

    app.handle_change(writer.database, creations(writer)[1])

    assert [message.type for message in endpoint.messages] == [
        "fn.onto.document.written",
        "fn.onto.document.deleted",
    ]
    assert endpoint.messages[1].data is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_a_passing_fault_is_tried_again(
    status: int, app: App, endpoint: Endpoint, writer: Writer
) -> None:
    change_group(app, writer)
    endpoint.statuses = [status]

    [outcome] = deliver(app, writer)

    first, second = endpoint.requests
    assert outcome.result is Result.SENT
    assert first == second


def test_a_fault_that_lasts_is_raised_and_the_message_comes_later(
    app: App, endpoint: Endpoint, writer: Writer
) -> None:
    change_group(app, writer)
    endpoint.statuses = [503] * 3
    with pytest.raises(RetriesExhausted, match="answers 503"):
        deliver(app, writer)

    [outcome] = deliver(app, writer)

    assert outcome.result is Result.SENT
    assert len({message.id for message in endpoint.messages}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 302])
def test_a_refusal_is_a_dead_letter_that_a_replay_resolves_once_it_is_mended(
    status: int, app: App, endpoint: Endpoint, writer: Writer
) -> None:
    change_group(app, writer)
    endpoint.statuses = [status]

    [outcome] = deliver(app, writer)

    assert outcome.result is Result.DEAD_LETTER
    assert f"refuses the message with {status}" in outcome.error
    assert "secret" not in outcome.error
    assert len(endpoint.requests) == 1
    [letter] = writer.dead_letters()
    assert app.replay(letter.rpartition("/")[2], writer.database) is None
    assert endpoint.messages[0] == endpoint.messages[1]
    assert (entries(writer), writer.dead_letters()) == ([], {})


def test_a_server_that_is_away_is_a_passing_fault(
    app_of: Callable[[EndpointSink], App], writer: Writer
) -> None:
    app = app_of(EndpointSink(f"http://127.0.0.1:{free_ports(1)[0]}/hook?key=secret"))
    change_group(app, writer)

    with pytest.raises(RetriesExhausted, match="does not answer: ConnectionError") as raised:
        deliver(app, writer)

    assert "secret" not in str(raised.value)
    assert len(entries(writer)) == 1


def test_a_server_that_does_not_answer_in_time_is_a_passing_fault(
    app_of: Callable[[EndpointSink], App], endpoint: Endpoint, writer: Writer
) -> None:
    endpoint.hold = threading.Event()
    app = app_of(EndpointSink(endpoint.url, timeout=0.1))
    change_group(app, writer)

    with pytest.raises(RetriesExhausted, match="does not answer: ReadTimeout"):
        deliver(app, writer)

    endpoint.hold.set()
    assert len(entries(writer)) == 1


def test_credentials_are_asked_for_at_each_delivery(
    app_of: Callable[[EndpointSink], App], endpoint: Endpoint, writer: Writer
) -> None:
    tokens = iter(["one", "two"])
    sink = EndpointSink(
        endpoint.url, authenticate=lambda: {"Authorization": f"Bearer {next(tokens)}", "ce-id": "x"}
    )
    app = app_of(sink)
    change_group(app, writer)
    endpoint.statuses = [503]

    deliver(app, writer)

    assert [headers["Authorization"] for headers, _ in endpoint.requests] == [
        "Bearer one",
        "Bearer two",
    ]
    assert {message.id for message in endpoint.messages} != {"x"}


def test_what_is_delivered_twice_is_applied_once(
    app: App, endpoint: Endpoint, writer: Writer
) -> None:
    change_group(app, writer)
    endpoint.statuses = [503]  # the receiver has it, and says that it has not
    deliver(app, writer)
    inbox = Inbox(writer.database, "receiver")

    receipts = [inbox.process(message, lambda _: []) for message in endpoint.messages]

    assert receipts == [Receipt.PROCESSED, Receipt.DUPLICATE]


def test_a_message_about_a_path_that_is_longer_than_a_header_arrives(
    app: App, endpoint: Endpoint, writer: Writer
) -> None:
    identifier = "é" * 700
    app.handle_change(writer.database, writer.write(f"groups/{identifier}", {"title": "long"}))

    [outcome] = deliver(app, writer)

    assert outcome.result is Result.SENT
    [message] = endpoint.messages
    assert (message.subject, message.data["title"]) == (f"groupViews/{identifier}", "long")
