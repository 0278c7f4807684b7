"""What an index file says, and what Firestore would not take."""

from __future__ import annotations

from typing import Any

import pytest

from onto_fn.indexing import Indexes, IndexFileError, MissingIndex, Mode, Plan, plan
from tests.indexing.cases.notation import q

ASCENDING = {"order": "ASCENDING"}


def composite(**settings: Any) -> dict[str, Any]:
    fields = [{"fieldPath": "a"} | ASCENDING, {"fieldPath": "b"} | ASCENDING]
    return {"collectionGroup": "c", "queryScope": "COLLECTION", "fields": fields} | settings


def file(*indexes: dict[str, Any], overrides: list[dict[str, Any]] | None = None) -> Indexes:
    return Indexes.of({"indexes": list(indexes), "fieldOverrides": overrides or []})


def test_an_empty_file_has_the_automatic_indexes() -> None:
    assert Indexes.of({}).has_single("c", False, "a", Mode.CONTAINS)


def test_an_index_for_another_api_does_not_serve() -> None:
    indexes = file(composite(apiScope="DATASTORE_MODE_API"))

    assert isinstance(plan(q("c", "a ==", order="b"), indexes), MissingIndex)


def test_a_file_of_an_old_command_line_is_read() -> None:
    old = {
        "collectionId": "c",
        "fields": [
            {"fieldPath": "tags", "mode": "ARRAY_CONTAINS"},
            {"fieldPath": "b", "mode": "DESCENDING"},
        ],
    }

    assert isinstance(plan(q("c", "tags array-contains", order="-b"), file(old)), Plan)


def test_a_policy_of_expiry_alone_leaves_the_automatic_indexes() -> None:
    indexes = file(overrides=[{"collectionGroup": "c", "fieldPath": "expires", "ttl": True}])

    assert isinstance(plan(q("c", order="expires"), indexes), Plan)


def test_a_policy_of_expiry_with_no_indexes_exempts_its_field() -> None:
    indexes = file(
        overrides=[{"collectionGroup": "c", "fieldPath": "expires", "ttl": True, "indexes": []}]
    )

    assert isinstance(plan(q("c", order="expires"), indexes), MissingIndex)


def test_a_quoted_path_is_the_same_field() -> None:
    quoted = composite(
        fields=[{"fieldPath": "`a`"} | ASCENDING, {"fieldPath": "`x.y`"} | ASCENDING]
    )

    assert isinstance(plan(q("c", "a ==", order="`x.y`"), file(quoted)), Plan)
    assert isinstance(plan(q("c", "a ==", order="x.y"), file(quoted)), MissingIndex)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (composite(fields=[{"fieldPath": "a"} | ASCENDING]), r"indexes\[0\].*fieldOverrides"),
        (composite(density="DENSE"), r"indexes\[0\].*Enterprise"),
        (composite(fields=[{"fieldPath": "a"}, {"fieldPath": "b"}]), r"indexes\[0\].fields\[0\]"),
        (composite(fields=[{"order": "ASCENDING"}] * 2), r"fieldPath is None"),
        (composite(collectionGroup=None), r"collectionId is None"),
    ],
)
def test_an_entry_that_firestore_refuses_is_refused(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(IndexFileError, match=said):
        file(entry)


def test_an_override_without_a_mode_is_refused() -> None:
    with pytest.raises(IndexFileError, match=r"fieldOverrides\[0\].indexes\[0\]"):
        file(overrides=[{"collectionGroup": "c", "fieldPath": "a", "indexes": [{}]}])
