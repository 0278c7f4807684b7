"""The calls made in protobuf's own form: the headers by which Google routes and counts them."""

from typing import Any

import pytest

from onto_fn.firestore.rpc import BatchGetMessage, Calls, CommitMessage, RunQueryMessage

DATABASE = "projects/p/databases/(default)"
PARENT = f"{DATABASE}/documents/users/a"
PREFIX = ("google-cloud-resource-prefix", DATABASE)


class Channel:
    """Keeps the headers of each call."""

    def __init__(self) -> None:
        self.headers: dict[str, dict[str, str]] = {}

    def unary_unary(self, method: str, **_: Any) -> Any:
        def call(request: Any, timeout: float, metadata: Any) -> list[Any]:
            self.headers[method] = dict(metadata)
            return []

        return call

    unary_stream = unary_unary


@pytest.mark.parametrize(
    ("method", "request_", "routed"),
    [
        ("batch_get", BatchGetMessage(database=DATABASE), f"database={DATABASE}"),
        ("run_query", RunQueryMessage(parent=PARENT), f"parent={PARENT}"),
        ("commit", CommitMessage(database=DATABASE), f"database={DATABASE}"),
    ],
)
def test_a_call_names_what_google_routes_it_by(method: str, request_: Any, routed: str) -> None:
    channel = Channel()

    getattr(Calls(channel, [PREFIX]), method)(request_, 1.0)

    (headers,) = channel.headers.values()
    escaped = routed.replace("(", "%28").replace(")", "%29")
    assert headers["x-goog-request-params"] == escaped
    assert "gapic/" in headers["x-goog-api-client"]
    assert headers["google-cloud-resource-prefix"] == DATABASE
