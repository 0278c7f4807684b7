"""Firestore values: what goes in comes out, and what Firestore refuses is refused before."""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from typing import Any
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.types import Document as DocumentMessage
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st
from pydantic import HttpUrl, SecretStr, TypeAdapter

from onto_fn.errors import DocumentTooLarge, InvalidValue
from onto_fn.firestore import Reference
from onto_fn.firestore.canonical import canonical, digest
from onto_fn.firestore.documents import decode_path
from onto_fn.firestore.json import json_text
from onto_fn.firestore.rpc import CommitMessage
from onto_fn.firestore.sizes import MAX_DOCUMENT_BYTES, check_size
from onto_fn.firestore.types import TABLE, StoredType
from onto_fn.firestore.values import are_small, decode, decode_fields, encode_fields, fill_fields
from tests.strategies import documents, values

PREFIX = "projects/p/databases/(default)/documents"


def round_trip(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields after a way through the bytes that go over the wire."""
    message = DocumentMessage.pb(
        DocumentMessage(name=f"{PREFIX}/users/a", fields=encode(fields))
    ).SerializeToString()
    return decode_fields(DocumentMessage.pb(DocumentMessage.deserialize(message)).fields, PREFIX)


def encode(fields: Mapping[str, Any]) -> dict[str, Any]:
    return encode_fields(fields, documents=PREFIX, where="users/a")


@given(documents)
def test_every_document_comes_back_as_it_went(fields: dict[str, Any]) -> None:
    assert round_trip(fields) == fields


@given(documents)
def test_types_come_back_as_they_went(fields: dict[str, Any]) -> None:
    assert digest(round_trip(fields)) == digest(fields)


@given(documents)
def test_a_document_has_at_most_four_times_the_bytes_of_its_protobuf_form(
    fields: dict[str, Any],
) -> None:
    message = DocumentMessage.pb(DocumentMessage(name=f"{PREFIX}/users/a"))
    fill_fields(message.fields, fields, documents=PREFIX, where="users/a")

    assert message.fields == DocumentMessage.pb(DocumentMessage(fields=encode(fields))).fields
    assert check_size("users/a", fields) <= 4 * message.ByteSize() + 48


@pytest.mark.parametrize("item", [GeoPoint(0, 0), 0, None, {}, 0.0, datetime(1970, 1, 1)])
def test_a_list_of_the_shortest_values_keeps_to_that(item: object) -> None:
    encoded = encode({"x": [item] * 1000})["x"]

    assert check_size("users/a", {"x": [item] * 1000}) <= 4 * encoded.ByteSize() + 48


def test_a_document_that_is_too_large_is_never_taken_for_a_small_one() -> None:
    fields = {"x": [GeoPoint(0, 0)] * (MAX_DOCUMENT_BYTES // 16)}  # the most for its bytes
    request = CommitMessage()
    fill_fields(request.writes.add().update.fields, fields, documents=PREFIX, where="users/a")

    with pytest.raises(DocumentTooLarge):
        check_size("users/a", fields)
    assert not are_small(request)


def test_nan_and_the_infinities_come_back() -> None:
    back = round_trip({"n": float("nan"), "i": float("inf"), "m": float("-inf")})

    assert back["n"] != back["n"]
    assert (back["i"], back["m"]) == (float("inf"), float("-inf"))


def test_true_is_not_stored_as_a_number() -> None:
    assert round_trip({"flag": True})["flag"] is True


def test_an_instant_of_another_time_zone_comes_back_in_utc() -> None:
    tokyo = datetime(2026, 1, 1, 9, 30, 0, 123456, timezone(timedelta(hours=9)))

    back = round_trip({"at": tokyo})["at"]

    assert back == tokyo
    assert back.tzinfo is UTC
    assert back.hour == 0


def test_a_naive_datetime_is_taken_as_utc() -> None:
    assert round_trip({"at": datetime(2026, 1, 1)})["at"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_instant_before_1970_comes_back() -> None:
    early = datetime(1, 1, 1, 0, 0, 0, 1, UTC)

    assert round_trip({"at": early})["at"] == early


@pytest.mark.parametrize("hours", [14, -12])
def test_an_instant_out_of_firestores_range_is_refused(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    instant = datetime.min if hours > 0 else datetime.max

    with pytest.raises(InvalidValue, match="users/a: at"):
        encode({"at": instant.replace(tzinfo=zone)})


def test_an_enum_is_stored_as_its_value() -> None:
    class Role(Enum):
        ORGANIZER = "Organizer"

    class Level(IntEnum):
        LOW = 1

    assert round_trip({"role": Role.ORGANIZER, "level": Level.LOW}) == {
        "role": "Organizer",
        "level": 1,
    }


def test_a_tuple_is_stored_as_a_list() -> None:
    assert round_trip({"pair": (1, 2)}) == {"pair": [1, 2]}


@given(st.sets(st.text(max_size=3) | st.integers(0, 9)))
def test_the_same_set_is_always_the_same_list(items: set[Any]) -> None:
    assert round_trip({"s": items}) == round_trip({"s": frozenset(sorted(items, key=repr))})


def test_empty_maps_and_lists_come_back() -> None:
    assert round_trip({"m": {}, "l": [], "deep": [{"m": {}}]}) == {
        "m": {},
        "l": [],
        "deep": [{"m": {}}],
    }


def test_a_reference_is_stored_by_its_full_resource_name() -> None:
    encoded = encode({"user": Reference("users/tijuana")})["user"]

    assert encoded.reference_value == f"{PREFIX}/users/tijuana"
    assert decode_path(encoded.reference_value) == "users/tijuana"


@pytest.mark.parametrize(
    "value", [object(), 1j, range(3), bytearray(b"a"), SecretStr("hidden"), Decimal("NaN")]
)
def test_a_value_without_firestore_form_is_refused_by_document_and_field(value: object) -> None:
    with pytest.raises(InvalidValue, match=rf"users/a: price is (a|the) {type(value).__name__}"):
        encode({"price": value})


def test_a_refused_value_inside_maps_and_lists_is_found() -> None:
    with pytest.raises(InvalidValue, match=r"users/a: lines\[1\]\.price is a complex"):
        encode({"lines": [{"price": 1}, {"price": 1j}]})


def test_a_vector_in_a_list_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"users/a: rows\[1\] is a vector in a list"):
        encode_fields({"rows": [1, Vector([1.0])]}, documents=PREFIX, where="users/a")


@pytest.mark.parametrize("size", [0, 2049])
def test_a_vector_of_a_size_that_firestore_refuses_is_refused(size: int) -> None:
    with pytest.raises(InvalidValue, match=f"users/a: v is a vector of {size} numbers"):
        encode_fields({"v": Vector([1.0] * size)}, documents=PREFIX, where="users/a")


@pytest.mark.parametrize("fields", [{"__a__": 1}, {"m": {"__a__": 1}}, {"l": [{"__a__": 1}]}])
def test_a_key_that_firestore_keeps_for_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"users/a.* has the key '__a__'"):
        encode_fields(fields, documents=PREFIX, where="users/a")


def test_a_list_in_a_list_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"users/a: rows\[1\] is a list in a list"):
        encode({"rows": [1, (2, 3)]})


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_an_integer_of_more_than_64_bits_is_refused(value: int) -> None:
    with pytest.raises(InvalidValue, match="users/a: n is an integer of more than 64 bits"):
        encode({"n": value})


@pytest.mark.parametrize("fields", [{"name": "\ud800"}, {"\udfff": 1}, {"m": {"\ud800": 1}}])
def test_lone_surrogates_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"users/a.*not valid Unicode"):
        encode(fields)


@pytest.mark.parametrize("fields", [{"": 1}, {"m": {"": 1}}, {"m": {1.5: 1}}, {"m": {(1,): 1}}])
def test_keys_that_firestore_refuses_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"users/a.*key"):
        encode(fields)


def nested(depth: int) -> dict[str, Any]:
    return {"m": nested(depth - 1)} if depth else {}


def test_maps_nested_20_deep_are_stored_and_deeper_ones_refused() -> None:
    assert round_trip(nested(20)) == nested(20)
    with pytest.raises(InvalidValue, match="deeper"):
        encode(nested(25))


def test_a_document_of_one_mebibyte_fits_and_one_byte_more_does_not() -> None:
    room = MAX_DOCUMENT_BYTES - check_size("users/a", {"text": ""})

    assert check_size("users/a", {"text": "x" * room}) == MAX_DOCUMENT_BYTES
    with pytest.raises(DocumentTooLarge, match=r"users/a .*'text'"):
        check_size("users/a", {"small": 1, "text": "x" * room})


def test_size_counts_bytes_not_characters() -> None:
    assert check_size("a/b", {"x": "日"}) == check_size("a/b", {"x": "abc"})


def test_size_follows_firestores_published_example() -> None:
    # The storage size page's own example: users/jeff/tasks/my_task_id is 147 bytes in all.
    fields = {
        "type": "Personal",
        "done": False,
        "priority": 1,
        "description": "Learn Cloud Firestore",
    }

    assert check_size("users/jeff/tasks/my_task_id", fields) == 147


@given(values)
def test_a_value_has_one_canonical_text(value: Any) -> None:
    assert canonical(value) == canonical(round_trip({"v": value})["v"])


@given(values, values)
def test_equal_canonical_texts_mean_equal_values(first: Any, second: Any) -> None:
    if canonical(first, exact=True) == canonical(second, exact=True):
        assert first == second


def test_numbers_are_equal_across_types_and_booleans_are_not_numbers() -> None:
    assert canonical(1) == canonical(1.0) == canonical(-0.0 + 1)
    assert canonical(0.0) == canonical(-0.0)
    assert canonical(1) != canonical(True)
    assert canonical(0) != canonical(False)
    assert canonical(1) != canonical("1")
    assert canonical(None) != canonical("null")


def test_a_digest_tells_the_integer_from_the_double() -> None:
    assert digest({"n": 1}) != digest({"n": 1.0})


def test_a_map_cannot_imitate_another_type() -> None:
    assert canonical({"ref": "users/a"}) != canonical(Reference("users/a"))
    assert canonical({"bytes": "00"}) != canonical(b"\x00")
    assert canonical({"map": {}}) != canonical({})
    assert canonical({"geo": [1, 2]}) != canonical(GeoPoint(1, 2))


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})


def test_a_digest_of_enum_keys_is_that_of_their_values() -> None:
    class Option(Enum):
        YES = "yes"
        NO = "no"

    class Colour(StrEnum):
        RED = "red"

    counts = {Option.YES: 2, Option.NO: 1, Colour.RED: 0}

    assert digest({"counts": counts}) == digest({"counts": {"yes": 2, "no": 1, "red": 0}})


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.sample is not None], ids=lambda row: row.name
)
def test_each_type_of_the_table_has_one_stored_form_everywhere(row: StoredType) -> None:
    stored = row.store(row.sample)

    assert round_trip({"v": row.sample}) == round_trip({"v": stored})
    assert digest({"v": row.sample}) == digest({"v": stored}) == digest(round_trip({"v": stored}))
    assert json_text({"v": row.sample}) == json_text({"v": stored})
    assert check_size("users/a", {"v": row.sample}) == check_size("users/a", {"v": stored})


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4, 5), "03:04:05"),
        (timedelta(hours=1), 3600),
        (timedelta(milliseconds=1500), 1.5),
        (Decimal("12.50"), "12.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (HttpUrl("https://example.com"), "https://example.com/"),
        (IPv4Address("192.0.2.1"), "192.0.2.1"),
        (deque([1]), [1]),
        (
            {date(2026, 1, 2): 1, 2: 2, UUID(int=1): 3},
            {"2026-01-02": 1, "2": 2, str(UUID(int=1)): 3},
        ),
    ],
)
def test_a_type_that_firestore_lacks_has_its_documented_form(value: Any, stored: Any) -> None:
    assert round_trip({"v": value})["v"] == stored


@given(st.timedeltas(timedelta(days=-40_000), timedelta(days=40_000)))
def test_a_duration_comes_back_to_the_microsecond(value: timedelta) -> None:
    assert TypeAdapter(timedelta).validate_python(round_trip({"v": value})["v"]) == value


def test_a_duration_that_seconds_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"users/a: v is a duration of .* Round it"):
        encode({"v": timedelta(days=100_000, microseconds=1)})
    assert round_trip({"v": timedelta.max - timedelta(microseconds=999_999)})["v"] > 2**46


def test_two_keys_of_the_same_text_are_refused() -> None:
    with pytest.raises(InvalidValue, match="users/a: m has two keys of the same text"):
        encode({"m": {1: "a", "1": "b"}})


def test_a_vector_comes_back_as_a_vector() -> None:
    assert round_trip({"v": Vector([1.0, -0.5])}) == {"v": Vector([1.0, -0.5])}


def test_a_map_that_only_looks_like_a_vector_is_read_as_a_map() -> None:
    # Firestore takes no such map; but reading must not guess.
    message = encode({"v": {}})["v"]
    message.map_value.fields["__type__"].string_value = "vector"

    assert decode(message, PREFIX) == {"__type__": "vector"}


FOREIGN = "projects/other/databases/(default)/documents/users/tijuana"


@pytest.mark.parametrize(
    "name", [FOREIGN, "projects/p/databases/second/documents/users/a", f"{PREFIX}2/users/a", "odd"]
)
def test_a_reference_into_another_database_stays_as_it_is(name: str) -> None:
    message = encode({"r": None})["r"]
    message.reference_value = name

    reference = decode_fields({"r": message}, PREFIX)["r"]

    assert encode({"r": reference})["r"].reference_value == name
    assert reference.database is not None
    assert canonical(reference) != canonical(Reference("users/tijuana"))
    assert digest({"r": reference}) == digest({"r": decode_fields({"r": message}, PREFIX)["r"]})


def test_a_point_at_minus_zero_is_not_one_at_zero_though_the_numbers_are_equal() -> None:
    assert canonical(GeoPoint(-0.0, 1)) != canonical(GeoPoint(0.0, 1))
    assert canonical(GeoPoint(0, 1)) == canonical(GeoPoint(0.0, 1.0))
    assert digest({"p": GeoPoint(0, 1)}) == digest({"p": GeoPoint(0.0, 1.0)})


def test_a_key_without_a_text_is_refused_as_a_value() -> None:
    with pytest.raises(InvalidValue):
        digest({"m": {1.5: "a", "b": "c"}})
