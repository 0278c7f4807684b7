"""What the queries of Google's Python client ask of their indexes, as they are on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import And, FieldFilter, Or
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.vector import Vector

from onto_fn.indexing import NAME, All, AnyOf, Contains, Equal, Nearest, Query, Range, Sort
from onto_fn.indexing.structured import read_query

credentials = cast(Callable[[], Any], AnonymousCredentials)()
CLIENT: Any = firestore.Client(project="demo-towns", credentials=credentials)
TOWNS: Any = CLIENT.collection("countries/no/towns")


def read(query: Any) -> Query:
    made = query._to_protobuf()
    found = read_query(type(made).pb(made))
    assert found is not None
    return found


def where(field: str, op: str, value: Any) -> Any:
    return TOWNS.where(filter=FieldFilter(field, op, value))


def test_a_collection_and_a_collection_group() -> None:
    assert read(TOWNS.limit(2)) == Query("towns", where=All(()))
    assert read(CLIENT.collection_group("towns")) == Query("towns", group=True, where=All(()))


@pytest.mark.parametrize(
    ("op", "value", "asked"),
    [
        ("==", 1, Equal("f")),
        ("in", [1, 2], Equal("f")),
        ("==", None, Equal("f")),
        ("==", float("nan"), Equal("f")),
        ("array_contains", 1, Contains("f")),
        ("array_contains_any", [1], Contains("f")),
        ("<", 1, Range("f")),
        (">=", 1, Range("f")),
        ("!=", 1, Range("f")),
        ("!=", None, Range("f")),
        ("not-in", [1], Range("f")),
    ],
)
def test_each_operator(op: str, value: Any, asked: Any) -> None:
    found = read(where("f", op, value)).where

    assert found == asked or found == All((asked,))


def test_all_and_any_are_kept_apart() -> None:
    a, b, c = (FieldFilter(name, "==", 1) for name in "abc")

    found = read(TOWNS.where(filter=And([a, Or([b, c])]))).where

    assert found == All((Equal("a"), AnyOf((Equal("b"), Equal("c")))))


def test_orders_have_their_directions() -> None:
    query = TOWNS.order_by("a").order_by("b", direction="DESCENDING").order_by("__name__")

    assert read(query).sorts == (Sort("a"), Sort("b", True), Sort(NAME))


def test_a_quoted_path_is_the_path_that_an_index_file_has() -> None:
    assert read(TOWNS.order_by("a.`b`")).sorts == (Sort("a.b"),)
    assert read(TOWNS.order_by("a.`b-c`")).sorts == (Sort("a.`b-c`"),)


def test_a_document_in_a_filter_is_a_filter_on_the_name() -> None:
    assert read(where("__name__", ">", TOWNS.document("oslo"))).where in {
        Range(NAME),
        All((Range(NAME),)),
    }


def test_cursors_and_limits_ask_for_nothing_more() -> None:
    ordered = TOWNS.order_by("a")

    assert read(ordered.start_after({"a": 1}).limit(3).offset(2)) == read(ordered)


def test_the_fields_of_sums_and_averages_are_read_and_counts_are_not() -> None:
    aggregation = TOWNS.count("n").sum("a", "s").avg("b", "m")._to_protobuf()
    made = type(aggregation).pb(aggregation)

    found = read_query(made.structured_query, made.aggregations)

    assert found is not None
    assert found.aggregated == {"a", "b"}


def test_a_vector_search_has_the_size_of_its_vector() -> None:
    near = TOWNS.find_nearest("at", Vector([1.0, 2.0, 3.0]), 2, DistanceMeasure.COSINE)

    assert read(near).nearest == Nearest("at", 3)


def test_a_listing_of_all_collections_is_no_query_of_an_index() -> None:
    made = CLIENT.collection("towns")._query()._to_protobuf()
    everything = type(made).pb(made)
    del everything.from_[:]

    assert read_query(everything) is None
