"""A change to an object changes the nested keys that it is about, and nothing beside them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, Field, model_validator

from onto_fn import DomainModel, EmbeddedModel, Ref, Store, many, root
from onto_fn.errors import BuildError
from onto_fn.firestore import Document, Query, Reference
from onto_fn.firestore.values import encode_fields
from onto_fn.requests.writable_store import WritableStore
from tests.strategies import documents, names

PREFIX = "projects/p/databases/(default)/documents"
FOREIGN = Reference.stored("towns/x", "projects/other/databases/(default)")
READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


class City(EmbeddedModel):
    name: str = "unnamed"
    since: date | None = None


class Address(EmbeddedModel):
    city: City = Field(default_factory=City)
    floor: int | None = None
    street_name: str = ""


class Line(EmbeddedModel):
    sku: str
    quantity: float = 1
    extra_lines: list[Line] = Field(default_factory=list)


class Plain(BaseModel):
    price_tag: Decimal = Decimal(0)


class Town(DomainModel, collection="towns"):
    name: str = ""


class Order(DomainModel, collection="orders"):
    title: str = ""
    address: Address = Field(default_factory=Address)
    lines: list[Line] = Field(default_factory=list)
    labels: set[str] = Field(default_factory=set)
    by_day: dict[date, Plain] = Field(default_factory=dict)
    amounts: list[float] = Field(default_factory=list)
    town: Ref[Town] | None = None


class OrderStore(Store):
    order = root(Order)
    same = many(Order, lambda store: [store.order.doc_ref])


class Reader:
    """A snapshot of one document."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._document = Document("orders/a", fields, READ_AT)

    def get(self, paths: Any) -> dict[str, Document]:
        return dict.fromkeys(paths, self._document)

    def query(self, query: Query) -> list[Document]:
        raise NotImplementedError


def written(fields: dict[str, Any], change: Callable[[Order], None]) -> dict[str, Any]:
    """The fields of the document after a change to its object."""
    source = WritableStore[OrderStore].load(OrderStore, "orders/a", Reader(fields))
    assert source is not None
    change(source.store.order)
    [write] = source.writes()
    assert write.precondition == READ_AT
    return dict(write.fields or {})


def stored(fields: dict[str, Any]) -> dict[str, bytes]:
    """Each field as it goes over the wire."""
    encoded = encode_fields(fields, documents=PREFIX, where="orders/a")
    return {name: value.SerializeToString(deterministic=True) for name, value in encoded.items()}


UNDECLARED: dict[str, Any] = {
    "zip": "1200",
    "nothing": None,
    "foreign": FOREIGN,
    "geo": GeoPoint(-0.0, 1),
    "vector": Vector([1.0]),
    "deep": {"list": [{"n": None, "ref": FOREIGN}], "empty": {}, "none": []},
    "bytes": b"\x00",
    "at": datetime(2020, 1, 1, tzinfo=UTC),
}


def order(**fields: Any) -> dict[str, Any]:
    return {
        **UNDECLARED,
        "title": "a",
        "address": {
            **UNDECLARED,
            "city": {**UNDECLARED, "name": "Vienna"},
            "floor": None,
        },
        "lines": [{**UNDECLARED, "sku": "x", "quantity": 1}, {"sku": "y", "note": "second"}],
        "labels": ["z", "a"],
        "byDay": {"2026-01-02": {"price_tag": 5, "kept": True}, "2026-01-03": {}},
        "amounts": [1, 2.5],
        "town": FOREIGN,
        **fields,
    }


def changed_in(path: str, value: Any) -> dict[str, Any]:
    """The order with one value replaced at a path such as `lines.0.sku`."""
    fields = copy.deepcopy(order())
    *parents, last = path.split(".")
    place: Any = fields
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    place[int(last) if last.isdigit() else last] = value
    return fields


def set_city(made: Order) -> None:
    made.address.city.name = "Graz"


def new_city(made: Order) -> None:
    made.address = Address(city=City(name="Graz"))


def copied_address(made: Order) -> None:
    city = made.address.city.model_copy(update={"name": "Graz"})
    made.address = made.address.model_copy(update={"city": city})


def set_quantity(made: Order) -> None:
    made.lines[0].quantity = 3


def new_lines(made: Order) -> None:
    made.lines = [
        Line(sku=line.sku, quantity=3 if line.sku == "x" else line.quantity) for line in made.lines
    ]


