"""The GraphQL door as a client of the attacks meets it: an operation for each path it knows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLSchema

from emulator_tests.access.guards.cases import Case
from emulator_tests.access.guards.sdk import Answer
from emulator_tests.api.attacks.door import plain
from emulator_tests.api.attacks.serving import Server, begins
from onto_fn import App
from onto_fn.api.graphql.names import field_of, plural_of
from onto_fn.api.graphql.schema import schema_of
from onto_fn.gate.offers import RequestOffer, ViewOffer

ADDRESS = "/graphql"
FAULTS = {"internal", "unavailable", "deadline-exceeded", "resource-exhausted"}
Sent = tuple[str, dict[str, Any]]
"""An operation, and its variables."""


class GraphQLDoor:
    """Tries the cases by GraphQL.

    Args:
        server: what serves the app.
        app: the app.
        tokens: ID tokens by user.
        watches: whether what is read is subscribed to, over server-sent events.
    """

    def __init__(
        self, server: Server, app: App, tokens: dict[str, str], *, watches: bool = False
    ) -> None:
        assert app.offers is not None
        self._server = server
        self._tokens = tokens
        self._watches = watches
        self._offers = app.offers
        self._schema = schema_of(app.offers, streams=True)

    def answers(self, cases: Iterable[Case]) -> list[tuple[Case, Answer]]:
        """What became of each: "allowed" if any way of trying it got through."""
        return [(case, self._answer(case)) for case in cases]

    def _answer(self, case: Case) -> Answer:
        operation = case.operation()
        if "writes" in operation:  # there is no batch: what it is about is the last of them
            operation |= operation["writes"][-1]
        last = Answer("denied", "no operation")
        for sent in self._operations(operation):
            last = self._send(sent, self._tokens.get(case.user))
            if last.outcome != "denied":
                return last
        return last

    def _operations(self, operation: dict[str, Any]) -> Iterator[Sent]:
        """All operations that are about the path of a case."""
        paths = [operation.get("group") or operation["path"]]
        if operation["op"] == "add":
            paths = [f"{operation['path']}/added"]
        for path in paths:
            segments = path.split("/")
            if operation["op"] in {"get", "list"}:  # nothing else is about a view
                for view in self._offers.views:
                    yield from self._of_view(view, segments, operation)
                continue
            for request in self._offers.requests:
                params = _match(request.path.segments, segments)
                if params is not None:
                    yield _mutation(self._schema, request, params, operation)

    def _of_view(
        self, view: ViewOffer, segments: Sequence[str], operation: dict[str, Any]
    ) -> Iterator[Sent]:
        kind = "subscription" if self._watches else "query"
        fields: Any = self._schema.subscription_type if self._watches else self._schema.query_type
        known = fields.fields if fields is not None else {}
        name = field_of(view.name)
        params = _match(view.path.segments, segments)
        if params is not None and name in known:
            yield _operation(kind, name, known[name].type, params)
        params = _match(view.path.parent.segments, segments)
        if params is not None and plural_of(name) in known:
            listed = known[plural_of(name)]
            yield _operation(kind, plural_of(name), listed.type, params)
            where = {name: value for name, _, value in operation.get("where", ())}
            if where and "where" in listed.args:
                yield _operation(kind, plural_of(name), listed.type, params, where)

    def _send(self, sent: Sent, token: str | None) -> Answer:
        query, variables = sent
        body = {"query": query, "variables": variables}
        if self._watches:
            text = begins(self._server, "POST", ADDRESS, token, body)
            status, _, rest = text.partition(" ")
            found = rest.partition("data:")[2].strip() if "data:" in rest else rest
        else:
            given = json.dumps(body).encode()
            answer = self._server.send("POST", ADDRESS, token=token, body=given)
            status, found = str(answer.status), answer.body.decode()
        return _told(status, json.loads(found or "{}"))


def _told(status: str, content: dict[str, Any]) -> Answer:
    codes = {error["extensions"]["code"] for error in content.get("errors", ())}
    data = content.get("data") or {}
    shown = next(iter(data.values()), None)
    if shown is not None:
        return Answer("allowed", status, value=json.dumps(shown))
    if int(status) >= 500 or codes & FAULTS:
        return Answer("broken", status, json.dumps(content))
    if data and not codes:  # there is no such document, for somebody who may know it
        return Answer("denied", "not-found")
    return Answer("denied", " ".join(sorted(codes)))


def _operation(kind: str, name: str, type_: Any, params: dict[str, str], where: Any = None) -> Sent:
    arguments = [f"{_argument(key)}: {json.dumps(value)}" for key, value in params.items()]
    if where is not None:
        conditions = ", ".join(f"{key}: {json.dumps(value)}" for key, value in where.items())
        arguments.append(f"where: {{{conditions}}}")
    given = f"({', '.join(arguments)})" if arguments else ""
    return f"{kind} {{ {name}{given} {_selection(type_)} }}", {}


def _mutation(
    schema: GraphQLSchema, request: RequestOffer, params: dict[str, str], operation: dict[str, Any]
) -> Sent:
    assert schema.mutation_type is not None
    field = schema.mutation_type.fields[field_of(request.name)]
    last = request.path.segments[-1][1:-1]
    arguments = [
        f"{'id' if key == last else _argument(key)}: {json.dumps(value)}"
        for key, value in params.items()
    ]
    head, variables = "", {}
    if "fields" in field.args:
        head, variables = (
            f"($f: {field.args['fields'].type})",
            {"f": plain(operation.get("fields", {}))},
        )
        arguments.append("fields: $f")
    name = field_of(request.name)
    return f"mutation {head} {{ {name}({', '.join(arguments)}) {{ state }} }}", variables


def _argument(variable: str) -> str:
    first, *rest = variable.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _selection(type_: Any) -> str:
    while isinstance(type_, GraphQLNonNull | GraphQLList):
        type_ = type_.of_type
    if not isinstance(type_, GraphQLObjectType):
        return ""
    fields = (f"{name} {_selection(field.type)}" for name, field in type_.fields.items())
    return f"{{ {' '.join(fields)} }}"


def _match(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    pairs = list(zip(template, segments, strict=True))
    if any(not wanted.startswith("{") and wanted != segment for wanted, segment in pairs):
        return None
    return {wanted[1:-1]: segment for wanted, segment in pairs if wanted.startswith("{")}
