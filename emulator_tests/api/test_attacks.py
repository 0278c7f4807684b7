"""The attacks on the security rules at each door: under the rules themselves, and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from google.cloud.firestore import Client

from emulator_tests.access.guards.cases import Case, allowed, attacks
from emulator_tests.access.guards.guarded import Guarded
from emulator_tests.access.guards.sdk import Answer, Sdk
from emulator_tests.api.attacks import guarded
from emulator_tests.api.attacks.asgi import served
from emulator_tests.api.attacks.door import HttpDoor
from emulator_tests.api.attacks.graphql import GraphQLDoor
from emulator_tests.api.attacks.place import domain
from emulator_tests.api.attacks.rpc_door import RpcDoor
from emulator_tests.api.attacks.serving import serving
from emulator_tests.apps import guarded as app
from onto_fn import App
from onto_fn.api import GraphQL, Streams
from onto_fn.editing import Database
from onto_fn.generate import rules_text
from onto_fn.testing import EmulatorSuite

RULES = rules_text(app.app)


class Door(Protocol):
    def answers(self, cases: Iterable[Case]) -> list[tuple[Case, Answer]]: ...


@dataclass(frozen=True)
class Expected:
    """Where a door differs from the rules.

    Attributes:
        passed: attacks that are answered, and the ids of what they see; "" if nothing is shown.
        closed: what the rules allow and the door does not offer.
    """

    passed: dict[str, str]
    closed: set[str]


# The gate asks for a member's own documents by itself; a text is the JSON form of a time; and a
# request that is put again is answered as the first was, and changes nothing.
NARROWED = {"ada: list boards": "t1", "list the boards of another": ""}
JSON_FORMS = {"a text as a time"}
GRAPHQL_FORMS = {"a text as a list"}  # which GraphQL reads as a list of one
AGAIN = {"replay a request"}
NO_ADDRESS = {"admin: list */audits", "ada: get users/ada/sheetForms/done"}
NO_ADDRESS |= {"admin: get teamForms/done", "a sheet with the server's time"}
DOORS = {
    "rules": Expected({}, set()),
    "http": Expected(NARROWED | dict.fromkeys(AGAIN, ""), NO_ADDRESS),
    "http, computed": Expected(
        dict.fromkeys(AGAIN, ""),
        NO_ADDRESS
        | {"nobody: list titles", "bob: list lobbies", "admin: list boards"}
        | {"list one's own boards", "gold: list teams/t1/audits"},
    ),
    "graphql": Expected(NARROWED | dict.fromkeys(AGAIN, ""), NO_ADDRESS),
    "graphql, watched": Expected(NARROWED | dict.fromkeys(AGAIN, ""), NO_ADDRESS),
    "json-rpc": Expected(NARROWED | dict.fromkeys(AGAIN, ""), NO_ADDRESS),
}


@pytest.mark.parametrize("name", DOORS)
def test_every_attack_is_denied_and_what_is_declared_is_allowed_at_each_door(
    emulators: EmulatorSuite,
    sdk: Sdk,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable, value in emulators.environ().items():
        monkeypatch.setenv(variable, value)
    under_rules = Guarded(emulators, sdk, sign_in=True)
    under_rules.under(RULES)
    domain(under_rules.client)
    expected, is_http = DOORS[name], name != "rules"
    forms = (JSON_FORMS if is_http else set()) | (GRAPHQL_FORMS if "graphql" in name else set())
    tried = [case for case in attacks() if case.name not in forms]

    with opened(name, under_rules) as door:
        before = content(under_rules.client)
        denied = door.answers(tried)
        after = content(under_rules.client)
        passed = door.answers(allowed())

    through = {
        case.name: shown(answer)
        for case, answer in denied
        if answer.outcome == "allowed" or not (is_http or answer.code == case.code)
    }
    broken = [(case.name, answer) for case, answer in denied if answer.outcome == "broken"]
    refused = {case.name for case, answer in passed if answer.outcome != "allowed"}
    with capsys.disabled():
        print(
            f"\n{name}: attacks denied {len(denied) - len(through)} of {len(denied)} "
            f"({len(expected.passed)} are answered without a harm), "
            f"allowed cases {len(passed) - len(refused)} of {len(passed)}"
        )
    assert (through, broken, refused) == (expected.passed, [], expected.closed)
    assert {path for path in before | after if before.get(path) != after.get(path)} == set()
    assert len(denied) >= 60


@contextmanager
def opened(name: str, under_rules: Guarded) -> Iterator[Door]:
    if name == "rules":
        yield under_rules
        return
    database = Database(under_rules.project)
    by_graphql = {"graphql": GraphQL(), "streams": Streams()} if "graphql" in name else {}
    offered: App = guarded.live() if "computed" in name else guarded.stored(**by_graphql)
    with serving(served(offered, database)) as server:
        if by_graphql:
            watches = name.endswith("watched")
            yield GraphQLDoor(server, offered, under_rules.tokens, watches=watches)
        elif name == "json-rpc":
            yield RpcDoor(server, offered, under_rules.tokens)
        else:
            yield HttpDoor(server, under_rules.tokens)
    database.close()


def content(client: Client) -> dict[str, Any]:
    """Every document, and when it was written."""

    def below(collections: Iterable[Any]) -> Iterator[tuple[str, Any]]:
        for collection in collections:
            for reference in collection.list_documents():
                snapshot = reference.get()
                if snapshot.exists:
                    yield reference.path, snapshot.update_time
                yield from below(reference.collections())

    return dict(below(client.collections()))


def shown(answer: Answer) -> str:
    """The ids in a list; "" for what shows no document."""
    if answer.outcome != "allowed":
        return f"{answer.outcome} {answer.code}"
    value = json.loads(answer.value) if isinstance(answer.value, str) else {}
    if value.get("state") == "done":
        return ""
    return " ".join(item["id"] for item in value["items"]) if "items" in value else str(value)
