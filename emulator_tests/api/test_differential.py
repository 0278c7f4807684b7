"""Random apps at both doors: what HTTP lets through, the security rules do.

`ONTO_DIFFERENTIAL=300` tries 300 apps in place of those that each run tries.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
import requests
from google.cloud.firestore import Client
from google.protobuf.json_format import MessageToDict
from hypothesis import HealthCheck, Phase, example, given, settings

from emulator_tests.api.attacks.asgi import Answer, send, served
from emulator_tests.api.attacks.place import emulated
from emulator_tests.api.attacks.tokens import token_of
from emulator_tests.api.attacks.worlds import MAPPED, Try, World, kinds_of_members, worlds
from onto_fn.access import Claim, Members, can_list
from onto_fn.editing import Database
from onto_fn.errors import InvalidPath
from onto_fn.firestore.json import json_text, plain
from onto_fn.firestore.values import encode_fields
from onto_fn.generate import rules_text
from onto_fn.testing import EmulatorSuite

APPS = int(os.environ.get("ONTO_DIFFERENTIAL", "40"))


class Doors:
    """One database for the functions, and one under the rules, with the same documents."""

    def __init__(self, suite: EmulatorSuite, project: str) -> None:
        self.suite = suite
        self.project = project
        self.ruled = f"{self.project}-ruled"
        self.clients = [suite.client(project_id=name) for name in (self.project, self.ruled)]
        self.database = Database(self.project)
        self.session = requests.Session()
        self.counts: Counter[str] = Counter()
        self.app: Any = None
        self.put: set[str] = set()

    def open(self, world: World) -> None:
        self.put.clear()
        for client in self.clients:
            clear(self.suite, client)
            batch = client.batch()
            for path, fields in world.documents.items():
                batch.set(client.document(path), dict(fields))
            batch.commit()
        self.suite.load_rules(rules_text(world.app), project_id=self.ruled)
        self.app = served(world.app, self.database)

    def token(self, tried: Try) -> str | None:
        return None if tried.uid is None else token_of(self.project, tried.uid, **tried.claims)

    def http(self, tried: Try, method: str, path: str, body: object = None) -> Answer:
        encoded = "/" + "/".join(quote(part, safe="") for part in path.split("/"))
        answer = send(self.app, method, encoded, token=self.token(tried), body=body)
        assert answer.status < 500, (tried, answer)
        return answer

    def rules(self, tried: Try, rest: str, body: object = None) -> tuple[int, Any]:
        """The answer of Firestore to a client."""
        token = self.token(tried)
        answer = self.session.request(
            "GET" if body is None else "POST",
            f"http://{self.suite.firestore_host}/v1/{self.documents}{rest}",
            json=body,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=20,
        )
        return answer.status_code, answer.json()

    @property
    def documents(self) -> str:
        return f"projects/{self.ruled}/databases/(default)/documents"


def clear(suite: EmulatorSuite, client: Client) -> None:
    place = f"projects/{client.project}/databases/(default)/documents"
    requests.delete(f"http://{suite.firestore_host}/emulator/v1/{place}", timeout=20)


@pytest.fixture(scope="module")
def doors(firestore_emulator: EmulatorSuite) -> Iterator[Doors]:
    with emulated(firestore_emulator) as project:
        opened = Doors(firestore_emulator, project)
        yield opened
        opened.database.close()


@settings(
    max_examples=APPS,
    deadline=None,
    derandomize="ONTO_DIFFERENTIAL" not in os.environ,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.target],
)
@example(world=kinds_of_members("member_ids", MAPPED))
@example(world=kinds_of_members("guests", MAPPED))
@given(world=worlds())
def test_http_lets_nothing_through_that_the_rules_do_not(doors: Doors, world: World) -> None:
    doors.open(world)
    for tried in world.tries:
        CHECKS[tried.op](doors, world, tried)
        doors.counts["tried"] += 1


def test_both_doors_were_seen_open_and_closed(
    doors: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\n{APPS} apps: {dict(sorted(doors.counts.items()))}")
    for op in CHECKS:
        assert doors.counts[f"{op}: both let through"] >= 10
        assert doors.counts[f"{op}: both refuse"] >= 10


def get(doors: Doors, world: World, tried: Try) -> None:
    path = rendered(tried)
    if path is None:
        return
    status, _ = doors.rules(tried, "/" + "/".join(quote(p, safe="") for p in path.split("/")))
    answer = doors.http(tried, "GET", path)
    by_rules, by_http = status in {200, 404}, answer.status in {200, 404}
    assert by_rules or not by_http, (tried, path, status, answer)
    if by_http:
        assert answer.status == status, (tried, path)
    if answer.status == 200:
        assert answer.body.decode() == json_text(world.documents[path])
    agree(doors, tried, by_rules, by_http, world.documents.get(path))


def list_(doors: Doors, world: World, tried: Try) -> None:
    path = rendered(tried)
    if path is None:
        return
    collection = path.rpartition("/")[0]
    parts = [p for p in tried.model.__read__.alternatives() if can_list(p, tried.model.__path__)]
    conditions: list[str | None] = [None]
    conditions += [p.field for p in parts if isinstance(p, Members)] if tried.uid else []
    found: set[str] = set()
    by_rules = False
    for condition in conditions:
        ids = listed(doors, tried, collection, condition)
        by_rules = by_rules or ids is not None
        found |= ids or set()
    answer = doors.http(tried, "GET", collection)
    if not tried.model.__path__.segments[-1].startswith("{"):
        assert answer.status == 404
    by_http = answer.status == 200
    assert by_rules or not by_http, (tried, collection, answer)
    if by_http:
        ids = {item["id"] for item in answer.json["items"]}
        assert ids <= found, (tried, collection)
        assert ids == found or narrower(tried, None), (tried, collection, found - ids)
    agree(doors, tried, by_rules, by_http, None)


def listed(doors: Doors, tried: Try, collection: str, field: str | None) -> set[str] | None:
    """The ids that a query finds, of a field's list if one is named; None if it is denied."""
    parent, _, last = collection.rpartition("/")
    query: dict[str, Any] = {"from": [{"collectionId": last}]}
    if field is not None:
        query["where"] = {
            "fieldFilter": {
                "field": {"fieldPath": field},
                "op": "ARRAY_CONTAINS",
                "value": {"stringValue": tried.uid},
            }
        }
    place = "/" + "/".join(quote(p, safe="") for p in parent.split("/")) if parent else ""
    status, content = doors.rules(tried, f"{place}:runQuery", {"structuredQuery": query})
    if status != 200:
        return None
    return {item["document"]["name"].rpartition("/")[2] for item in content if "document" in item}


