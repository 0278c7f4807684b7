"""Each query that onto_fn makes on its own collections is served by the index files made by it.

The queries are listed with their places; `emulator_tests` runs them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest

from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.firestore.queries import Operator, Order
from onto_fn.generate.indexes import composite_index
from onto_fn.indexing import (
    All,
    Contains,
    Equal,
    Indexes,
    MissingIndex,
    Plan,
    Query,
    Range,
    Sort,
    plan,
)
from onto_fn.indexing.query import Condition
from tests.indexing.cases.notation import q

ROOT = Path(__file__).resolve().parents[2]
Json = dict[str, Any]  # JSON has no narrower type
APPS = (".", "examples/food_delivery", "examples/stream")
OWN = {
    # the ledger
    "materialise/lookup.py: one key": q("onto_ledger", "watches array-contains"),
    "materialise/lookup.py: keys": q("onto_ledger", "watches array-contains-any"),
    "targets/kinds.py: records": q("onto_ledger", "definition =="),
    "targets/kinds.py: records_with": q("onto_ledger", "definition ==", "fingerprint =="),
    "targets/kinds.py: count_skipping": q(
        "onto_ledger", "definition ==", "skipped.any ==", "shard =="
    ),
    "records/fingerprint.py: _fingerprints": q("onto_ledger", "fingerprint >", order="fingerprint"),
    "operate/explain.py": q("onto_ledger", "definition =="),
    "operate/reconcile.py: records": q("onto_ledger"),
    # contributions and shards
    "aggregate/contribution.py: records_of": q("onto_contributions", "aggregate =="),
    "aggregate/contribution.py: counted_by": q(
        "onto_contributions", "aggregate ==", "fingerprint =="
    ),
    "aggregate/contribution.py: counted_by as once": q(
        "onto_contributions", "aggregate ==", "definition =="
    ),
    "aggregate/difference.py": q("onto_contributions", "groups array-contains"),
    "operate/drop.py: beside": q("onto_contributions", "beside =="),
    "operate/reconcile.py: contributions": q("onto_contributions"),
    "operate/drop.py: shards": q("shards"),
    # dead letters, messages, progress
    "engine.py: letters": q("onto_dead_letters", "definition =="),
    "engine.py: all letters": q("onto_dead_letters"),
    "operate/status.py: letters_of_events": q("onto_dead_letters", "definition is-null"),
    "operate/status.py: messages": q("onto_outbox", "definition =="),
    "messaging/courier.py": q("onto_outbox", "key =="),
    "operate/checkpoint.py": q("parts"),
    # roots and mirrored collections
    "targets/target.py: roots": q("rooms"),
    "targets/target.py: roots of a group": q("rooms", group=True),
    "functions/listener.py": q("rooms", group=True),
    "operate/scan.py: offset": q("rooms", group=True),
}


@pytest.fixture(params=APPS, scope="module")
def indexes(request: pytest.FixtureRequest) -> Indexes:
    """Those of an app of this repository, as they were generated."""
    content = (ROOT / request.param / "firestore.indexes.json").read_text()
    return Indexes.of(json.loads(content))


@pytest.mark.parametrize("query", OWN.values(), ids=OWN)
def test_an_own_query_is_served(query: Query, indexes: Indexes) -> None:
    assert isinstance(plan(query, indexes), Plan)


def own_indexes(indexes: Json) -> Iterator[tuple[str, str, str, str]]:
    """Each single-field index that the files declare for onto_fn's own collections."""
    for override in indexes["fieldOverrides"]:
        for index in override["indexes"]:
            if override["collectionGroup"] in OWN_COLLECTIONS:
                kind = index.get("order") or index["arrayConfig"]
                yield override["collectionGroup"], override["fieldPath"], kind, index["queryScope"]


GENERATED: Json = json.loads((ROOT / "firestore.indexes.json").read_text())
"""The entries for onto_fn's own collections are the same for all apps."""


@pytest.mark.parametrize("removed", [*own_indexes(GENERATED)], ids=" ".join)
def test_each_index_of_an_own_collection_is_needed(removed: tuple[str, str, str, str]) -> None:
    collection, field, *_ = removed
    left = [
        override | {"indexes": []}
        if (override["collectionGroup"], override["fieldPath"]) == (collection, field)
        else override
        for override in GENERATED["fieldOverrides"]
    ]
    indexes = Indexes.of({"fieldOverrides": left})

    assert any(isinstance(plan(query, indexes), MissingIndex) for query in OWN.values())


@pytest.mark.parametrize("collection", sorted(OWN_COLLECTIONS))
def test_a_field_of_an_own_collection_has_no_index_of_itself(collection: str) -> None:
    indexes = Indexes.of(GENERATED)

    for field in ("readTime", "createdAt", "aFieldOfALaterVersion", "a.nested.field"):
        assert indexes.singles(collection, field) == frozenset()


def test_the_own_query_for_an_extreme_is_served_where_it_is_declared() -> None:
    orders = [Order("extremes.most", descending=True)]
    made = composite_index("onto_contributions", [("groups", "array_contains")], orders)
    query = q("onto_contributions", "groups array-contains", order="-extremes.most")

    assert isinstance(plan(query, Indexes.of({"indexes": [made]})), Plan)
    assert isinstance(plan(query, Indexes()), MissingIndex)


def _asked(field: str, op: Operator) -> Condition:
    if op in {"==", "in"}:
        return Equal(field)
    return Contains(field) if op == "array_contains" else Range(field)


Asked = tuple[Sequence[tuple[str, Operator]], list[Order]]


def queries() -> Iterator[Asked]:
    """All of up to three conditions and two orders."""
    operators: tuple[Operator, ...] = ("==", "in", "<", "!=", "array_contains")
    for count, size in product(range(4), range(3)):
        for fields, ops in product(permutations("abc", count), product(operators, repeat=count)):
            filters = list(zip(fields, ops, strict=True))
            for names in permutations("abc", size):
                if ops.count("array_contains") < 2:
                    yield filters, [Order(name, i == 1) for i, name in enumerate(names)]


def is_served(asked: Asked) -> bool:
    """Whether the index that is generated for a query serves it."""
    filters, orders = asked
    made = composite_index("c", filters, orders)
    where = All(tuple(_asked(field, op) for field, op in filters))
    sorts = tuple(Sort(order.field, order.descending) for order in orders)
    indexes = Indexes.of({"indexes": [made] if made else []})
    return isinstance(plan(Query("c", where=where, sorts=sorts), indexes), Plan)


def test_the_index_that_is_generated_for_a_query_serves_it() -> None:
    assert [asked for asked in queries() if not is_served(asked)] == []
