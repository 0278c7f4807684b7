"""Integers of more than 53 bits in calls: as the SDKs write and read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.errors import InvalidRequest
from onto_fn.gate.integers import decoded, encoded

TYPE = "type.googleapis.com/google.protobuf."
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def written(text: Any, kind: str = "Int64Value") -> dict[str, Any]:
    return {"@type": f"{TYPE}{kind}", "value": text}


@pytest.mark.parametrize("kind", ["Int64Value", "UInt64Value"])
@pytest.mark.parametrize("number", [0, 17, 2**53 + 1, 2**63 - 1])
def test_an_integer_is_decoded_wherever_it_is(kind: str, number: int) -> None:
    value = written(str(number), kind)

    assert decoded({"fields": {"a": [value, {"b": value}]}}) == {
        "fields": {"a": [number, {"b": number}]}
    }


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (written(str(2**63)), "9223372036854775808 is out of range"),
        (written(str(2**64 - 1), "UInt64Value"), "18446744073709551615 is out of range"),
        (written(str(-(2**63) - 1)), "-9223372036854775809 is out of range"),
        (written("-1", "UInt64Value"), "-1 is out of range"),
        (written("1.5"), "'1.5' is not the text of an Int64Value"),
        (written("٣"), "'٣' is not the text"),
        (written(True), "True is not the text"),
        ({"@type": f"{TYPE}Int64Value"}, "None is not the text"),
    ],
)
def test_what_is_no_integer_of_firestore_is_refused_with_its_field(
    value: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded({"fields": {"votes": [1, value]}})

    assert str(caught.value).startswith("fields.votes[1]: ")
    assert problem in str(caught.value)


def test_a_map_with_another_type_is_a_map() -> None:
    person = {"@type": "Person", "name": "Ada"}

    assert decoded({"fields": person}) == {"fields": person}


@given(JSON)
def test_an_answer_is_read_as_it_was(value: Any) -> None:
    assert repr(decoded(encoded(value))) == repr(value)


@given(st.integers(-(2**63), 2**64 - 1))
def test_only_what_a_float_cannot_hold_is_written_as_text(number: int) -> None:
    found = encoded(number)

    assert found == number if abs(number) <= 2**53 else found["value"] == str(number)
