"""Paths such as "team.members" in place of functions: checked when the store is declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field, computed_field

from onto_fn import (
    DeclarationError,
    DomainModel,
    EmbeddedModel,
    Ref,
    Store,
    aggregate,
    keyed,
    many,
    one,
    root,
)
from onto_fn import query as matching
from onto_fn.aggregates import count
from onto_fn.firestore import Document, Query
from onto_fn.store import ReadSet, load


class City(DomainModel, collection="cities"):
    name: str = ""


class Product(DomainModel, collection="products"):
    name: str = ""
    made_in: Ref[City] | None = None


class Line(EmbeddedModel):
    product: Ref[Product]
    also: list[Ref[Product]] = Field(default_factory=list)


class Address(BaseModel):
    city: Ref[City] | None = None


@dataclass
class Parcel:
    via: Ref[City] | None = None


class Order(DomainModel, collection="orders"):
    title: str = ""
    lines: list[Line] = Field(default_factory=list)
    gifts: tuple[Ref[Product], ...] = ()
    by_day: dict[str, Ref[Product]] = Field(default_factory=dict)
    address: Address | None = None
    parcel: Parcel | None = None
    favourite: Ref[Product] | None = Field(default=None, alias="the-favourite")
    anything: Any = None
    old: Ref = None  # type: ignore[assignment, type-arg]

    @computed_field
    @property
    def first(self) -> Ref[Product] | None:
        return self.lines[0].product if self.lines else None


class OrderStore(Store):
    order = root(Order)
    favourite = one(Product, "order.favourite", default=None)
    aliased = one(Product, "order.`the-favourite`", default=None)
    first = one(Product, "order.first", default=None)
    city = one(City, "order.address.city", default=None)
    via = one(City, "order.parcel.via", default=None)
    products = many(Product, "order.lines.product")
    also = many(Product, "order.lines.also")
    gifts = many(Product, "order.gifts")
    by_day = keyed(Product, "order.byDay")
    cities = many(City, "products.made_in")
    unknown = one(City, "order.anything.where", default=None)


CONTENT: dict[str, Any] = {
    "lines": [
        {"product": "products/a", "also": ["products/b", "products/c"]},
        {"product": "products/b"},
    ],
    "gifts": ["products/c"],
    "byDay": {"monday": "products/a"},
    "address": {"city": "cities/x"},
    "parcel": {"via": "cities/y"},
    "the-favourite": "products/c",
}


class Reader:
    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def get(self, paths: Any) -> dict[str, Document]:
        now = datetime.now(UTC)
        return {
            path: Document(
                path,
                self.content
                if path.startswith("orders")
                else {"name": path[-1], "madeIn": "cities/x" if path[-1] == "a" else None},
                now,
            )
            for path in paths
        }

    def query(self, query: Query) -> list[Document]:
        return []


def loaded(content: dict[str, Any]) -> OrderStore:
    store = load(OrderStore, "orders/o", Reader(content), ReadSet())
    assert store is not None
    return store


def test_a_path_leads_through_models_lists_and_aliases_to_references() -> None:
    store = loaded(CONTENT)

    assert store.favourite == store.aliased
    assert store.favourite.name == "c"
    assert store.first.name == "a"
    assert store.city.name == "x"
    assert store.via.name == "y"
    assert [product.name for product in store.products] == ["a", "b"]
    assert [product.name for product in store.also] == ["b", "c"]
    assert [product.name for product in store.gifts] == ["c"]
    assert store.by_day["monday"].name == "a"
    assert [city.name for city in store.cities] == ["x"]


def test_what_is_none_on_the_way_leads_to_nothing() -> None:
    store = loaded({})

    assert (store.favourite, store.city, store.via, store.first) == (None, None, None, None)
    assert store.products == store.gifts == store.cities == []
    assert store.by_day == {}


REFUSED = [
    (many, City, "oder.lines", "uses `oder`, which Shop does not declare"),
    (many, City, "order", "names a read but none of its fields"),
    (many, City, "order..x", "is not a field path"),
    (many, City, "", "is not a field path"),
    (
        many,
        Product,
        "order.liens",
        "Order has no field 'liens'; Order declares address, anything, by_day",
    ),
    (
        many,
        Product,
        "order.lines.prodct",
        "Line has no field 'prodct'; Line declares also, product",
    ),
    (many, Product, "order.doc_ref", "Order has no field 'doc_ref'"),
    (many, Product, "order.title", r"the end is str; `many` needs a list of references"),
    (one, Product, "order.title", r"the end is str; `one` needs a reference, such as Ref\[Product"),
    (one, Product, "order.gifts", "`one` needs a reference"),
    (one, Product, "order.lines.product", "the end is several of .*`one` needs a reference"),
    (many, Product, "order.favourite", "`many` needs a list of references"),
    (many, Product, "order.by_day", "`many` needs a list"),
    (keyed, Product, "order.gifts", r"`keyed` needs a dict of references, such as dict\[str, Ref"),
    (keyed, Product, "order.lines.product", "`keyed` needs a dict"),
    (one, City, "order.favourite", "the references are to Product, in products; this read is of"),
    (many, City, "order.gifts", "the references are to Product"),
    (one, City, "order.favourite.made_in", "a path cannot follow a reference"),
    (many, City, "order.by_day.monday.x", "goes through models and lists of models"),
    (many, City, "numbers.x", "begins with `numbers`, which holds a dict"),
    (many, City, "tickets.made_in", "begins with `tickets`, which holds a dict"),
    (one, City, "all.made_in", "the end is several of"),
    (many, City, "itself.made_in", "depend on each other in a circle: itself"),
]


@pytest.mark.parametrize(("declare", "model", "path", "message"), REFUSED)
def test_a_path_that_leads_to_no_reference_is_refused(
    declare: Any, model: Any, path: str, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message) as raised:

        class Shop(Store):
            order = root(Order)
            numbers = aggregate(Product, n=count())
            tickets = keyed(Product, "order.by_day")
            all = matching(Product)
            itself = declare(model, path)

    if "names" not in message and "field path" not in message:
        assert "Shop.itself" in str(raised.value) or "circle" in message


def test_a_path_may_begin_with_a_list_that_a_query_finds() -> None:
    class Shop(Store):
        order = root(Order)
        all = matching(Product)
        cities = many(City, "all.made_in")

    assert Shop.models() == {Order, Product, City}


def test_a_reference_that_names_no_model_may_lead_anywhere() -> None:
    class Shop(Store):
        order = root(Order)
        city = one(City, "order.old", default=None)

    assert Shop.city.model is City  # type: ignore[attr-defined]