def create(doors: Doors, world: World, tried: Try) -> None:
    path = rendered(tried, raw=True)
    parent, _, name = path.rpartition("/")
    if path in doors.put:  # a repetition, which the rules deny, is answered as the first was
        return
    doors.put.add(path)
    is_path = rendered(tried) is not None
    body = tried.body if tried.body is not None else in_json(tried.fields)
    text = json.dumps(body).encode()  # which may have NaN
    answer = doors.http(tried, "PUT", path, text) if "/" not in name else Answer(400)
    stored = written(doors, path) if is_path else None
    by_http = stored is not None
    assert by_http or answer.status >= 400, (tried, answer)
    place = "/".join(quote(part, safe="") for part in parent.split("/"))
    target = f"/{place}?documentId={quote(name, safe='')}"
    if by_http:  # what has become of it is what a client would have written
        status, content = doors.rules(tried, target, encoded(doors, stored))
        assert status == 200 or "already exists" in str(content), (tried, path, stored, content)
        doors.counts["create: both let through"] += 1
        return
    if tried.body is not None or not is_path:
        doors.counts["create: both refuse"] += 1
        return
    status, content = doors.rules(tried, target, encoded(doors, tried.fields))
    agree(doors, tried, status == 200, by_http, tried.fields)


CHECKS = {"get": get, "list": list_, "create": create}


def agree(doors: Doors, tried: Try, by_rules: bool, by_http: bool, about: Any) -> None:
    """Both decide alike, but for reasons that are known."""
    if by_rules == by_http:
        doors.counts[f"{tried.op}: both {'let through' if by_http else 'refuse'}"] += 1
        return
    assert by_rules, (tried, about)
    reason = narrower(tried, about)
    assert reason, ("the rules allow what HTTP refuses", tried, about)
    doors.counts[f"{tried.op}: rules alone, {reason}"] += 1


def narrower(tried: Try, about: Any) -> str:
    """Why HTTP refuses what the rules allow; "" if there is no reason."""
    access = tried.model.__create__ if tried.op == "create" else tried.model.__read__
    for part in access.alternatives():
        if isinstance(part, Claim) and part.name == "uid":
            return "`uid` is no claim of the Admin SDK's"
        is_list = isinstance(part, Members) and not part.is_map
        if is_list and isinstance((about or {}).get(part.field), Mapping):
            return "the field is declared a list and is a map"
    if tried.op == "create" and "which" in about and len(about) == 1:
        return "the patch sets nothing"
    if tried.op == "create" and any(isinstance(v, str) for v in about.values()):
        return "the text is no path"
    return ""


def rendered(tried: Try, *, raw: bool = False) -> Any:
    template = tried.model.__path__
    if raw:
        parts = [tried.params[p[1:-1]] if p[0] == "{" else p for p in template.segments]
        return "/".join(parts)
    try:
        return template.render(tried.params)
    except InvalidPath:
        return None


def in_json(fields: Mapping[str, Any]) -> Any:
    return plain(dict(fields))


def written(doors: Doors, path: str) -> dict[str, Any] | None:
    found = doors.database.get([path])[0][path].fields
    return None if found is None else {n: v for n, v in found.items() if n != "processed"}


def encoded(doors: Doors, fields: Mapping[str, Any]) -> dict[str, Any]:
    values = encode_fields(fields, documents=doors.documents, where="document")
    return {"fields": {name: MessageToDict(value) for name, value in values.items()}}
