"""A query with lists of any length is asked in parts, and answered as one would be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.firestore import Document, Filter, Query
from onto_fn.firestore.parts import planned
from onto_fn.firestore.queries import Order

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOST, MOST_EXCLUDED = 30, 10


def document(number: int, fields: Mapping[str, Any]) -> Document:
    return Document(f"things/{number:03}", dict(fields), NOW)


class Firestore:
    """Answers queries over small integers, and refuses what Firestore does."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = documents
        self.asked: list[Query] = []

    def run(self, query: Query) -> list[Document]:
        self.asked.append(query)
        self._check(query)
        found = [d for d in self.documents if all(holds(d.fields or {}, c) for c in query.filters)]
        orders = [
            *query.orders,
            *(Order(f.field) for f in query.filters if f.op in {"!=", "not-in"}),
        ]
        orders = [] if not orders else orders[:1]
        falling = bool(orders) and orders[0].descending
        found = [d for d in found if all(o.field in (d.fields or {}) for o in orders)]
        found.sort(key=lambda d: d.path, reverse=falling)
        for order in orders:
            found.sort(key=lambda d: (d.fields or {})[order.field], reverse=order.descending)
        return found[query.offset :][: query.limit]

    def _check(self, query: Query) -> None:
        alternatives = 1
        for condition in query.filters:
            if condition.op in {"in", "array_contains_any"}:
                alternatives *= len(condition.value)
                assert condition.value
            if condition.op == "not-in":
                assert 0 < len(condition.value) <= MOST_EXCLUDED
                assert all(
                    c.op in {"==", "array_contains"} or c is condition for c in query.filters
                )
        assert alternatives <= MOST


def holds(fields: Mapping[str, Any], condition: Filter) -> bool:
    if condition.field not in fields:
        return False
    value, wanted = fields[condition.field], condition.value
    match condition.op:
        case "==":
            return value == wanted
        case "!=":
            return value != wanted
        case "in":
            return value in wanted
        case "not-in":
            return value not in wanted
        case "array_contains":
            return wanted in value
        case "array_contains_any":
            return any(item in wanted for item in value)
    raise AssertionError(condition.op)


numbers = st.integers(0, 80)
documents = st.lists(
    st.fixed_dictionaries(
        {"list": st.lists(numbers, max_size=4)},
        optional={"a": numbers, "b": st.integers(0, 3), "order": st.integers(0, 5)},
    ),
    max_size=40,
).map(lambda all_fields: [document(n, fields) for n, fields in enumerate(all_fields)])
conditions = st.fixed_dictionaries(
    {},
    optional={
        ("a", "in"): st.lists(numbers, max_size=70),
        ("b", "in"): st.lists(st.integers(0, 3), max_size=4),
        ("list", "array_contains_any"): st.lists(numbers, max_size=70),
        ("b", "not-in"): st.lists(st.integers(0, 40), max_size=25),
    },
)


@given(documents, conditions, st.sampled_from([None, False, True]), st.none() | st.integers(1, 5))
def test_the_parts_together_are_answered_as_one_query_would_be(
    there: list[Document],
    asked: dict[tuple[str, Any], list[int]],
    descending: bool | None,
    limit: int | None,
) -> None:
    filters = tuple(Filter(name, op, values) for (name, op), values in asked.items())
    is_ordered = descending is not None and all(f.op != "not-in" for f in filters)
    orders = (Order("order", bool(descending)),) if is_ordered else ()
    query = Query("things", filters, orders, limit)
    unlimited = Firestore(there)
    unlimited._check = lambda query: None  # type: ignore[method-assign]

    found = planned(query).ask(Firestore(there).run)

    assert found == unlimited.run(query)


@pytest.mark.parametrize("op", ["in", "array_contains_any"])
@pytest.mark.parametrize("values", [[], [None], [float("nan")]])
def test_a_list_of_nothing_finds_nothing_without_a_call(op: Any, values: list[Any]) -> None:
    firestore = Firestore([document(1, {"a": 1})])

    assert planned(Query("things", (Filter("a", op, values),))).ask(firestore.run) == []
    assert firestore.asked == []


def test_excluding_no_value_finds_all_that_have_one() -> None:
    firestore = Firestore([document(1, {"a": 1}), document(2, {})])

    found = planned(Query("things", (Filter("a", "not-in", []),))).ask(firestore.run)

    assert [d.path for d in found] == ["things/001"]


def test_a_query_without_lists_is_asked_as_it_is() -> None:
    query = Query("things", (Filter("a", "==", 1), Filter("b", ">", 2)), limit=3, keys_only=True)

    assert planned(query).parts == (query,)


@pytest.mark.parametrize(
    ("lengths", "calls"), [((30,), 1), ((31,), 2), ((60, 1), 2), ((7, 6), 2), ((31, 31), 40)]
)
def test_there_are_as_few_calls_as_firestore_allows(lengths: tuple[int, ...], calls: int) -> None:
    filters = tuple(
        Filter(f"f{place}", "in", list(range(length))) for place, length in enumerate(lengths)
    )

    assert len(planned(Query("things", filters)).parts) <= calls


def test_a_value_that_is_there_twice_is_asked_for_once() -> None:
    [part] = planned(Query("things", (Filter("a", "in", [1, 1.0, 2, 1]),))).parts

    assert part.filters[0].value in ([1, 2], [1.0, 2])


def test_a_document_that_several_parts_find_is_found_once() -> None:
    firestore = Firestore([document(1, {"list": [0, 35, 69]})])
    query = Query("things", (Filter("list", "array_contains_any", list(range(70))),))

    assert len(planned(query).ask(firestore.run)) == 1
    assert len(firestore.asked) == 3


def test_a_limit_is_kept_when_what_is_excluded_comes_first() -> None:
    there = [document(n, {"a": n}) for n in range(100)]
    firestore = Firestore(there)
    query = Query("things", (Filter("a", "not-in", list(range(40))),), limit=3)

    found = planned(query).ask(firestore.run)

    assert [d.path for d in found] == ["things/040", "things/041", "things/042"]
