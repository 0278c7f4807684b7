"""The indexes that declared queries need."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import Field

from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, aggregate, query, root
from onto_fn.access import members
from onto_fn.aggregates import count, maximum, minimum
from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.firestore.queries import Order
from onto_fn.generate import index_file
from onto_fn.generate.indexes import composite_index
from onto_fn.indexing import Indexes

UP, DOWN = "ASCENDING", "DESCENDING"


class Town(DomainModel, collection="towns"):
    name: str


class Shop(DomainModel, collection="towns/{town}/shops"):
    kind: str
    size: int
    tags: list[str]


class Bakery(Shop):
    pass


class TownStore(Store):
    town = root(Town)
    plain = query(Shop).where("kind", "==", "a").where("size", "==", 1).within(town="t")
    large = query(Shop).where("kind", "==", "a").where("size", ">", 10).within(town="t")
    tagged = query(Bakery).where("tags", "array_contains", "x").within(town="t")
    sizes = aggregate(Shop, n=count(), low=minimum("size"), top=maximum("size")).within(town="t")


class TownPage(
    ViewModel[TownStore], path="users/{user_id}/pages/{town_id}", read_group=members("member_ids")
):
    @property
    def member_ids(self) -> list[str]:
        return []

    def targets(self) -> list[dict[str, str]]:
        return []


def fields(index: dict[str, Any] | None) -> list[tuple[str, str]] | None:
    if index is None:
        return None
    return [(f["fieldPath"], f.get("order") or f["arrayConfig"]) for f in index["fields"]]


@pytest.mark.parametrize(
    ("filters", "orders", "expected"),
    [
        ([("a", "==")], [], None),
        ([("a", "=="), ("b", "in")], [], None),
        ([("a", ">")], [], None),
        ([("a", ">"), ("a", "<")], ["a"], None),
        ([], ["-a"], None),
        ([("a", "array_contains")], [], None),
        ([("b", "=="), ("a", ">=")], [], [("b", UP), ("a", UP)]),
        ([("b", "=="), ("a", ">=")], ["-a"], [("b", UP), ("a", DOWN)]),
        ([("b", "==")], ["-a"], [("b", UP), ("a", DOWN)]),
        ([], ["a", "-b"], [("a", UP), ("b", DOWN)]),
        ([("a", "array_contains"), ("b", "==")], [], [("b", UP), ("a", "CONTAINS")]),
        ([("a", "array_contains")], ["b"], [("a", "CONTAINS"), ("b", UP)]),
        ([("a", "!="), ("b", "not-in")], [], [("a", UP), ("b", UP)]),
        ([("b", ">"), ("a", "<")], [], [("a", UP), ("b", UP)]),
        ([("b", ">"), ("a", "<"), ("c", ">")], ["-c"], [("c", DOWN), ("a", DOWN), ("b", DOWN)]),
        ([("a", "==")], ["b", "a"], [("a", UP), ("b", UP)]),
        ([("a", "in")], ["-b", "a"], [("a", UP), ("b", DOWN), ("__name__", UP)]),
        ([("a", "==")], ["a"], None),
        ([("a", "==")], ["-a"], None),
    ],
)
def test_a_query_has_the_index_that_it_needs(
    filters: list[Any], orders: list[str], expected: list[tuple[str, str]] | None
) -> None:
    sorting = [Order(name.removeprefix("-"), name.startswith("-")) for name in orders]

    assert fields(composite_index("c", filters, sorting)) == expected


def test_names_that_are_not_simple_are_quoted() -> None:
    class Ware(DomainModel, collection="wares"):
        price: int = Field(alias="price.eur")
        due: int = Field(alias="due-date")
        first: list[int] = Field(alias="1st`")
        member_ids: list[str] = Field(default_factory=list, alias="member-ids")

    class WareStore(Store):
        town = root(Town)
        wares = (
            query(Ware)
            .where("due", "==", 1)
            .where("first", "array_contains", 2)
            .order_by("price", descending=True)
        )

    class WarePage(ViewModel[WareStore], path="a/{b}/c/{d}", read_group=members("member_ids")):
        @property
        def member_ids(self) -> Annotated[list[str], Field(alias="member-ids")]:
            return []

        def targets(self) -> list[dict[str, str]]:
            return []

    content = index_file(App([ViewMediator(WarePage)]), {})

    assert [fields(index) for index in content["indexes"]] == [
        [("`due-date`", UP), ("`1st\\``", "CONTAINS"), ("`price.eur`", DOWN)]
    ]
    assert ("c", "`member-ids`") in {
        (o["collectionGroup"], o["fieldPath"]) for o in content["fieldOverrides"]
    }


def test_an_app_has_the_indexes_of_its_queries_and_extremes() -> None:
    content = index_file(App([ViewMediator(TownPage)]), {})

    found = {(i["collectionGroup"], *fields(i)) for i in content["indexes"]}  # type: ignore[misc]
    assert found == {
        ("shops", ("kind", UP), ("size", UP)),
        ("shops", ("obj_type", UP), ("tags", "CONTAINS")),
        ("onto_contributions", ("groups", "CONTAINS"), ("extremes.low", UP)),
        ("onto_contributions", ("groups", "CONTAINS"), ("extremes.top", DOWN)),
    }


def overrides(app: App) -> dict[tuple[str, str], Any]:
    content = index_file(app, {})
    return {(o["collectionGroup"], o["fieldPath"]): o["indexes"] for o in content["fieldOverrides"]}


def test_the_fields_that_the_engine_asks_for_have_one_index_and_all_others_none() -> None:
    found = overrides(App([ViewMediator(TownPage)]))

    assert found["onto_ledger", "watches"] == [
        {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"}
    ]
    assert found["onto_ledger", "definition"] == [{"order": UP, "queryScope": "COLLECTION"}]
    assert {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION_GROUP"} in found[
        "pages", "memberIds"
    ]
    indexes = Indexes.of(index_file(App([ViewMediator(TownPage)]), {}))
    for collection in OWN_COLLECTIONS:
        assert found[collection, "*"] == []
        assert indexes.singles(collection, "readTime") == frozenset()


def test_the_measures_of_shards_are_exempt() -> None:
    found = overrides(App([ViewMediator(TownPage)]))

    exempt = {field for collection, field in found if collection == "shards"}
    assert exempt == {"n", "low", "top", "onto_changes"}


def test_a_collection_of_the_app_that_is_named_shards_keeps_its_indexes() -> None:
    class Broken(DomainModel, collection="vases/{vase}/shards"):
        n: int

    class BrokenStore(Store):
        shard = root(Broken)
        sizes = aggregate(Shop, n=count()).within(town="t")

    class BrokenPage(ViewModel[BrokenStore], path="brokenPages/{shard}"):
        @property
        def n(self) -> int:
            return self.store.shard.n

    found = overrides(App([ViewMediator(BrokenPage)]))

    assert not any(collection == "shards" for collection, _ in found)


def test_kept_entries_are_added_and_win() -> None:
    own = {"collectionGroup": "onto_ledger", "fieldPath": "sources", "indexes": [{"order": UP}]}
    index = {"collectionGroup": "own", "queryScope": "COLLECTION", "fields": []}

    content = index_file(
        App([ViewMediator(TownPage)]), {"indexes": [index, index], "fieldOverrides": [own]}
    )

    assert content["indexes"].count(index) == 1
    assert own in content["fieldOverrides"]
    assert len({(o["collectionGroup"], o["fieldPath"]) for o in content["fieldOverrides"]}) == len(
        content["fieldOverrides"]
    )