def copied_lines(made: Order) -> None:
    made.lines = [line.model_copy(update={"sku": f"{line.sku}2"}) for line in made.lines]


def set_price(made: Order) -> None:
    made.by_day[date(2026, 1, 2)].price_tag = Decimal("7.0")


def add_label(made: Order) -> None:
    made.labels = {*made.labels, "b"}


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        (set_city, "address.city.name", "Graz"),
        (new_city, "address.city.name", "Graz"),
        (copied_address, "address.city.name", "Graz"),
        (set_quantity, "lines.0.quantity", 3.0),
        (new_lines, "lines.0.quantity", 3.0),
        (set_price, "byDay.2026-01-02.price_tag", "7.0"),
        (add_label, "labels", ["z", "a", "b"]),
        (lambda made: setattr(made, "amounts", [1, 3.5]), "amounts.1", 3.5),
        (lambda made: setattr(made, "title", "b"), "title", "b"),
        (lambda made: setattr(made.address, "floor", 2), "address.floor", 2),
    ],
    ids=lambda item: getattr(item, "__name__", None),
)
def test_a_change_writes_the_one_key_that_it_is_about(
    change: Callable[[Order], None], path: str, value: Any
) -> None:
    assert stored(written(order(), change)) == stored(changed_in(path, value))


def test_a_copy_of_a_line_keeps_what_is_not_declared_whatever_changes_in_it() -> None:
    first, second = written(order(), copied_lines)["lines"]

    assert first == order()["lines"][0] | {"sku": "x2"}
    assert second == {"sku": "y2", "note": "second"}


def test_a_line_that_moves_takes_what_is_not_declared_along() -> None:
    lines = written(order(), lambda made: setattr(made, "lines", made.lines[::-1]))["lines"]

    assert lines == order()["lines"][::-1]


def test_a_line_that_is_removed_takes_what_is_not_declared_with_it() -> None:
    def change(made: Order) -> None:
        made.lines = made.lines[1:]

    assert written(order(), change)["lines"] == [{"sku": "y", "note": "second"}]


def test_a_new_line_has_nothing_of_the_others() -> None:
    def change(made: Order) -> None:
        made.lines = [Line(sku="new"), *made.lines[1:]]

    first, second = written(order(), change)["lines"]

    assert first == {"sku": "new", "quantity": 1.0, "extraLines": []}
    assert second == {"sku": "y", "note": "second"}


def test_a_line_that_becomes_part_of_another_keeps_what_is_not_declared() -> None:
    def change(made: Order) -> None:
        first, second = made.lines
        second.extra_lines = [first]
        made.lines = [second]

    [line] = written(order(), change)["lines"]

    assert line == {"sku": "y", "note": "second", "extraLines": [order()["lines"][0]]}


def test_a_value_that_becomes_none_leaves_the_document() -> None:
    fields = order(address={"floor": 2, "zip": "1"})

    assert written(fields, lambda made: setattr(made.address, "floor", None))["address"] == {
        "zip": "1"
    }


def test_a_key_that_is_removed_from_a_map_is_gone_and_the_others_stay() -> None:
    by_day = written(order(), lambda made: made.by_day.pop(date(2026, 1, 3)))["byDay"]

    assert by_day == {"2026-01-02": {"price_tag": 5, "kept": True}}


def test_a_map_that_is_stored_as_something_else_is_replaced_whole() -> None:
    class Read(DomainModel, collection="orders"):
        address: dict[str, str] = Field(default_factory=dict)

    assert written({"title": "a"}, set_city)["address"] == {"city": {"name": "Graz"}}


def test_two_changes_are_told_from_one_another() -> None:
    source = WritableStore[OrderStore].load(OrderStore, "orders/a", Reader(order()))
    assert source is not None
    set_city(source.store.order)
    [first] = source.writes()
    source.written([first], READ_AT)

    assert source.writes() == ()
    set_quantity(source.store.order)
    [second] = source.writes()
    both = changed_in("lines.0.quantity", 3.0)
    both["address"]["city"]["name"] = "Graz"
    assert stored(dict(second.fields or {})) == stored(both)


class Narrow(DomainModel, collection="orders"):
    address: dict[str, Any] = Field(default_factory=dict)
    title: str = ""


class TwoStore(Store):
    order = root(Order)
    narrow = many(Narrow, lambda store: [store.order.doc_ref])


def two_of_one_document() -> WritableStore[TwoStore]:
    source = WritableStore[TwoStore].load(TwoStore, "orders/a", Reader(order()))
    assert source is not None
    return source


