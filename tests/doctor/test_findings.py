"""Each finding of `onto doctor`: on an app that has the fault, and not on one without it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from onto_fn import (
    App,
    DomainModel,
    EmbeddedModel,
    Form,
    RetryPolicy,
    Store,
    ViewModel,
    aggregate,
    one,
    query,
    root,
)
from onto_fn.access import signed_in
from onto_fn.aggregates import count
from onto_fn.cli.apps import load_app
from onto_fn.doctor import CHECKS, Finding, Measured, Project, diagnose
from onto_fn.errors import DeclarationError

from .conftest import Examine

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024


class Shop(DomainModel, collection="shops"):
    name: str
    kind: str = ""


class Sale(DomainModel, collection="sales"):
    shop: str
    sold_at: datetime
    paid_at: datetime | None = None
    kind: str = ""


class ShopStore(Store):
    shop = root(Shop)
    sales = (
        query(Sale)
        .where("shop", "==", lambda store: store.shop.doc_id)
        .order_by("sold_at")
        .limit(5)
    )


class ShopPage(ViewModel[ShopStore], path="shopPages/{shop_id}"):
    @property
    def number(self) -> int:
        return len(self.store.sales)


class SaleStore(Store):
    sale = root(Sale)
    shop = one(Shop, lambda store: Shop.ref(store.sale.shop))


class SaleByTime(ViewModel[SaleStore], path="shops/{shop_id}/log/{entry_id}"):
    @property
    def name(self) -> str:
        return self.store.shop.name

    def targets(self) -> list[dict[str, str]]:
        sale = self.store.sale
        return [{"shop_id": sale.shop, "entry_id": f"{sale.sold_at:%Y%m%d}-{sale.doc_id}"}]


class SaleByShop(ViewModel[SaleStore], path="shops/{shop_id}/list/{entry_id}"):
    @property
    def name(self) -> str:
        return self.store.shop.name

    def targets(self) -> list[dict[str, str]]:
        sale = self.store.sale
        return [{"shop_id": sale.shop, "entry_id": f"{sale.doc_id}-{sale.sold_at:%Y%m%d}"}]


class OneCountStore(Store):
    shop = root(Shop)
    sales = aggregate(Sale, shards=1, number=count())


class OneCount(ViewModel[OneCountStore], path="oneCounts/{shop_id}"):
    @property
    def number(self) -> int:
        return self.store.sales["number"]


class ManyCountsStore(Store):
    shop = root(Shop)
    sales = aggregate(Sale, shards=60, number=count()).where(
        "shop", "==", lambda store: store.shop.doc_id
    )


class ManyCounts(ViewModel[ManyCountsStore], path="manyCounts/{shop_id}"):
    @property
    def number(self) -> int:
        return self.store.sales["number"]


class AllStore(Store):
    shop = root(Shop)
    cash = query(Sale).where("kind", "==", "cash")


class AllSales(ViewModel[AllStore], path="allSales/{shop_id}"):
    @property
    def number(self) -> int:
        return len(self.store.cash)


class WideStore(Store):
    shop = root(Shop)
    sales = query(Sale).where("shop", "==", lambda store: store.shop.doc_id).limit(5_000)


class WidePage(ViewModel[WideStore], path="widePages/{shop_id}"):
    @property
    def number(self) -> int:
        return len(self.store.sales)


class ListedStore(Store):
    shop = root(Shop)
    sales = (
        query(Sale)
        .where("shop", "==", lambda store: store.shop.doc_id)
        .where("kind", "in", [f"k{n}" for n in range(31)])
    )


class ListedPage(ViewModel[ListedStore], path="listedPages/{shop_id}"):
    @property
    def number(self) -> int:
        return len(self.store.sales)


class Line(EmbeddedModel):
    name: Annotated[str, Field(min_length=1, max_length=20)]
    amount: Annotated[int, Field(ge=1, le=9)]


class LongForm(Form, path="users/{user_id}/longForms/{form_id}", create=signed_in()):
    lines: Annotated[list[Line], Field(max_length=40)]

    def submit(self, request: Any) -> None: ...


def names(findings: list[Finding]) -> list[str]:
    return [finding.check for finding in findings]


def line_of(text: str) -> int:
    """The line of this file that has a text."""
    lines = inspect.getsource(sys.modules[__name__]).splitlines()
    (number,) = [
        n for n, line in enumerate(lines, start=1) if text in line and "line_of" not in line
    ]
    return number


def test_an_app_without_faults_has_no_findings(examine: Examine) -> None:
    assert examine(App([ShopPage]), changes={"sales": "50/s"}, location="us-central1") == []


def test_a_finding_names_file_and_line_and_the_remedy(examine: Examine) -> None:
    (found,) = examine(App([OneCount]))

    assert found.place.file.endswith("test_findings.py")
    assert found.place.line == line_of("sales = aggregate(Sale, shards=1")
    assert "shards=10" in found.remedy
    assert found.to_json()["line"] == found.place.line


def test_an_id_that_begins_with_a_time_is_found(examine: Examine) -> None:
    (found,) = examine(App([SaleByTime]))

    assert (found.check, found.severity) == ("increasing-id", "warning")
    assert found.place.line in range(line_of("class SaleByTime"), line_of("class SaleByShop"))


def test_an_id_that_ends_with_a_time_is_not(examine: Examine) -> None:
    assert examine(App([SaleByShop])) == []


def test_an_id_that_is_added_up_is_judged_by_its_beginning(examine: Examine) -> None:
    class Added(ViewModel[SaleStore], path="shops/{shop_id}/added/{entry_id}"):
        @property
        def number(self) -> int:
            return 1

        def targets(self) -> list[dict[str, str]]:
            sale = self.store.sale
            return [{"shop_id": sale.shop, "entry_id": sale.sold_at.isoformat() + sale.doc_id}]

    assert names(examine(App([Added]))) == ["increasing-id"]


def test_queries_that_split_a_look_up_are_found(examine: Examine) -> None:
    def view(number: int) -> type[ViewModel[Any]]:
        class Numbered(Store):
            shop = root(Shop)
            sales = query(Sale).where("shop", "==", lambda store: store.shop.doc_id)

        class NumberedPage(ViewModel[Numbered], path=f"page{number}/{{id}}", name=f"P{number}"):
            @property
            def number(self) -> int:
                return 1

        return NumberedPage

    assert names(examine(App([view(n) for n in range(15)]))) == ["many-values"]
    assert examine(App([view(n) for n in range(14)])) == []


def test_an_indexed_read_time_of_the_ledger_caps_the_app(examine: Examine) -> None:
    def index_it(content: dict[str, Any]) -> None:
        content["fieldOverrides"] = [
            override
            for override in content["fieldOverrides"]
            if (override["collectionGroup"], override["fieldPath"]) != ("onto_ledger", "*")
        ]

    (found,) = examine(App([ShopPage]), indexes=index_it)

    assert (found.check, found.severity) == ("increasing-index", "error")
    assert found.place.file == "firestore.indexes.json"
    assert "onto generate indexes" in found.remedy


def test_times_that_are_indexed_are_found_where_the_rate_is_high(examine: Examine) -> None:
    fields = examine(App([ShopPage]), changes={"sales": "600/s"})

    assert names(fields) == ["increasing-index"] * 2
    assert {f.severity for f in fields} == {"error"}
    assert [f.place.line for f in fields] == [
        line_of("    sold_at: datetime"),
        line_of("    paid_at: datetime"),
    ]
    assert "ShopStore.sales orders by it" in fields[0].remedy  # the index is needed
    assert "fieldPath paidAt" in fields[1].remedy
    assert examine(App([ShopPage]), changes={"sales": "200/s"}) == []


def test_a_time_that_is_exempt_is_not_found(examine: Examine) -> None:
    def exempt(content: dict[str, Any]) -> None:
        content["fieldOverrides"] += [
            {"collectionGroup": "sales", "fieldPath": name, "indexes": []}
            for name in ("soldAt", "paidAt")
        ]

    assert examine(App([ShopPage]), changes={"sales": "600/s"}, indexes=exempt) == []


def test_one_shard_for_all_documents_is_found(examine: Examine) -> None:
    assert names(examine(App([OneCount]))) == ["hot-aggregate"]
    assert examine(App([ManyCounts])) == []


def test_shards_are_compared_with_the_declared_rate(examine: Examine) -> None:
    found = examine(App([OneCount], changes={"sales": "50/s"}), changes={"sales": "50/s"})

    assert [(f.check, f.severity) for f in found] == [
        ("hot-aggregate", "error"),
        ("hot-view", "warning"),
    ]
    assert "shards=50" in found[0].remedy
    assert examine(App([ManyCounts]), changes={"sales": "50/s"}) == []


def test_an_app_takes_its_rates_from_its_declaration() -> None:
    app = App([OneCount], changes={"sales": "86400/day"})

    ((template, rate),) = app.changes.items()
    assert (template.text, rate.per_second) == ("sales", 1.0)


@pytest.mark.parametrize("changes", [{"nothing": "1/s"}, {"sales": "1/year"}, {"sales": "many"}])
def test_rates_that_mean_nothing_are_refused(changes: Mapping[str, str]) -> None:
    with pytest.raises(DeclarationError, match=r"changes names|is not a rate"):
        App([OneCount], changes=changes)


def test_a_query_that_is_the_same_for_every_root_is_found(examine: Examine) -> None:
    (found,) = examine(App([AllSales]))
    assert (found.check, found.severity) == ("hot-view", "warning")

    (found,) = examine(App([AllSales]), changes={"sales": "5/s"})
    assert (found.check, found.severity) == ("hot-view", "error")

    assert examine(App([AllSales]), changes={"sales": "1000/day"}) == []


def test_a_limit_that_fills_a_ledger_record_is_found(examine: Examine) -> None:
    (found,) = examine(App([WidePage]))

    assert (found.check, found.severity) == ("read-set", "warning")
    assert found.place.line == line_of(".limit(5_000)")


def test_sizes_that_were_measured_are_compared_with_the_limits(examine: Examine) -> None:
    page = ShopPage.definition().name
    small = Measured(page, "shops/a", 1_000, 1_000, 1)
    record = Measured(page, "shops/b", int(0.95 * MIB), 10, 1)
    document = Measured(page, "shops/c", 10, int(0.6 * MIB), 1)
    commit = Measured(page, "shops/d", 10, 400 * 1024, 24)

    assert examine(App([ShopPage]), measured=[small]) == []
    found = examine(App([ShopPage]), measured=[small, record, document, commit])

    assert [(f.check, f.severity) for f in found] == [
        ("commit-size", "error"),
        ("read-set", "error"),
        ("view-size", "warning"),
    ]
    assert "shops/d" in found[0].problem
    assert found[0].place.line == line_of("class ShopPage(")


LIMITED = (
    "app = App(\n    [ShopPage],\n    memory=128,\n    timeout_sec=30,\n    max_instances=1,\n)\n"
)


def test_retries_that_outlast_the_function_are_found(examine: Examine) -> None:
    (found,) = examine(App([ShopPage], timeout_sec=30), text=LIMITED)

    assert (found.check, found.severity, found.place.line) == ("function-limits", "error", 4)
    assert examine(App([ShopPage], timeout_sec=30, retry=RetryPolicy(deadline=20))) == []


def test_events_that_the_platform_drops_first_are_found(examine: Examine) -> None:
    (found,) = examine(App([ShopPage], max_event_age=timedelta(days=2)))

    assert (found.check, found.severity) == ("function-limits", "error")


def test_too_little_memory_is_found(examine: Examine) -> None:
    (found,) = examine(App([ShopPage], memory=128), text=LIMITED)

    assert (found.severity, found.place.line) == ("warning", 3)
    assert examine(App([ShopPage], memory=512), text=LIMITED) == []


def test_instances_are_compared_with_the_declared_rate(examine: Examine) -> None:
    few = App([ShopPage], max_instances=1, concurrency=1)
    (found,) = examine(few, text=LIMITED, changes={"sales": "50/s"})

    assert (found.severity, found.place.line) == ("error", 5)
    assert "max_instances=6" in found.remedy
    assert examine(App([ShopPage], max_instances=10), changes={"sales": "50/s"}) == []


@pytest.mark.parametrize(
    ("location", "region", "found"),
    [
        ("nam5", "us-central1", 0),
        ("eur3", "europe-west1", 0),
        ("eur3", "us-central1", 1),
        ("nam5", "europe-west1", 1),
        ("europe-west3", "europe-west3", 0),
        ("europe-west3", "europe-west1", 1),
        (None, "europe-west1", 0),
        ("eur3", None, 0),  # the deploy tool chooses one near the database
    ],
)
def test_functions_far_from_the_database_are_found(
    examine: Examine, location: str | None, region: str | None, found: int
) -> None:
    app = App([ShopPage], region=region)

    assert names(examine(app, location=location)) == ["region"] * found
    entry = {"firestore": {"location": location}} if location else {}
    assert names(examine(app, firebase=entry)) == ["region"] * found


def test_a_form_that_is_too_large_for_rules_is_found(examine: Examine) -> None:
    (found,) = examine(App([ShopPage, LongForm]))

    assert (found.check, found.severity) == ("rules-cost", "warning")
    assert found.place.line == line_of("class LongForm(")


def rule(calls: int) -> str:
    called = " &&\n ".join(f"exists(/databases/$(database)/documents/a/{n})" for n in range(calls))
    return (
        f"service cloud.firestore {{\n  match /a/{{b}} {{\n    allow read: if {called};\n  }}\n}}"
    )


def test_a_rule_that_reads_too_many_documents_is_found(examine: Examine) -> None:
    (found,) = examine(App([ShopPage]), rules=rule(11))

    assert (found.check, found.severity, found.place.line) == ("rules-cost", "error", 3)
    assert examine(App([ShopPage]), rules=rule(10)) == []


def test_a_file_of_rules_that_is_nearly_full_is_found(examine: Examine) -> None:
    (found,) = examine(App([ShopPage]), rules="// long\n" * 30_000)

    assert (found.check, found.severity) == ("rules-cost", "warning")


def test_a_list_of_more_than_thirty_values_is_found(examine: Examine) -> None:
    (found,) = examine(App([ListedPage]))

    assert (found.check, found.severity) == ("many-values", "warning")
    assert "2 queries" in found.problem


SECOND = "from onto_fn import App\n\napp = App([], database='{database}')\n"


def test_two_apps_of_one_database_are_found(examine: Examine) -> None:
    firebase = {"functions": [{"source": "functions"}, {"source": "more"}]}
    same = {"more/main.py": SECOND.format(database="(default)")}
    (found,) = examine(App([ShopPage]), firebase=firebase, others=same)

    assert (found.check, found.severity) == ("shared-ledger", "error")
    assert str(found.place) == "more/main.py:3"
    other = {"more/main.py": SECOND.format(database="second")}
    assert examine(App([ShopPage]), firebase=firebase, others=other) == []


def test_a_missing_ttl_is_found(examine: Examine) -> None:
    def forget(content: dict[str, Any]) -> None:
        for override in content["fieldOverrides"]:
            override.pop("ttl", None)

    (found,) = examine(App([ShopPage]), indexes=forget)

    assert (found.check, found.severity) == ("missing-ttl", "warning")


def test_the_meeting_room_has_no_findings() -> None:
    main = ROOT / "functions" / "main.py"

    assert diagnose(Project(load_app(str(main)), main, ROOT, location="nam5")) == []


def test_every_check_is_documented_and_tested() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    tests = Path(__file__).read_text()

    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == [check.name for check in CHECKS]
    for check in CHECKS:
        assert f'"{check.name}"' in tests, check.name
