"""Watch keys: a changed document finds every query that it matches, by look-up only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from google.cloud.firestore_v1 import GeoPoint
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onto_fn.firestore import Filter, PathTemplate, Query, QueryShape, Reference
from onto_fn.firestore.queries import Operator, document_key, keyed_fields
from tests.strategies import document_paths, values

TEMPLATE = PathTemplate("polls/{poll}/votes")
PATH = "polls/p/votes/v"

# An evaluator of Firestore's semantics that shares nothing with the library.


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, datetime):
        return "timestamp"
    return type(value).__name__


def equal(one: Any, other: Any) -> bool:
    if kind(one) != kind(other):
        return False
    if isinstance(one, dict):
        return set(one) == set(other) and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, GeoPoint):
        return (one.latitude, one.longitude) == (other.latitude, other.longitude)
    return one == other


def holds(fields: Mapping[str, Any], condition: Filter) -> bool:
    value: Any = fields
    for name in condition.field.split("."):
        if not isinstance(value, dict) or name not in value:
            return False
        value = value[name]
    wanted = condition.value
    match condition.op:
        case "==":
            return equal(value, wanted)
        case "in":
            return any(equal(value, item) for item in wanted)
        case "array_contains":
            return isinstance(value, list) and any(equal(item, wanted) for item in value)
        case "array_contains_any":
            return isinstance(value, list) and any(equal(i, w) for i in value for w in wanted)
        case ">":
            return kind(value) == kind(wanted) == "number" and value > wanted
    raise AssertionError(condition.op)


def matches(query: Query, path: str, fields: Mapping[str, Any]) -> bool:
    in_collection = path.rpartition("/")[0] == query.collection
    return in_collection and all(holds(fields, condition) for condition in query.filters)


# Few different values, so that generated documents and queries often meet.
few = st.sampled_from(
    [None, True, False, 0, 1, 1.0, 2.5, "", "1", "a", b"a", Reference("users/a"), GeoPoint(1, 2)]
)
fields_of_few = st.fixed_dictionaries(
    {},
    optional={
        "a": few | values,
        "list": st.lists(few | st.fixed_dictionaries({"k": few}), max_size=4),
        "map": st.fixed_dictionaries({}, optional={"b": few, "list": st.lists(few, max_size=3)}),
    },
)


@st.composite
def queries(draw: st.DrawFn, fields: Mapping[str, Any]) -> Query:
    """Queries of which a good part match `fields`."""
    filters: list[Filter] = []
    for name, op in draw(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "list", "map.b", "map.list"]),
                st.sampled_from(["==", "in", "array_contains", "array_contains_any", ">"]),
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda condition: condition[0],
        )
    ):
        outer, _, inner = name.partition(".")
        stored = fields.get(outer) if not inner else fields.get(outer, {}).get(inner)
        known = list(stored) if op.startswith("array") and isinstance(stored, list) else [stored]
        value = st.sampled_from(known) | few if known else few
        several = st.lists(value, min_size=1, max_size=4)
        filters.append(
            Filter(name, op, draw(several if op in {"in", "array_contains_any"} else value))
        )
    collection = draw(st.sampled_from(["polls/p/votes", "polls/p/votes", "polls/q/votes"]))
    return Query(collection, tuple(filters))


def shape_of(query: Query) -> QueryShape:
    return QueryShape(TEMPLATE, keyed_fields((f.field, f.op) for f in query.filters))


@settings(max_examples=300)
@given(fields_of_few, st.data())
def test_a_document_finds_every_query_that_it_matches(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    drawn = data.draw(queries(fields))
    query = votes(*(condition for condition in drawn.filters if holds(fields, condition)))
    assert matches(query, PATH, fields)

    assert shape_of(query).keys_of(PATH, fields) & query.keys()


@given(fields_of_few, st.data())
def test_a_document_finds_no_query_whose_equalities_it_fails(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    query = data.draw(queries(fields))
    assume(all(condition.op != ">" for condition in query.filters))
    assume(not matches(query, PATH, fields))

    assert not shape_of(query).keys_of(PATH, fields) & query.keys()


@given(fields_of_few, st.data())
def test_the_order_of_conditions_does_not_matter(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    query = data.draw(queries(fields))
    turned = Query(query.collection, tuple(reversed(query.filters)))

    assert query.keys() == turned.keys()
    assert shape_of(query).keys_of(PATH, fields) == shape_of(turned).keys_of(PATH, fields)


def votes(*filters: Filter) -> Query:
    return Query("polls/p/votes", filters)


def found(fields: Mapping[str, Any], *filters: Filter) -> bool:
    query = votes(*filters)
    return bool(shape_of(query).keys_of(PATH, fields) & query.keys())


def test_an_integer_finds_a_query_for_the_same_double() -> None:
    assert found({"n": 1}, Filter("n", "==", 1.0))
    assert found({"n": 2.0}, Filter("n", "in", [1, 2]))


@pytest.mark.parametrize("other", [1, 1.0, "True", "true"])
def test_true_does_not_find_a_query_for_anything_else(other: object) -> None:
    assert not found({"flag": True}, Filter("flag", "==", other))


def test_a_nested_field_finds_its_query() -> None:
    condition = Filter("address.city", "==", "LA")

    assert found({"address": {"city": "LA"}}, condition)
    assert not found({"address": {"city": "SF"}}, condition)
    assert not found({"address": "LA"}, condition)


def test_a_missing_field_finds_no_query_not_even_for_null() -> None:
    assert found({"n": None}, Filter("n", "==", None))
    assert not found({}, Filter("n", "==", None))


def test_a_query_with_in_has_one_key_for_each_different_value() -> None:
    assert len(votes(Filter("n", "in", [1, 1.0, 2])).keys()) == 2


def test_a_document_has_one_key_for_each_different_element() -> None:
    shape = QueryShape(TEMPLATE, (("users", "array_contains"),))

    assert len(shape.keys_of(PATH, {"users": ["a", "b", "a"]})) == 2


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "!=", "not-in"])
def test_ranges_and_inequalities_are_not_part_of_a_key(op: Operator) -> None:
    assert votes(Filter("n", op, 1)).keys() == votes().keys()


def test_order_and_limit_are_not_part_of_a_key() -> None:
    assert Query("polls/p/votes", limit=1).keys() == votes().keys()


def test_a_query_of_a_whole_collection_is_found_by_each_of_its_documents_only() -> None:
    shape = QueryShape(TEMPLATE, ())

    assert shape.keys_of(PATH, {}) == votes().keys()
    assert shape.keys_of("polls/q/votes/v", {}).isdisjoint(votes().keys())
    assert shape.keys_of("votes/v", {}) == set()


def test_a_document_that_does_not_exist_finds_no_query() -> None:
    assert QueryShape(TEMPLATE, ()).keys_of(PATH, None) == set()


def test_the_same_query_of_another_parent_has_other_keys() -> None:
    condition = Filter("n", "==", 1)

    assert (
        Query("polls/p/votes", (condition,))
        .keys()
        .isdisjoint(Query("polls/q/votes", (condition,)).keys())
    )


def test_equality_and_array_contains_have_different_keys() -> None:
    assert not votes(Filter("n", "==", 1)).keys() & votes(Filter("n", "array_contains", 1)).keys()


def test_long_values_are_found_and_told_apart() -> None:
    long = "x" * 5000

    assert found({"text": long}, Filter("text", "==", long))
    assert not found({"text": long}, Filter("text", "==", long + "y"))


@given(document_paths)
def test_a_key_fits_into_an_index_entry(path: str) -> None:
    assert len(document_key(path).encode()) <= 1500


def test_the_key_of_a_long_path_of_wide_characters_fits_into_an_index_entry() -> None:
    assert len(document_key("users/" + "🏟" * 375).encode()) <= 1500


@given(document_paths, document_paths)
def test_different_documents_have_different_keys(first: str, second: str) -> None:
    assert (document_key(first) == document_key(second)) == (first == second)


def test_long_paths_are_told_apart() -> None:
    long = "users/" + "x" * 1400

    assert document_key(long) != document_key(long + "y")
