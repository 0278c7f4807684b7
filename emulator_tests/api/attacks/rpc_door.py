"""The methods of JSON-RPC as a client of the attacks meets them: real ID tokens, and a server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emulator_tests.access.guards.cases import Case
from emulator_tests.access.guards.sdk import Answer
from emulator_tests.api.attacks.door import plain
from emulator_tests.api.attacks.serving import Server
from onto_fn import App
from onto_fn.firestore.paths import last_segment

REFUSED = {-32001, -32002, -32003, -32004, -32005, -32600, -32601, -32602}
WRITES = {"set", "add", "batch", "transaction", "update", "delete"}


class RpcDoor:
    """Tries the cases by JSON-RPC: each call by itself, in a batch, and as a notification.

    Args:
        server: what serves the app.
        app: its declarations.
        tokens: ID tokens by user.
    """

    def __init__(self, server: Server, app: App, tokens: dict[str, str]) -> None:
        self._server = server
        assert app.offers is not None
        self._offers = app.offers
        self._tokens = tokens

    def answers(self, cases: Iterable[Case]) -> list[tuple[Case, Answer]]:
        """What became of each: "allowed" if any way of trying it got through."""
        return [(case, self._answer(case)) for case in cases]

    def _answer(self, case: Case) -> Answer:
        operation = case.operation()
        if "writes" in operation:  # there is no batch: what it is about is the last of them
            operation |= operation["writes"][-1]
        last = Answer("denied")
        for method, params in self._calls(operation):
            call = {"jsonrpc": "2.0", "method": method, "params": params}
            self._send(call, case.user)  # it is not answered; what it writes is found
            last = _told(self._send({**call, "id": 1}, case.user))
            if last.outcome != "denied":
                return last
            last = _told(self._send([{**call, "id": 1}], case.user)[0])
            if last.outcome != "denied":
                return last
        return last

    def _send(self, message: object, user: str) -> Any:
        body = json.dumps(message).encode()
        sent = self._server.send("POST", "/rpc", token=self._tokens.get(user), body=body)
        if sent.status == 204:
            return None
        if sent.status != 200:
            return {"error": {"code": -32600 if sent.status < 500 else 0, "message": sent.body}}
        return json.loads(sent.body)

    def _calls(self, operation: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The methods that are about a path, and their arguments."""
        path, what = str(operation["path"]), operation["op"]
        if what in WRITES:
            yield from self._writes(path if what != "add" else f"{path}/added", operation)
        for offer in self._offers.views:
            if what == "list" and (found := offer.path.parent.match(path)) is not None:
                name = f"{offer.name}.list"
                yield name, found
                for field, _, value in operation.get("where", ()):
                    yield name, {**found, "where": {field: plain(value)}}
                    yield name, {**found, "order": field}
            elif (found := offer.path.match(path)) is not None:
                name = f"{offer.name}.{'get' if what == 'get' else what}"
                yield name, found
        yield f"{path.partition('/')[0]}.{what}", {"path": path}

    def _writes(
        self, path: str, operation: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        fields = plain(operation.get("fields", {}))
        for offer in self._offers.requests:
            found = offer.path.match(path)
            if found is not None:
                identifier = found.pop(last_segment(offer.path.text)[1:-1])
                given = {"id": identifier, "params": found}
                yield offer.name, {**given, "fields": fields}
                if "fields" not in operation:
                    yield offer.name, given


def _told(answer: Any) -> Answer:
    if "result" in answer:
        return Answer("allowed", "200", value=json.dumps(answer["result"]))
    error = answer["error"]
    outcome = "denied" if error["code"] in REFUSED else "broken"
    return Answer(outcome, str(error["code"]), str(error["message"]))
