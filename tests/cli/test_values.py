"""The format of seeds, which `onto set` and `onto get` share."""

from __future__ import annotations

import json
import math
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.cli import seeding
from onto_fn.cli.errors import CommandError
from onto_fn.cli.values import FORMS, document_path, json_of, value_of
from onto_fn.firestore.documents import Reference

names = st.text(min_size=1, max_size=5) | st.sampled_from(list(FORMS))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180))
    | st.lists(st.floats(allow_nan=False), min_size=1, max_size=3).map(Vector)
    | st.just(Reference("users/ada"))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_a_value_that_is_shown_and_written_again_is_the_same(value: Any) -> None:
    shown = json.loads(json.dumps(json_of(value), allow_nan=False))

    again = value_of(shown, Reference, "seed.json, a/b", "f")

    assert again == value
    assert type(again) is type(value)


def test_not_a_number_is_kept() -> None:
    assert math.isnan(value_of(json_of(math.nan), Reference, "s", "f"))


@pytest.mark.parametrize("example", FORMS.values())
def test_every_example_in_an_error_is_of_the_format(example: str) -> None:
    value_of(json.loads(example), Reference, "seed.json, a/b", "f")


@pytest.mark.parametrize(
    "wrong",
    [
        {"$date": "2026-01-01"},
        {"$ref": "users"},
        {"$ref": "users/ada", "x": 1},
        {"$ref": "users/ada", "$int": 1},
        {"$ref": 5},
        {"$bytes": 5},
        {"$vector": 1},
        {"$timestamp": "2026-01-01T00:00:00"},
        {"$timestamp": 5},
        {"$geopoint": [91, 0]},
        {"$geopoint": [1]},
        {"$bytes": "a"},
        {"$vector": ["x"]},
        {"$vector": [True]},
        {"$int": 2**63},
        {"$int": 1.5},
        {"$double": "much"},
        {"$map": []},
        2**63,
    ],
)
def test_what_is_not_of_the_format_names_file_document_and_field(
    wrong: object, tmp_path: Path
) -> None:
    file = tmp_path / "seed.json"
    file.write_text(json.dumps({"users/ada": {"inner": {"list": [1, wrong]}}}))

    with pytest.raises(CommandError, match=r"seed\.json, users/ada, field inner\.list\[1\]: "):
        seeding.check(str(file))


def test_a_kind_that_is_none_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(CommandError) as refused:
        value_of({"$time_stamp": "2026-01-01T00:00:00Z"}, Reference, "seed.json, a/b", "f")

    assert str(refused.value).startswith('seed.json, a/b, field f: {"$time_stamp": ')
    assert [kind for kind in FORMS if kind not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("no_such_module:sample", "No module named 'no_such_module'"),
        ("seeds_of_towns:nothing", "has no attribute 'nothing'"),
        ("seeds_of_towns:broken", "ZeroDivisionError"),
        ("seeds_of_towns:without_client", "takes 0 positional arguments"),
        ("seeds_of_towns:a_list", "does not hold documents"),
        ("seeds_of_towns:odd_path", "'towns' is not the path of a document"),
    ],
)
def test_a_function_that_gives_no_documents_is_refused_with_what_it_has_to_be(
    source: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seeds_of_towns.py").write_text(
        "broken = lambda client: 1 / 0\n"
        "without_client = lambda: {}\n"
        "a_list = lambda client: ['towns/oslo']\n"
        "odd_path = lambda client: {'towns': {}}\n"
    )
    monkeypatch.setattr("sys.path", list(sys.path))
    client: Any = None  # which nothing comes to

    with pytest.raises(CommandError, match=re.escape(says)):
        seeding.seed(client, source, tmp_path)


def test_a_key_that_is_there_twice_is_refused_as_one_would_be_lost(tmp_path: Path) -> None:
    file = tmp_path / "seed.json"
    file.write_text('{"users/ada": {"name": "Ada"}, "users/ada": {"name": "Eve"}}')

    with pytest.raises(CommandError, match=r"seed\.json has 'users/ada' twice"):
        seeding.check(str(file))


def test_the_name_of_times_in_older_seeds_is_taken() -> None:
    assert value_of({"$time": "2026-01-01T00:00:00Z"}, Reference, "s", "f") == datetime(
        2026, 1, 1, tzinfo=UTC
    )


def test_every_form_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()

    assert [form for form in FORMS if f'{{"{form}": ' not in page] == []


@pytest.mark.parametrize("path", ["countries", "", "a//b", "a/b/c"])
def test_a_path_that_is_none_is_said_once(path: str) -> None:
    with pytest.raises(ValueError, match=r"is not the path of a document: ") as raised:
        document_path(path)

    assert str(raised.value).count("document path") == 0
