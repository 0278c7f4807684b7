"""`onto explain`: where a document comes from, and what depends on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator_tests.cli.towns import Towns
from onto_fn.cli.apps import load_app
from onto_fn.observability import Change


@pytest.mark.parametrize("in_terminal", [True, False])
def test_a_view_document_is_explained_by_its_sources(towns: Towns, in_terminal: bool) -> None:
    version = towns.database.get(["towns/oslo"])[0]["towns/oslo"].update_time
    assert version is not None

    ended = towns.run("explain", "townViews/oslo", in_terminal=in_terminal)

    assert ended.code == 0
    fingerprint = towns.engine.definitions["TownView"].fingerprint
    assert f"definition  {fingerprint} (current)" in ended.out
    assert "last event  event-1" in ended.out
    line = ["towns/oslo", version.isoformat(), "name"]
    assert line in [line.split() for line in ended.out.splitlines()]


def test_a_source_that_has_changed_since_and_a_definition_that_has_are_told(towns: Towns) -> None:
    towns.write("towns/oslo", name="Kristiania")
    path = "onto_ledger/TownView~towns%2Foslo"
    record = towns.database.get([path])[0][path].fields
    assert record is not None
    towns.write(path, **{**record, "fingerprint": "of an older definition"})

    ended = towns.run("explain", "townViews/oslo", "--json")

    (origin,) = json.loads(ended.out)["origins"]
    assert origin["is_stale"]
    assert origin["fingerprint"] == "of an older definition"
    (source,) = origin["sources"]
    assert source["version"] < source["now"]
    assert not source["current"]
    assert not source["is_unread"]


def test_a_source_that_has_changed_in_nothing_that_the_view_reads_is_told_so(towns: Towns) -> None:
    towns.write("towns/oslo", name="Oslo", mayor="not in the model")

    ended = towns.run("explain", "townViews/oslo", "--json")

    ((source,),) = [origin["sources"] for origin in json.loads(ended.out)["origins"]]
    assert source["reads"] == ["name"]
    assert not source["current"]
    assert source["is_unread"]
    assert "nothing that the view reads" in towns.run("explain", "townViews/oslo").out


def test_a_source_document_is_explained_by_the_views_that_depend_on_it(towns: Towns) -> None:
    towns.write("towns/bergen", name="Bergen")

    oslo, bergen = (towns.run("explain", path, "--json") for path in ("towns/oslo", "towns/bergen"))

    assert [json.loads(ended.out)["dependents"] for ended in (oslo, bergen)] == [
        [
            {
                "definition": "TownView",
                "root": "towns/oslo",
                "documents": ["townViews/oslo"],
                "state": "built",
            }
        ],
        [
            {
                "definition": "TownView",
                "root": "towns/bergen",
                "documents": [],
                "state": "not built yet",
            }
        ],
    ]


def test_a_view_that_cannot_be_built_says_why(towns: Towns) -> None:
    towns.write("towns/oslo", name=17)
    towns.materialise("towns/oslo")

    ended = towns.run("explain", "townViews/oslo")

    assert "InvalidDocument: towns/oslo is not a valid Town: name:" in ended.out
    assert "onto_dead_letters/TownView~towns%2Foslo" in ended.out


@pytest.mark.parametrize(
    ("path", "says"),
    [("towns/nowhere", "does not exist"), ("other/one", "exists, but no view reads or writes it")],
)
def test_a_document_that_no_view_knows_is_said_to_be_unknown(
    path: str, says: str, towns: Towns
) -> None:
    towns.write("other/one", name="one")

    ended = towns.run("explain", path)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"onto: {path} {says}")


def test_a_collection_is_no_document(towns: Towns) -> None:
    ended = towns.run("explain", "towns")

    assert ended.code == 2
    assert "name a document" in ended.err


AGGREGATED = """\
from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, aggregate, many, query, root
from onto_fn.aggregates import count, total


class Shop(DomainModel, collection="shops"):
    pass


class Sale(DomainModel, collection="sales"):
    amount: int


class ShopStore(Store):
    shop = root(Shop)
    numbers = aggregate(Sale, n=count(), amount=total("amount"))
    sales = query(Sale, invalid="skip")


class ShopView(ViewModel[ShopStore], path="shopViews/{shop_id}"):
    @property
    def number(self) -> int:
        return self.store.numbers["n"] + len(self.store.sales)


App([ViewMediator(ShopView)]).export(globals())
"""


@pytest.fixture
def shop(towns: Towns, tmp_path: Path) -> tuple[str, ...]:
    """The options for an app with a good sale and a bad one."""
    file = tmp_path / "shop.py"
    file.write_text(AGGREGATED)
    engine = load_app(str(file)).engine
    towns.write("shops/s")
    for name, amount in (("good", 1), ("bad", "much")):
        towns.write(f"sales/{name}", amount=amount)
        engine.handle(towns.database, Change(f"sales/{name}", None, None, f"event-{name}"))
    engine.handle(towns.database, Change("shops/s", None, None, "event-s"))
    return ("--app", str(file))


def test_a_document_that_an_aggregate_refuses_has_failed_and_is_not_counted(
    towns: Towns, shop: tuple[str, ...]
) -> None:
    good, bad = (
        {d["definition"]: d["state"] for d in ended.records[0]["dependents"]}
        for ended in (
            towns.run("explain", f"sales/{name}", "--json", *shop) for name in ("good", "bad")
        )
    )

    assert good == {"ShopView": "built", "ShopStore.numbers": "counted"}
    assert bad["ShopStore.numbers"] == "failed"
    assert bad["ShopView"].startswith("built without it: Sale: amount: ")


def test_what_a_view_leaves_out_is_told_of_the_view_and_in_the_status(
    towns: Towns, shop: tuple[str, ...]
) -> None:
    explained = towns.run("explain", "shopViews/s", *shop)
    status = towns.run("status", *shop)
    rows = {row["target"]: row for row in towns.run("status", "--json", *shop).records}

    assert "left out    1 document" in explained.out
    assert "Sale: amount: " in explained.out
    assert rows["ShopView"]["skipping"] == 1
    assert "leave out invalid sources" in status.err