def test_objects_of_two_classes_can_change_two_keys_of_one_map() -> None:
    source = two_of_one_document()
    set_city(source.store.order)
    source.store.narrow[0].address["zip"] = "8010"

    [write] = source.writes()

    expected = changed_in("address.city.name", "Graz")
    expected["address"]["zip"] = "8010"
    assert stored(dict(write.fields or {})) == stored(expected)


def test_objects_that_change_one_key_to_two_values_are_refused_by_its_name() -> None:
    source = two_of_one_document()
    set_city(source.store.order)
    source.store.narrow[0].address["city"]["name"] = "Linz"

    with pytest.raises(BuildError, match=r"orders/a: two objects .* 'address\.city\.name'"):
        source.writes()


@given(documents, documents, documents, names)
def test_whatever_is_not_declared_stays_byte_for_byte(
    beside: dict[str, Any], inside: dict[str, Any], deep: dict[str, Any], name: str
) -> None:
    declared = {"title", "address", "lines", "labels", "byDay", "amounts", "town"}
    taken = declared | {"doc_id", "doc_ref", "obj_type", "by_day"}
    city = {n: v for n, v in deep.items() if n not in {"name", "since"}}
    address = {n: v for n, v in inside.items() if n not in {"city", "floor", "streetName"}}
    address.pop("street_name", None)
    fields = {n: v for n, v in beside.items() if n not in taken}
    fields |= {"address": {**address, "city": {**city, "name": "Vienna"}}}

    after = written(fields, lambda made: setattr(made.address.city, "name", name or "x"))

    expected = copy.deepcopy(fields)
    expected["address"]["city"]["name"] = name or "x"
    assert stored(after) == stored(expected)


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abcd"), max_size=5))
def test_a_list_of_maps_is_what_the_object_says_and_keeps_what_belongs_to_each(
    before: list[str], after: list[str]
) -> None:
    lines = [{"sku": sku, "quantity": 1.0, "note": f"of {sku}"} for sku in before]
    made = [{"sku": sku, "quantity": 1.0} for sku in after]

    def change(order: Order) -> None:
        order.title = "changed"
        order.lines = [Line.model_validate(line) for line in made]

    result = written({"lines": lines}, change).get("lines", [])

    assert [line["sku"] for line in result] == after
    assert all(line.get("note", f"of {line['sku']}") == f"of {line['sku']}" for line in result)


# An object of another class


class Card(EmbeddedModel):
    kind: Literal["card"] = "card"
    holder_name: str | None = None


class Cash(EmbeddedModel, extra="forbid"):
    kind: Literal["cash"] = "cash"
    amount: int = 0


class Voucher(EmbeddedModel, extra="allow"):
    kind: Literal["voucher"] = "voucher"


class Cheque(EmbeddedModel):
    kind: Literal["cheque"] = "cheque"


class Blank(EmbeddedModel):
    pass


class Payment(DomainModel, collection="orders"):
    way: Annotated[Card | Cash | Voucher | Cheque, Field(discriminator="kind")]
    title: str = ""
    pair: tuple[dict[str, int], Blank] = ({}, Blank())


class PaymentStore(Store):
    payment = root(Payment)


def paid(fields: dict[str, Any], change: Callable[[Payment], None]) -> dict[str, Any]:
    source = WritableStore[PaymentStore].load(PaymentStore, "orders/a", Reader(fields))
    assert source is not None
    change(source.store.payment)
    [write] = source.writes()
    return dict(write.fields or {})


def test_a_null_of_the_former_class_goes_with_an_object_of_another_class() -> None:
    fields = {"way": {"kind": "card", "holderName": None, "note": "kept"}}

    after = paid(fields, lambda made: setattr(made, "way", Cheque()))

    assert after["way"] == {"kind": "cheque", "note": "kept"}


@pytest.mark.parametrize("way", [Cash(amount=1), Voucher()])
def test_what_is_not_declared_goes_if_the_other_class_would_refuse_it_or_take_it(
    way: Cash | Voucher,
) -> None:
    fields = {"way": {"kind": "card", "holderName": None, "note": "of the card"}}

    after = paid(fields, lambda made: setattr(made, "way", way))

    assert after["way"] == way.model_dump(by_alias=True)


def test_an_item_of_a_tuple_takes_nothing_from_an_item_of_another_class() -> None:
    fields = {"way": {"kind": "cheque"}, "pair": [{"a": 1}, {"note": "of the second"}]}

    after = paid(fields, lambda made: setattr(made, "pair", ({}, Blank())))

    assert after["pair"] == [{}, {"note": "of the second"}]


