"""The HTTP door as a client of the attacks meets it: real ID tokens, and a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from emulator_tests.access.guards.cases import Case
from emulator_tests.access.guards.sdk import Answer
from emulator_tests.api.attacks.asgi import JSON
from emulator_tests.api.attacks.asgi import Answer as HttpAnswer
from emulator_tests.api.attacks.serving import Server

REFUSED = {400, 401, 403, 404, 405, 409, 413, 415, 422}
METHODS = {
    "get": ("GET", "HEAD"),
    "list": ("GET", "HEAD"),
    "set": ("PUT", "POST"),
    "add": ("PUT", "POST"),
    "batch": ("PUT", "POST"),
    "transaction": ("PUT", "PATCH"),
    "update": ("PATCH", "PUT"),
    "delete": ("DELETE",),
}
"""How a client would try an operation; the first is how it is done."""


class HttpDoor:
    """Tries the cases over HTTP.

    Args:
        server: what serves the app.
        tokens: ID tokens by user.
    """

    def __init__(self, server: Server, tokens: dict[str, str]) -> None:
        self._server = server
        self._tokens = tokens

    def answers(self, cases: Iterable[Case]) -> list[tuple[Case, Answer]]:
        """What became of each: "allowed" if any way of trying it got through."""
        return [(case, self._answer(case)) for case in cases]

    def _answer(self, case: Case) -> Answer:
        operation = case.operation()
        if "writes" in operation:  # there is no batch: what it is about is the last of them
            operation |= operation["writes"][-1]
        last = Answer("denied")
        for target in targets(operation):
            for method in METHODS[case.op]:
                for body in _bodies(operation):
                    sent = self._server.send(
                        method, target, token=self._tokens.get(case.user), body=body, headers=JSON
                    )
                    last = _told(sent)
                    if last.outcome != "denied":
                        return last
        return last


def targets(operation: dict[str, Any]) -> Iterator[str]:
    """The addresses of a path: with each segment encoded, and as it is."""
    paths = [operation["path"]]
    if "group" in operation:
        paths = [operation["group"], f"*/{operation['group']}"]
    if operation["op"] == "add":
        paths = [f"{operation['path']}/added", *paths]
    for path in paths:
        encoded = "/" + "/".join(quote(part, safe="") for part in path.split("/"))
        raw = "/" + quote(path, safe="/%:@*")
        for address in dict.fromkeys((encoded, raw)):
            yield address
            for field, _, value in operation.get("where", ()):
                yield f"{address}?{field}={quote(str(value))}"


def _bodies(operation: dict[str, Any]) -> Iterator[bytes | None]:
    from json import dumps

    yield dumps(plain(operation["fields"])).encode() if "fields" in operation else None


def plain(value: Any) -> Any:
    """What has a form in JSON of its own; the rest, such as an increment, goes as a map."""
    match value:
        case list():
            return [plain(item) for item in value]
        case {"$text": [part, times]}:
            return part * times
        case {"$bytes": text} | {"$time": text} | {"$reference": text} | {"$number": text}:
            return text
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case _:
            return value


def _told(answer: HttpAnswer) -> Answer:
    if answer.is_given:
        return Answer("allowed", str(answer.status), value=answer.body.decode())
    outcome = "denied" if answer.status in REFUSED else "broken"
    return Answer(outcome, str(answer.status), answer.body.decode())
