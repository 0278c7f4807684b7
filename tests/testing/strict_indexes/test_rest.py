"""Queries over HTTP: those of the REST API, and the targets of the Web SDK's stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from onto_fn.testing.strict_indexes import Checker
from onto_fn.testing.strict_indexes.rest import (
    accepted_targets,
    is_channel,
    is_query,
    refused_query,
    session_of,
)

ROOT = "projects/demo-towns/databases/(default)/documents"
CHANNEL = "/google.firestore.v1.Firestore/Listen/channel"


@pytest.fixture
def checker(tmp_path: Path) -> Checker:
    """Nothing is declared."""
    return Checker(indexes=tmp_path / "none.json")


def query(*orders: str) -> dict[str, Any]:
    return {
        "from": [{"collectionId": "towns"}],
        "orderBy": [{"field": {"fieldPath": order}} for order in orders],
    }


def refused(checker: Checker, body: Any, target: str = f"/v1/{ROOT}:runQuery") -> str | None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = refused_query(checker, target, content)
    if found is None:
        return None
    error = json.loads(found)[0]["error"]
    assert (error["code"], error["status"]) == (400, "FAILED_PRECONDITION")
    return error["message"]


def test_a_query_is_checked(checker: Checker) -> None:
    said = refused(checker, {"structuredQuery": query("a", "b")})

    assert said is not None
    assert said.startswith("The query requires an index. You can create it here: https://")
    assert refused(checker, {"structuredQuery": query("a")}) is None


@pytest.mark.parametrize("parent", [f"{ROOT}/countries/no", quote(f"{ROOT}/countries/a b")])
def test_a_query_below_a_document_is_checked(checker: Checker, parent: str) -> None:
    body = {"structuredQuery": query("a", "b")}

    assert refused(checker, body, f"/v1/{parent}:runQuery?key=x&alt=json") is not None


def test_an_aggregation_is_checked(checker: Checker) -> None:
    aggregations = [{"alias": "s", "sum": {"field": {"fieldPath": "b"}}}]
    asked = {"structuredQuery": query("a"), "aggregations": aggregations}

    said = refused(
        checker, {"structuredAggregationQuery": asked}, f"/v1/{ROOT}:runAggregationQuery"
    )

    assert said is not None


def test_the_database_of_the_request_is_in_the_message(checker: Checker) -> None:
    target = "/v1/projects/p/databases/other/documents:runQuery"

    said = refused(checker, {"structuredQuery": query("a", "b")}, target)

    assert said is not None
    assert "/project/p/firestore/databases/other/indexes" in said


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"structuredQuery": 1}'])
def test_what_cannot_be_read_is_left_to_the_emulator(checker: Checker, body: bytes) -> None:
    assert refused(checker, body) is None


def test_other_requests_are_no_queries() -> None:
    assert is_query(f"/v1/{ROOT}:runQuery")
    assert not is_query(f"/v1/{ROOT}:batchGet")
    assert not is_query(f"/v1/{ROOT}/a/b:runQuery/c")
    assert is_channel(f"{CHANNEL}?VER=8")
    assert not is_channel("/google.firestore.v1.Firestore/Write/channel?VER=8")
    assert session_of(f"{CHANNEL}?VER=8&SID=abc") == "abc"
    assert session_of(f"{CHANNEL}?VER=8") is None


def target(number: int, *orders: str, **more: Any) -> dict[str, Any]:
    asked = {"parent": ROOT, "structuredQuery": query(*orders)}
    added = {"targetId": number, "query": asked} | more
    return {"database": ROOT.removesuffix("/documents"), "addTarget": added}


def form(*messages: Any) -> bytes:
    fields = [("count", str(len(messages))), ("ofs", "0")]
    fields += [(f"req{i}___data__", json.dumps(message)) for i, message in enumerate(messages)]
    return urlencode(fields).encode()


def test_targets_that_are_served_pass_unchanged(checker: Checker) -> None:
    body = form(target(2, "a"), {"removeTarget": 4})

    assert accepted_targets(checker, body) == (body, {})


def test_a_refused_target_becomes_one_document(checker: Checker) -> None:
    more = {"resumeToken": "Cg==", "expectedCount": 3}
    body = form(target(2, "a"), target(4, "a", "b", **more))

    passed, refused = accepted_targets(checker, body)

    fields = dict(parse_qsl(passed.decode()))
    assert list(refused) == [4]
    assert fields["count"] == "2"
    assert json.loads(fields["req0___data__"]) == target(2, "a")
    replaced = json.loads(fields["req1___data__"])["addTarget"]
    assert replaced == {
        "targetId": 4,
        "documents": {"documents": [f"{ROOT}/strict_indexes/refused"]},
    }


def test_what_is_no_message_is_left_to_the_emulator(checker: Checker) -> None:
    body = b"count=1&ofs=0&req0___data__=%7B"

    assert accepted_targets(checker, body) == (body, {})
