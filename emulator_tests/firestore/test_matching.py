"""What a query selects is decided here as Firestore decides it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from google.cloud.firestore_v1 import GeoPoint

from emulator_tests.kit.writing import Writer
from onto_fn.editing import Database
from onto_fn.firestore import Document, Filter, Query, Reference, Write
from onto_fn.firestore.matching import found, is_decidable, matches, selected
from onto_fn.firestore.queries import Operator, Order

pytestmark = pytest.mark.any_index("Firestore's answers to any queries are what is compared")

VALUES: list[Any] = [
    None,
    False,
    True,
    float("nan"),
    -1,
    0,
    -0.0,
    1,
    1.0,
    1.5,
    2**53,
    datetime(2020, 1, 1, tzinfo=UTC),
    datetime(2020, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    "",
    "a",
    "b",
    "ä",
    "\U0001f600",
    "\uffff",
    b"",
    b"a",
    Reference("things/a"),
    Reference("things/b"),
    Reference("other/a"),
    GeoPoint(0.0, 0.0),
    GeoPoint(0.0, 1.0),
    [],
    [None],
    [1],
    [1, "a"],
    ["a"],
    [{"a": 1}],
    {},
    {"a": 1},
    {"a": 1.0, "b": [1]},
    {"b": {"c": "a"}},
]
LISTS: list[list[Any]] = [[1, "a"], [1.0], [True, {"a": 1}], [Reference("things/a"), b"a"]]
CONDITIONS: list[tuple[Operator, Any]] = [
    *(("==", value) for value in VALUES),
    *(("array_contains", value) for value in VALUES if not isinstance(value, list)),
    *product(("in", "array_contains_any"), LISTS),
]
ORDERS = [
    (Order("value"),),
    (Order("value", descending=True),),
    (Order("parity"), Order("value", descending=True)),
    (Order("deep.value"),),
    (Order("parity", descending=True),),
]


@pytest.fixture
def there(writer: Writer) -> tuple[Database, list[Document]]:
    """A database with a document of each value, and some without."""
    database = writer.database
    contents: dict[str, dict[str, Any]] = {
        f"things/{number:02}": {"value": value, "parity": number % 3, "deep": {"value": value}}
        for number, value in enumerate(VALUES)
    }
    contents |= {"things/without": {"parity": 1}, "things/flat": {"value": 1, "deep": 1}}
    contents |= {"things/00/things/below": {"value": 1, "parity": 1}, "others/x": {"value": 1}}
    database.commit([Write(path, fields) for path, fields in contents.items()])
    return database, list(database.get(list(contents))[0].values())


def test_conditions_of_equality_are_decided_as_firestore_does(
    there: tuple[Database, list[Document]],
) -> None:
    database, documents = there
    decided = 0
    for op, value in CONDITIONS:
        query = Query("things", (Filter("value", op, value),))
        if is_decidable(query):
            decided += 1
            found = [document.path for document in database.query(query)[0]]
            assert [document.path for document in selected(query, documents)] == found, query
    assert decided > len(CONDITIONS) - 10


@pytest.mark.parametrize("orders", ORDERS)
def test_orders_are_as_firestores(
    there: tuple[Database, list[Document]], orders: tuple[Order, ...]
) -> None:
    database, documents = there
    query = Query("things", orders=orders)

    found = [document.path for document in database.query(query)[0]]

    assert [document.path for document in selected(query, documents)] == found


def test_conditions_and_orders_together_are_as_firestores(
    there: tuple[Database, list[Document]],
) -> None:
    database, documents = there
    query = Query(
        "things",
        (Filter("parity", "in", [1, 2]), Filter("deep.value", "in", [1, "a", True])),
        (Order("value", descending=True),),
    )

    found = [document.path for document in database.query(query)[0]]

    assert len(found) > 1
    assert [document.path for document in selected(query, documents)] == found


def test_a_document_that_is_gone_matches_nothing() -> None:
    assert not matches(Query("things"), Document("things/a", None, None))


@pytest.mark.parametrize(
    "query",
    [
        Query("things", limit=3),
        Query("things", (Filter("value", ">", 1),)),
        Query("things", (Filter("value", "!=", 1),)),
        Query("things", (Filter("value", "not-in", [1]),)),
        Query("things", (Filter("value", "in", [1, None]),)),
        Query("things", (Filter("value", "in", None),)),
        Query("things", (Filter("value", "array_contains_any", 7),)),
        Query("things", (Filter("value", "array_contains", float("nan")),)),
        Query("things", start_after="things/a"),
        Query("things", collection_group=True),
    ],
)
def test_what_firestore_alone_decides_is_left_to_it(query: Query) -> None:
    assert not is_decidable(query)


LISTS_WITH_NOTHING: list[list[Any]] = [[1, None], [None], [1, float("nan")]]
INEQUALITIES: list[tuple[Operator, Any]] = [
    *product(("!=",), VALUES),
    *product(("<", "<=", ">", ">="), [value for value in VALUES if value is not None]),
    *product(("not-in",), [*LISTS, *LISTS_WITH_NOTHING]),
    *product(("in", "array_contains_any"), LISTS_WITH_NOTHING),
]


def test_every_condition_finds_what_firestore_finds(
    there: tuple[Database, list[Document]],
) -> None:
    database, documents = there
    wrong: list[str] = []
    for op, value in [*CONDITIONS, *INEQUALITIES]:
        query = Query("things", (Filter("value", op, value),))
        theirs = [document.path for document in database.query(query)[0]]
        ours = [document.path for document in found(query, documents)]
        if ours != theirs:
            wrong.append(f"{op} {value!r}: {ours}, not {theirs}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("orders", ORDERS)
def test_limit_and_offset_find_what_firestore_finds(
    there: tuple[Database, list[Document]], orders: tuple[Order, ...]
) -> None:
    database, documents = there
    query = Query("things", (Filter("parity", ">=", 1),), (), 7, offset=3)
    for asked in (query, Query("things", orders=orders, limit=7, offset=3)):
        theirs = [document.path for document in database.query(asked)[0]]
        assert [document.path for document in found(asked, documents)] == theirs


def test_several_inequalities_find_what_firestore_finds(
    there: tuple[Database, list[Document]],
) -> None:
    database, documents = there
    filters = (Filter("value", ">", 0), Filter("value", "<", 2), Filter("parity", "!=", 0))
    query = Query("things", filters, (Order("parity", descending=True),), 3)

    theirs = [document.path for document in database.query(query)[0]]

    assert len(theirs) > 1
    assert [document.path for document in found(query, documents)] == theirs


def test_a_query_that_no_store_has_is_refused_without_firestore() -> None:
    with pytest.raises(ValueError, match="only queries of stores"):
        found(Query("things", collection_group=True), [])
