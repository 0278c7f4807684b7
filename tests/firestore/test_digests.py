"""Digests are stored, so that they must never change: every view would be written again."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given

from onto_fn.firestore import Reference
from onto_fn.firestore.canonical import canonical, digest
from onto_fn.firestore.documents import Fields
from tests.strategies import documents


class Colour(Enum):
    RED = "red"


# As the ledgers of applications have them since before 2026-11-30.
RECORDED: dict[str, tuple[Fields, str]] = {
    "empty": (
        {},
        "a03e919efabca7be6648ecc46f3b08fa",
    ),
    "scalars": (
        {"s": "a", "i": 1, "b": True, "n": None, "f": 1.5},
        "66809c385da283f87f497205d38a4b58",
    ),
    "order of names": (
        {"b": {"é": 1, "Z": 2, "a": 3, "😀": 4, "\uffff": 5}, "a": []},
        "20b9780c60357d3f56ee2e3ab4348f96",
    ),
    "texts": (
        {"t": 'quote " slash \\ line \n é € 😀 \x00 \x7f', "l": "\ud800"},
        "e3416a479302be11b73e95a5637557ff",
    ),
    "numbers": (
        {"z": 0.0, "m": -0.0, "i": 0, "big": 2**63 - 1, "e": 1e22, "s": 5e-324},
        "7b1c146cd68792c28d1357cc61e9d031",
    ),
    "infinite": (
        {"n": math.nan, "p": math.inf, "m": -math.inf},
        "816d90745572d2bf431a45212467c0fe",
    ),
    "times": (
        {
            "utc": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
            "zone": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
            "naive": datetime(2026, 1, 2),
        },
        "6f08d7bf51b7ccaa0c8cab41c7efcaec",
    ),
    "others": (
        {
            "r": Reference("users/tijuana"),
            "x": Reference.stored("users/a", "projects/p/databases/d"),
            "g": GeoPoint(1.0, -0.0),
            "v": Vector([1.0, 2.5, math.nan]),
            "y": b"\x00\xff",
        },
        "3c29938933bc77f1533d22b595d82e91",
    ),
    "types with a stored form": (
        {
            "d": date(2026, 1, 2),
            "u": UUID(int=7),
            "c": Decimal("1.10"),
            "t": (1, "a"),
            "e": Colour.RED,
            "f": {3, 1, 2},
        },
        "fe03124e8f0e9595a74ee78d116c7a55",
    ),
    "keys": (
        {"m": {1: "a", False: "b", Colour.RED: "c", date(2026, 1, 2): "d"}},
        "5a5da7b6293b3eb2faa616c5c7067ba9",
    ),
    "nested": (
        {"l": [{"a": [], "b": {}}, [1, 1.0, True, None]], "map": {"map": {"map": 1}}},
        "dd29533f003e2f6a474b692d631339db",
    ),
    "a view": (
        {
            "latitude": 32.880361,
            "longitude": -117.242929,
            "address": "9500 Gilman Drive, La Jolla, CA",
            "inSession": True,
            "attending": [
                {
                    "name": "Joshua Pendergrast",
                    "organization": "SDSU",
                    "hearing_aid_requested": True,
                },
                {"name": "Thomasina Manes", "hearing_aid_requested": False},
            ],
            "numHearingAidRequested": 1,
        },
        "864f585b444a07eb38bfe78352f3fab9",
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_digest_is_what_it_has_always_been(name: str) -> None:
    fields, recorded = RECORDED[name]
    assert digest(fields) == recorded


def test_a_query_key_is_what_it_has_always_been() -> None:
    assert canonical([1.0, {"b": 2.5, "a": "é"}]) == r'[1,{"map":{"a":"\u00e9","b":2.5}}]'


@given(documents)
def test_a_digest_does_not_depend_on_the_order_of_names_at_any_depth(fields: Fields) -> None:
    assert digest(_reversed(fields)) == digest(fields)


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _reversed(item) for name, item in reversed(value.items())}
    return [_reversed(item) for item in value] if isinstance(value, list) else value
