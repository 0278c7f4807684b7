"""What a deploy of the generated indexes asks of Google, and what is said to be deployed then."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emulator_tests.deploy.deployed import PROJECT, ROOT
from emulator_tests.deploy.standin import Deployment, FirebaseDeploy, GoogleProject, StandIn
from onto_fn.generate.indexes import with_kept
from onto_fn.indexing import Comparison, compare

Json = dict[str, Any]

WRITES = "POST|PUT|PATCH|DELETE"
FIELDS = f"/v1/projects/{PROJECT}/databases/(default)/collectionGroups/onto_ledger/fields"
ASCENDING: Json = {"order": "ASCENDING", "queryScope": "COLLECTION"}
GROUP: Json = {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}

# What the meeting room has no need of.
KEPT: Json = {
    "indexes": [
        {
            "collectionGroup": "meetings",
            "queryScope": "COLLECTION_GROUP",
            "fields": [
                {"fieldPath": "tags", "arrayConfig": "CONTAINS"},
                {"fieldPath": "date", "order": "DESCENDING"},
            ],
        },
        {
            "collectionGroup": "meetings",
            "queryScope": "COLLECTION",
            "fields": [
                {"fieldPath": "room", "order": "DESCENDING"},
                {"fieldPath": "embedding", "vectorConfig": {"dimension": 3, "flat": {}}},
            ],
        },
    ],
    "fieldOverrides": [
        {"collectionGroup": "meetings", "fieldPath": "room", "indexes": [ASCENDING, GROUP]}
    ],
}


@dataclass(frozen=True)
class Indexed:
    """The indexes of a file, deployed twice, and what the tool then prints of them."""

    file: Json
    first: Deployment
    second: Deployment
    printed: Json


class Firebase:
    """A folder with an index file, and a project to deploy it to."""

    def __init__(self, folder: Path, home: Path, stand_in: StandIn) -> None:
        self.folder = folder
        self._deploy = FirebaseDeploy(ROOT, folder, home, stand_in)

    def deploy(self, file: Json) -> Deployment:
        (self.folder / "firestore.indexes.json").write_text(json.dumps(file))
        return self._deploy.run("firestore:indexes")

    def printed(self) -> Json:
        ended = self._deploy.call("firestore:indexes")
        assert ended.status == 0, ended.output
        return json.loads(ended.output[ended.output.index("{") :])


@pytest.fixture(scope="module")
def firebase(tmp_path_factory: pytest.TempPathFactory) -> Generator[Firebase]:
    folder, home = tmp_path_factory.mktemp("indexes"), tmp_path_factory.mktemp("home")
    settings = {"firestore": {"indexes": "firestore.indexes.json"}}
    (folder / "firebase.json").write_text(json.dumps(settings))
    with StandIn(GoogleProject(PROJECT), home) as stand_in:
        yield Firebase(folder, home, stand_in)


@pytest.fixture(scope="module")
def indexed(firebase: Firebase) -> Indexed:
    generated = json.loads((ROOT / "firestore.indexes.json").read_text())
    file = {"//": generated["//"], **with_kept(KEPT, generated)}
    return Indexed(file, firebase.deploy(file), firebase.deploy(file), firebase.printed())


def test_no_entry_is_refused(indexed: Indexed) -> None:
    assert (indexed.first.status, indexed.second.status) == (0, 0), indexed.first.output
    sent = indexed.first.requests.matching("POST|PATCH", "/(indexes|fields/.*)$")
    assert [str(request) for request in sent if request.status != 200] == []
    assert len(sent) == len(indexed.file["indexes"]) + len(indexed.file["fieldOverrides"])


def test_all_fields_of_the_ledger_are_exempt(indexed: Indexed) -> None:
    (request,) = indexed.first.requests.matching("PATCH", r"/onto_ledger/fields/\*$")

    assert (request.path, request.query) == (f"{FIELDS}/*", "updateMask=indexConfig")
    assert request.body == {"indexConfig": {"indexes": []}}


def test_a_field_of_the_ledger_that_is_queried_has_its_one_index(indexed: Indexed) -> None:
    (request,) = indexed.first.requests.matching("PATCH", r"/onto_ledger/fields/definition$")

    field = {"fieldPath": "definition", "order": "ASCENDING"}
    (index,) = request.body["indexConfig"]["indexes"]
    assert index == {"queryScope": "COLLECTION", "fields": [field]}


def test_messages_that_were_received_expire(indexed: Indexed) -> None:
    (request,) = indexed.first.requests.matching("PATCH", "/onto_inbox/fields/expiresAt$")

    assert request.body == {"indexConfig": {"indexes": []}, "ttlConfig": {}}


def test_a_second_deploy_changes_nothing(indexed: Indexed) -> None:
    assert indexed.second.requests.matching(WRITES, "/(indexes|fields)(/.*)?$") == []


def test_what_the_tool_prints_is_what_the_file_says(indexed: Indexed) -> None:
    assert indexed.printed != indexed.file
    assert compare(indexed.file, indexed.printed) == Comparison([], [], [])


@pytest.mark.parametrize("key", ["indexes", "fieldOverrides"])
def test_an_entry_that_the_tool_does_not_print_is_missing(indexed: Indexed, key: str) -> None:
    for place in range(len(indexed.printed[key])):
        rest = [entry for i, entry in enumerate(indexed.printed[key]) if i != place]

        found = compare(indexed.file, indexed.printed | {key: rest})

        assert (len(found.missing), found.different, found.extra) == (1, [], [])


def test_a_deploy_overlooks_some_differences_and_the_comparison_none(
    firebase: Firebase, indexed: Indexed
) -> None:
    def of_room(*indexes: Json) -> Json:
        return indexed.file | {"fieldOverrides": [*others, room | {"indexes": list(indexes)}]}

    room = KEPT["fieldOverrides"][0]
    others = [entry for entry in indexed.file["fieldOverrides"] if entry != room]
    descending: Json = {"order": "DESCENDING", "queryScope": "COLLECTION"}
    overlooked: list[tuple[bool, bool]] = []
    # The second has another scope than the first, the last an order that the third has not.
    for file in (
        of_room(ASCENDING),
        of_room(GROUP),
        of_room(GROUP, ASCENDING),
        of_room(ASCENDING, descending),
    ):
        (found,) = compare(file, firebase.printed()).different
        requests = firebase.deploy(file).requests.matching("PATCH", "/meetings/fields/room$")
        overlooked.append((found.is_overlooked, requests == []))

    assert overlooked == [(False, False), (True, True), (False, False), (True, True)]
