"""Which index file counts for a query."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1 import types as firestore

from onto_fn.testing.strict_indexes import Checker

_types: Any = firestore
INDEX = {
    "collectionGroup": "towns",
    "queryScope": "COLLECTION",
    "fields": [
        {"fieldPath": "a", "order": "ASCENDING"},
        {"fieldPath": "b", "order": "ASCENDING"},
    ],
}


def request(database: str = "(default)", **more: Any) -> bytes:
    """A query that needs INDEX."""
    query = {
        "from_": [{"collection_id": "towns"}],
        "order_by": [{"field": {"field_path": name}} for name in "ab"],
    }
    parent = f"projects/demo-towns/databases/{database}/documents"
    kind = _types.RunQueryRequest
    return kind.serialize(kind(parent=parent, structured_query=query, **more))


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def test_without_an_index_file_there_are_the_automatic_indexes(tmp_path: Path) -> None:
    assert "requires an index" in str(Checker(tmp_path).run_query(request()))


def test_firebase_json_names_the_index_file(tmp_path: Path) -> None:
    write(tmp_path, "firebase.json", {"firestore": {"indexes": "own.json"}})
    write(tmp_path, "own.json", {"indexes": [INDEX]})

    assert Checker(tmp_path).run_query(request()) is None


def test_each_database_has_its_index_file(tmp_path: Path) -> None:
    entries = [
        {"database": "(default)", "indexes": "firestore.indexes.json"},
        {"database": "other", "indexes": "other.json"},
    ]
    write(tmp_path, "firebase.json", {"firestore": entries})
    write(tmp_path, "firestore.indexes.json", {})
    write(tmp_path, "other.json", {"indexes": [INDEX]})
    checker = Checker(tmp_path)

    assert checker.run_query(request("other")) is None
    assert checker.run_query(request()) is not None
    assert checker.run_query(request("unnamed")) is not None


def test_an_enterprise_database_needs_no_index(tmp_path: Path) -> None:
    entries = [{"database": "big", "edition": "enterprise"}, {"database": "(default)"}]
    write(tmp_path, "firebase.json", {"firestore": entries})
    checker = Checker(tmp_path)

    assert checker.run_query(request("big")) is None
    assert checker.run_query(request()) is not None


def test_one_file_can_be_given_for_all(tmp_path: Path) -> None:
    write(tmp_path, "given.json", {"indexes": [INDEX]})

    assert Checker("/nowhere", indexes=tmp_path / "given.json").run_query(request("x")) is None


def test_an_edit_counts_at_once(tmp_path: Path) -> None:
    checker = Checker(tmp_path)
    before = checker.run_query(request())
    write(tmp_path, "firestore.indexes.json", {"indexes": [INDEX]})
    between = checker.run_query(request())
    (tmp_path / "firestore.indexes.json").unlink()

    assert (before is None, between is None, checker.run_query(request()) is None) == (
        False,
        True,
        False,
    )


@pytest.mark.parametrize("content", ["{", {"indexes": [{"fields": []}]}])
def test_a_wrong_file_refuses_and_says_why(tmp_path: Path, content: Any) -> None:
    write(tmp_path, "firestore.indexes.json", content)

    said = Checker(tmp_path).run_query(request())

    assert said is not None
    assert said.startswith("The indexes cannot be checked: ")


def test_the_refusal_is_told_with_its_entry(tmp_path: Path) -> None:
    told: list[str] = []

    Checker(tmp_path, tell=told.append).run_query(request())

    assert told == [f"strict indexes: a query of towns needs {json.dumps(INDEX)}"]


def test_a_plan_alone_is_refused_in_other_words(tmp_path: Path) -> None:
    checker = Checker(tmp_path)

    planned = checker.run_query(request(explain_options={"analyze": False}))
    analysed = checker.run_query(request(explain_options={"analyze": True}))

    assert planned == "no matching index found."
    assert analysed == checker.run_query(request())