def test_equal_items_stay_at_their_places_in_a_list() -> None:
    fields = {"lines": [{"sku": "a", "note": 1}, {"sku": "b", "note": 2}]}

    def change(made: Order) -> None:
        made.lines = [Line(sku="b"), Line(sku="b")]

    assert [line.get("note") for line in written(fields, change)["lines"]] == [None, 2]


# An object at another place, and a key that is read in the place of another


def test_an_object_that_moves_to_another_key_takes_what_is_not_declared_along() -> None:
    fields = {"byDay": {"2026-01-02": {"price_tag": "1", "note": 1}, "2026-01-03": {"note": 2}}}

    def change(made: Order) -> None:
        first, second = made.by_day
        made.by_day[first], made.by_day[second] = made.by_day[second], made.by_day[first]

    after = written(fields, change)["byDay"]

    assert {day: item["note"] for day, item in after.items()} == {"2026-01-02": 2, "2026-01-03": 1}


def test_a_map_in_the_place_of_an_item_keeps_what_is_not_declared() -> None:
    def change(made: Order) -> None:
        lines: list[Any] = made.lines
        lines[0] = {"sku": "x", "quantity": 2}

    assert written(order(), change)["lines"] == changed_in("lines.0.quantity", 2)["lines"]


class Price(EmbeddedModel):
    amount: float = 0
    currency: str = "EUR"

    @model_validator(mode="before")
    @classmethod
    def of_cents(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or "cents" not in fields:
            return fields
        given: dict[str, Any] = {**fields, "amount": fields["cents"] / 100, "currency": "USD"}
        return {name: value for name, value in given.items() if name != "cents"}


class Bill(DomainModel, collection="orders", extra="forbid"):
    first_name: str = ""
    tip: int = Field(default=0, validation_alias=AliasChoices("gratuity", "tip"))
    price: Price = Price(currency="CHF")
    prices: list[Price] = Field(default_factory=list)
    by_name: dict[str, Price] = Field(default_factory=dict)


class BillStore(Store):
    bill = root(Bill)


def billed(fields: dict[str, Any], change: Callable[[Bill], None]) -> dict[str, Any]:
    source = WritableStore[BillStore].load(BillStore, "orders/a", Reader(fields))
    assert source is not None
    change(source.store.bill)
    [write] = source.writes()
    after = dict(write.fields or {})
    assert Bill.from_document(Document("orders/a", after, None)) == source.store.bill
    return after


def test_what_a_validator_made_of_another_key_can_be_changed() -> None:
    cents = {"cents": 500, "note": "kept"}
    fields = {"price": cents, "prices": [cents, cents], "byName": {"a": cents}}

    def change(made: Bill) -> None:
        made.price.amount = made.prices[1].amount = made.by_name["a"].amount = 6

    after = billed(fields, change)

    dollars = {"amount": 6, "currency": "USD", "note": "kept"}
    assert after == {"price": dollars, "prices": [cents, dollars], "byName": {"a": dollars}}


@pytest.mark.parametrize(
    ("earlier", "field", "value", "stored_as"),
    [("first_name", "first_name", "Tove", "firstName"), ("gratuity", "tip", 5, "tip")],
)
def test_a_field_that_is_stored_under_an_earlier_name_can_be_changed(
    earlier: str, field: str, value: Any, stored_as: str
) -> None:
    def change(made: Bill) -> None:
        setattr(made, field, value)

    assert billed({earlier: value * 2}, change) == {stored_as: value}


def test_a_default_object_is_stored_with_what_its_class_does_not_give_it() -> None:
    after = billed({}, lambda made: setattr(made.price, "amount", 6))

    assert after == {"price": {"amount": 6, "currency": "CHF"}}


class Listing(DomainModel, collection="orders", references="path"):
    lines: list[Line] = Field(default_factory=list)


class ListingStore(Store):
    listing = root(Listing)


def test_a_line_keeps_what_is_not_declared_where_references_are_paths() -> None:
    source = WritableStore[ListingStore].load(ListingStore, "orders/a", Reader(order()))
    assert source is not None
    lines = source.store.listing.lines
    lines.pop(0)
    lines[0].sku, lines[0].quantity = "new", 3

    [write] = source.writes()

    assert (write.fields or {})["lines"] == [{"sku": "new", "note": "second", "quantity": 3}]
