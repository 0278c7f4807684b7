"""Stored documents compared with values as their digests are, without decoding them."""

from __future__ import annotations

import math
from typing import Any, cast

from google.cloud.firestore_v1.types import Document as Stored
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.firestore.canonical import digest
from onto_fn.firestore.stored import holds
from onto_fn.firestore.values import fill_fields
from tests.strategies import lists, maps, scalars

DATABASE = "projects/p/databases/d/documents"
documents = maps(st.recursive(scalars | st.floats(), lambda v: maps(v) | lists(v), max_leaves=8))


def stored(fields: dict[str, Any]) -> Any:
    message = cast(Any, Stored).pb()()
    fill_fields(message.fields, fields, documents=DATABASE, where="users/a")
    return message.fields


@given(documents, documents)
def test_what_is_held_has_the_same_digest(there: dict[str, Any], content: dict[str, Any]) -> None:
    if holds(stored(there), content):
        assert digest(there) == digest(content)


plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.just("a")


@given(maps(st.recursive(plain, lambda v: maps(v) | lists(v), max_leaves=8)))
def test_plain_content_is_held_by_itself(content: dict[str, Any]) -> None:
    assert holds(stored(content), content)


@given(plain, plain)
def test_two_plain_values_are_held_if_and_only_if_their_digests_are_the_same(
    there: Any, value: Any
) -> None:
    assert holds(stored({"x": there}), {"x": value}) == (
        digest({"x": there}) == digest({"x": value})
    )


def test_numbers_that_python_takes_for_equal_are_told_apart() -> None:
    for there, value in [(1, 1.0), (1, True), (0.0, -0.0), (0, False), (1.0, 1)]:
        assert not holds(stored({"x": there}), {"x": value})
    assert holds(stored({"x": math.nan}), {"x": math.nan})


def test_more_or_fewer_fields_are_not_held() -> None:
    assert not holds(stored({"x": 1, "y": 2}), {"x": 1})
    assert not holds(stored({"x": 1}), {"x": 1, "y": 2})
    assert not holds(stored({"x": [1, 2]}), {"x": [1]})
    assert not holds(stored({"x": {"y": 1}}), {"x": {"z": 1}})
