"""Views, forms and patches are tested on documents that are given, without emulators."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from onto_fn import (
    DeclarationError,
    DomainModel,
    Form,
    Patch,
    Ref,
    Refused,
    Request,
    Store,
    ViewModel,
    aggregate,
    keyed,
    many,
    one,
    query,
    root,
)
from onto_fn.access import owner, role
from onto_fn.aggregates import average, count, maximum, total
from onto_fn.errors import (
    BuildError,
    InvalidDocument,
    InvalidRequest,
    InvalidValue,
    MissingDocument,
    NotWritable,
)
from onto_fn.testing import PermissionDenied, build, edit, load_store, submit

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Cook(DomainModel, collection="cooks"):
    name: str


class Kitchen(DomainModel, collection="kitchens"):
    name: str
    head: Ref[Cook]
    staff: list[Ref[Cook]]
    opens: date = date(2026, 1, 1)


class Dish(DomainModel, collection="kitchens/{kitchen_id}/dishes"):
    name: str
    price: int


class Order(DomainModel, collection="orders"):
    kitchen: Ref[Kitchen]
    price: int
    status: str = "new"
    at: datetime | None = None


class KitchenStore(Store):
    kitchen = root(Kitchen)
    head = one(Cook, "kitchen.head")
    staff = many(Cook, "kitchen.staff", missing="skip")
    by_role = keyed(Cook, lambda store: {"head": store.kitchen.head})
    cheap = (
        query(Dish)
        .within(kitchen_id=lambda store: store.kitchen.doc_id)
        .where("price", "<", 10)
        .order_by("price", descending=True)
        .limit(2)
    )
    orders = (
        aggregate(Order, number=count(), revenue=total("price"), mean=average("price"))
        .where("kitchen", "==", lambda store: store.kitchen.doc_ref)
        .where("status", "==", "new")
    )
    dearest = aggregate(Order, price=maximum("price")).where(
        "kitchen", "==", lambda store: store.kitchen.doc_ref
    )
    best_sold = query(Order).where("price", "==", lambda store: store.dearest["price"] or 0)


class KitchenPage(ViewModel[KitchenStore], path="cooks/{cook_id}/KitchenPage/{kitchen_id}"):
    @property
    def title(self) -> str:
        return f"{self.store.kitchen.name} of {self.store.head.name}"

    @title.setter
    def title(self, value: str) -> None:
        if not value:
            raise Refused("a kitchen needs a name")
        self.store.kitchen.name = value

    @property
    def opens(self) -> date:
        return self.store.kitchen.opens

    @property
    def number(self) -> int:
        return self.store.orders["number"]

    def targets(self) -> list[dict[str, str]]:
        kitchen = self.store.kitchen
        return [{"cook_id": kitchen.head.id, "kitchen_id": kitchen.doc_id}]


class PlaceOrder(
    Form[KitchenStore],
    path="users/{user_id}/orderForms/{order_id}",
    create=owner("user_id") | role("waiter"),
    root="kitchen",
):
    kitchen: str
    price: int

    def submit(self, request: Request) -> list[Order]:
        if self.price > 100:
            raise Refused("nobody is that rich")
        self.store.kitchen.name = f"{self.store.kitchen.name}!"
        by = Kitchen.ref(self.kitchen)
        return [Order(doc_id=request.doc_id, kitchen=by, price=self.price, at=request.time)]


class KitchenPatch(
    Patch[KitchenPage],
    path="cooks/{cook_id}/kitchenPatches/{id}",
    target="kitchen",
    create=owner("cook_id"),
):
    title: str


def order(identifier: str, price: int, **more: Any) -> Order:
    return Order(doc_id=identifier, kitchen=Kitchen.ref("k"), price=price, **more)


ADA = Cook(doc_id="ada", name="Ada")
KITCHEN = Kitchen(doc_id="k", name="Thai", head=ADA.doc_ref, staff=[Cook.ref("gone"), ADA.doc_ref])
OBJECTS = [
    ADA,
    KITCHEN,
    order("1", 10),
    order("2", 20),
    order("3", 90, status="delivered"),
    Order(doc_id="4", kitchen=Kitchen.ref("other"), price=500),
]
DISHES = {
    f"kitchens/{kitchen}/dishes/{name}": {"name": name, "price": price}
    for kitchen, name, price in [
        ("k", "rice", 3),
        ("k", "soup", 7),
        ("k", "egg", 2),
        ("k", "fish", 10),
        ("other", "tea", 5),
    ]
}
DOCUMENTS = {model.doc_ref.path: model.doc_fields() for model in OBJECTS} | DISHES


def test_a_store_is_loaded_from_plain_dicts_with_all_its_reads() -> None:
    store = load_store(KitchenStore, "k", DOCUMENTS)

    assert store.kitchen.name == "Thai"
    assert store.head is not None
    assert store.head.name == "Ada"
    assert [cook.name for cook in store.staff] == ["Ada"]
    assert store.by_role["head"].name == "Ada"


def test_a_query_is_filtered_ordered_and_limited_over_what_is_given() -> None:
    store = load_store(KitchenStore, "k", DOCUMENTS)

    assert [dish.name for dish in store.cheap] == ["soup", "rice"]


def test_an_aggregate_is_counted_over_what_is_given() -> None:
    store = load_store(KitchenStore, "k", DOCUMENTS)

    assert store.orders == {"number": 2, "revenue": 30, "mean": 15.0}
    assert store.dearest == {"price": 90}
    assert [found.doc_id for found in store.best_sold] == ["3"]


@pytest.mark.parametrize("price", ["dear", 2**60])
def test_an_aggregate_leaves_out_what_functions_would_not_count(
    price: object, caplog: pytest.LogCaptureFixture
) -> None:
    kitchen = {"kitchen": KITCHEN.doc_ref}
    documents = {**DOCUMENTS, "orders/bad": {**kitchen, "status": "new", "price": price}}

    store = load_store(KitchenStore, "k", documents)

    assert store.orders == {"number": 2, "revenue": 30, "mean": 15.0}
    assert "KitchenStore.orders does not count orders/bad: orders/bad is not a valid" in caplog.text


def test_the_numbers_of_an_aggregate_can_be_given() -> None:
    given = {"orders": {"number": 300}, "dearest": {"price": 500}}

    store = load_store(KitchenStore, "k", DOCUMENTS, aggregates=given)

    assert store.orders == {"number": 300, "revenue": 0, "mean": None}
    assert [found.doc_id for found in store.best_sold] == ["4"]
    assert build(KitchenPage, "k", OBJECTS, aggregates=given)["cooks/ada/KitchenPage/k"] == {
        "title": "Thai of Ada",
        "opens": "2026-01-01",
        "number": 300,
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [({"votes": {}}, "no aggregate 'votes'"), ({"orders": {"sum": 1}}, "no measure sum")],
)
def test_numbers_that_no_aggregate_has_are_refused(given: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        load_store(KitchenStore, "k", DOCUMENTS, aggregates=given)


@pytest.mark.parametrize("place", ["k", "kitchens/k", Kitchen.ref("k")])
def test_the_root_is_named_by_id_path_or_reference(place: Any) -> None:
    assert load_store(KitchenStore, place, OBJECTS).kitchen.doc_id == "k"


def test_a_root_of_another_collection_is_refused() -> None:
    with pytest.raises(ValueError, match="cooks/ada is not in kitchens"):
        load_store(KitchenStore, "cooks/ada", OBJECTS)


def test_what_is_not_given_does_not_exist() -> None:
    with pytest.raises(MissingDocument, match="kitchens/k"):
        load_store(KitchenStore, "k", [])
    with pytest.raises(MissingDocument, match="cooks/ada"):
        load_store(KitchenStore, "k", [KITCHEN])


def test_documents_are_checked_like_those_of_firestore() -> None:
    with pytest.raises(InvalidDocument, match="cooks/ada"):
        load_store(KitchenStore, "k", {**DOCUMENTS, "cooks/ada": {"name": 1}})
    with pytest.raises(InvalidValue, match="cooks/ada: name"):
        load_store(KitchenStore, "k", {**DOCUMENTS, "cooks/ada": {"name": object()}})


def test_a_view_is_tested_on_a_store_that_is_given() -> None:
    view = KitchenPage(load_store(KitchenStore, "k", DOCUMENTS))

    assert view.title == "Thai of Ada"


def test_a_setter_is_tested_by_the_documents_that_it_changes() -> None:
    changed = edit(KitchenPage, "k", {"title": "Lao"}, OBJECTS)

    assert list(changed) == ["kitchens/k"]
    assert changed["kitchens/k"]["name"] == "Lao"
    assert changed["kitchens/k"]["head"] == Cook.ref("ada")
    assert edit(KitchenPage, "k", {"title": "Thai"}, OBJECTS) == {}


def test_a_setter_that_refuses_raises_its_reason() -> None:
    with pytest.raises(Refused, match="needs a name"):
        edit(KitchenPage, "k", {"title": ""}, OBJECTS)
    with pytest.raises(NotWritable, match="number has no setter"):
        edit(KitchenPage, "k", {"number": 1}, OBJECTS)


def test_a_form_with_a_store_is_tested_by_what_it_creates_and_changes() -> None:
    made = submit(PlaceOrder, {"kitchen": "k", "price": 7}, OBJECTS, id="o", user="bob", time=NOON)

    assert sorted(made) == ["kitchens/k", "orders/o"]
    assert made["kitchens/k"]["name"] == "Thai!"
    assert made["orders/o"]["price"] == 7
    assert made["orders/o"]["kitchen"] == Kitchen.ref("k")
    assert made["orders/o"]["at"] == NOON


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kitchen": "k", "price": 101}, "nobody is that rich"),
        ({"kitchen": "nowhere", "price": 1}, "kitchens/nowhere does not exist"),
    ],
)
def test_a_form_that_is_refused_raises_the_reason(fields: Any, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        submit(PlaceOrder, fields, OBJECTS, user="bob")


@pytest.mark.parametrize("fields", [{"kitchen": "k"}, {"kitchen": "k", "price": "7"}])
def test_fields_that_the_rules_would_refuse_are_refused(fields: Any) -> None:
    with pytest.raises(InvalidRequest, match="price"):
        submit(PlaceOrder, fields, OBJECTS, user="bob")


def test_a_document_that_exists_refuses_the_form() -> None:
    with pytest.raises(Refused, match="orders/1 already exists"):
        submit(PlaceOrder, {"kitchen": "k", "price": 7}, OBJECTS, id="1", user="bob")


def test_who_may_not_create_a_request_is_denied() -> None:
    fields = {"kitchen": "k", "price": 7}

    with pytest.raises(PermissionDenied, match=r"eve may not create users/bob/orderForms/o"):
        submit(PlaceOrder, fields, OBJECTS, id="o", user="eve", params={"user_id": "bob"})
    assert submit(
        PlaceOrder,
        fields,
        OBJECTS,
        id="o",
        user="eve",
        params={"user_id": "bob"},
        claims={"waiter": True},
    )


def test_a_variable_of_the_path_without_a_value_is_named() -> None:
    with pytest.raises(ValueError, match="user_id"):
        submit(PlaceOrder, {"kitchen": "k", "price": 7}, OBJECTS)


class WhoAsks(Form, path="asks/{id}", create=role("waiter")):
    def submit(self, request: Request) -> list[Cook]:
        return [Cook(doc_id="who", name=str(request.uid))]


def test_the_user_is_known_of_a_call_and_not_of_a_document_that_many_may_write() -> None:
    claims = {"waiter": True}

    document = submit(WhoAsks, {}, user="bob", claims=claims)
    call = submit(WhoAsks, {}, user="bob", claims=claims, is_call=True)

    assert document["cooks/who"]["name"] == "None"
    assert call["cooks/who"]["name"] == "bob"


def test_a_patch_is_tested_by_what_it_changes() -> None:
    made = submit(KitchenPatch, {"kitchen": "k", "title": "Lao"}, OBJECTS, user="ada")

    assert sorted(made) == ["kitchens/k"]
    assert made["kitchens/k"]["name"] == "Lao"


def test_a_patch_of_a_view_that_the_user_does_not_have_is_refused() -> None:
    with pytest.raises(Refused, match="cooks/eve/KitchenPage/k does not exist"):
        submit(KitchenPatch, {"kitchen": "k", "title": "Lao"}, OBJECTS, user="eve")


def test_a_form_whose_store_is_not_loaded_says_so_and_how_to_test_it() -> None:
    form = PlaceOrder(kitchen="k", price=7)

    with pytest.raises(BuildError, match=r"not loaded.*onto_fn\.testing\.submit\(PlaceOrder"):
        form.submit(Request("users/bob/orderForms/o", {"user_id": "bob"}))


def test_a_form_that_reads_no_store_says_how_to_declare_one() -> None:
    with pytest.raises(DeclarationError, match="reads no store"):
        _ = WhoAsks().store


def test_the_time_of_a_request_that_nobody_gives_is_now() -> None:
    before = datetime.now(UTC)

    assert before <= Request("a/b", {}).time <= datetime.now(UTC)
