"""Conditions and orders are checked against the types of the fields that they are on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, computed_field
from typing_extensions import TypedDict

from onto_fn import DeclarationError, DomainModel, EmbeddedModel, Ref, Store, root
from onto_fn import query as matching
from onto_fn.errors import BuildError, InvalidValue
from onto_fn.firestore import Filter, Reference
from onto_fn.firestore.queries import Order
from onto_fn.firestore.rpc import structured
from onto_fn.models.queries import stored_name

DOCUMENTS = "projects/p/databases/d/documents"


class Colour(Enum):
    RED = "red"
    BLUE = 3


class Level(StrEnum):
    LOW = "low"


class Part(EmbeddedModel):
    part_number: int = 0
    by_mail: date | None = None


class Loose(TypedDict, total=False):
    loose_end: int


@dataclass
class Amount:
    in_cents: int = 0


class Other(BaseModel):
    eur: int = Field(default=0, alias="the.eur")


class Item(DomainModel, collection="items"):
    number: int = 0
    ratio: float | None = None
    text: str = ""
    day: date | None = None
    at: time | None = None
    when: datetime | None = None
    took: timedelta | None = None
    price: Decimal = Decimal(0)
    key: UUID | None = None
    colour: Colour | None = None
    level: Level = Level.LOW
    kind: Literal["a", "b", 3] = "a"
    tags: list[str] = Field(default_factory=list)
    numbers: set[int] = Field(default_factory=set)
    part: Part | None = None
    parts: list[Part] = Field(default_factory=list)
    loose: Loose | None = None
    amount: Amount | None = None
    price_eur: int = Field(default=0, alias="price.eur")
    other: Other | None = None
    friend: Ref[Item] | None = None
    anything: Any = None
    shown: int = Field(default=0, serialization_alias="shownAs", validation_alias="shownAs")

    @computed_field
    @property
    def is_large(self) -> bool:
        return self.number > 3

    @computed_field(alias="of-day")
    @property
    def of_the_day(self) -> date | None:
        return self.day


class ItemStore(Store):
    item = root(Item)


def declared(name: str, op: Any, value: Any) -> type[Store]:
    class Items(Store):
        item = root(Item)
        found = matching(Item).where(name, op, value)

    return Items


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("price_eur", "`price.eur`"),
        ("price.eur", "`price.eur`"),
        ("`price.eur`", "`price.eur`"),
        ("other.the.eur", "other.`the.eur`"),
        ("other.eur", "other.`the.eur`"),
        ("is_large", "isLarge"),
        ("of_the_day", "of-day"),
        ("of-day", "of-day"),
        ("part.part_number", "part.partNumber"),
        ("loose.loose_end", "loose.loose_end"),
        ("amount.in_cents", "amount.in_cents"),
        ("anything.a.`b.c`", "anything.a.`b.c`"),
        ("shown", "shownAs"),
    ],
)
def test_a_name_leads_to_the_field_as_it_is_stored(name: str, stored: str) -> None:
    assert stored_name(Item, name) == stored


@pytest.mark.parametrize("name", ["amount.cents", "loose.end", "part.number", "price.usd", "a`b"])
def test_a_name_that_is_in_no_model_on_the_way_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="Item has no field"):
        stored_name(Item, name)


@pytest.mark.parametrize(
    ("name", "op", "value"),
    [
        ("number", "==", "5"),
        ("number", "==", True),
        ("number", "in", [1, "2"]),
        ("ratio", ">", "x"),
        ("text", "==", 5),
        ("text", "==", ["x"]),
        ("day", "==", datetime(2026, 1, 1, tzinfo=UTC)),
        ("when", ">=", date(2026, 1, 1)),
        ("price", "==", 12.5),
        ("colour", "==", b"red"),
        ("level", "==", 1),
        ("kind", "==", True),
        ("tags", "array_contains", 5),
        ("tags", "==", "x"),
        ("numbers", "array_contains_any", ["x"]),
        ("part", "==", 5),
        ("part.part_number", "==", "5"),
        ("is_large", "==", 1),
        ("number", "in", 5),
        ("number", "in", "abc"),
        ("number", "not-in", {"a": 1}),
        ("number", "==", object()),
        ("number", "==", 2**70),
        ("tags", "==", [["x"]]),
    ],
)
def test_a_constant_that_no_document_can_match_is_refused_at_import(
    name: str, op: Any, value: Any
) -> None:
    with pytest.raises(DeclarationError, match=rf"Item\.{name} {op}"):
        declared(name, op, value)


@pytest.mark.parametrize(
    ("name", "op", "value", "stored"),
    [
        ("number", "==", 5.0, 5.0),
        ("ratio", "==", 5, 5),
        ("number", "==", None, None),
        ("ratio", "==", float("inf"), float("inf")),
        ("day", "==", date(2026, 1, 2), "2026-01-02"),
        ("day", "in", [date(2026, 1, 2)], ["2026-01-02"]),
        ("at", "<", time(3), "03:00:00"),
        ("took", ">", timedelta(minutes=1), 60),
        ("price", "==", Decimal("12.50"), "12.50"),
        ("key", "==", UUID(int=1), str(UUID(int=1))),
        ("colour", "==", Colour.RED, "red"),
        ("colour", "==", 3, 3),
        ("kind", "in", ("a", 3), ["a", 3]),
        ("numbers", "array_contains", 1, 1),
        ("numbers", "==", {2, 1}, [1, 2]),
        ("part", "==", Part(part_number=1), {"partNumber": 1}),
        ("parts", "array_contains", Part(part_number=1), {"partNumber": 1}),
        ("friend", "==", "items/a", "items/a"),
        ("friend", "==", Item(doc_id="a"), Reference("items/a")),
        ("anything", "==", {"a": 1}, {"a": 1}),
        ("of_the_day", "==", date(2026, 1, 2), "2026-01-02"),
    ],
)
def test_a_value_is_asked_for_as_the_field_is_stored(
    name: str, op: Any, value: Any, stored: Any
) -> None:
    store = declared(name, op, value)
    bound = store.reads()["found"].bind(ItemStore())  # type: ignore[attr-defined]
    of_stored = Filter(bound.filters[0].field, op, stored)

    assert structured(bound, DOCUMENTS) == structured(
        type(bound)(bound.collection, (of_stored,)), DOCUMENTS
    )


def test_what_has_no_order_is_refused_in_ranges_and_orders() -> None:
    for refused in (
        lambda: matching(Item).where("price", ">", Decimal(1)),
        lambda: matching(Item).order_by("price"),
        lambda: Item.where("price", "<=", Decimal(1)),
        lambda: Item.all().order_by("price"),
    ):
        with pytest.raises(DeclarationError, match=r"Item\.price.*no numeric order"):
            refused()
    assert Item.all().order_by("day").orders == (Order("day"),)
    assert matching(Item).where("price", "!=", Decimal(1)).conditions[0].op == "!="


@pytest.mark.parametrize(
    "conditions",
    [
        [("tags", "array_contains", "a"), ("numbers", "array_contains", 1)],
        [("tags", "array_contains", "a"), ("numbers", "array_contains_any", [1])],
        [("number", "!=", 1), ("ratio", "not-in", [1.0])],
    ],
)
def test_conditions_that_firestore_does_not_take_together_are_refused(
    conditions: list[tuple[str, Any, Any]],
) -> None:
    with pytest.raises(DeclarationError, match=r"Items\.found has the conditions"):

        class Items(Store):
            item = root(Item)
            found = matching(Item).where(*conditions[0]).where(*conditions[1])

    with pytest.raises(DeclarationError, match="a query of Item has the conditions"):
        Item.where(*conditions[0]).where(*conditions[1])


def test_a_computed_list_may_come_from_a_generator() -> None:
    class Items(Store):
        item = root(Item)
        found = matching(Item).where("number", "in", lambda store: (n for n in (1, 2)))

    [condition] = Items.reads()["found"].bind(Items()).filters  # type: ignore[attr-defined]

    assert condition.value == [1, 2]


class Odd:
    pass


@pytest.mark.parametrize(
    ("op", "value", "problem"),
    [
        ("==", Odd(), "is a Odd, which has no stored form"),
        ("in", 5, "'in' needs a list of values, got 5"),
        ("in", None, "'in' needs a list of values, got None"),
        ("in", "text", "'in' needs a list of values"),
        ("not-in", [1, Odd()], "is a Odd"),
        ("array_contains_any", {"a": 1}, "needs a list"),
        ("==", [{1, 2}, {Odd()}], "is a Odd"),
    ],
)
def test_a_computed_value_that_cannot_be_asked_for_names_its_read(
    op: Any, value: Any, problem: str
) -> None:
    class Items(Store):
        item = root(Item)
        found = matching(Item).where("anything", op, lambda store: value)

    with pytest.raises(BuildError, match=rf"Items\.found: the value for 'anything'.*{problem}"):
        Items.reads()["found"].bind(Items())  # type: ignore[attr-defined]
    with pytest.raises(InvalidValue, match=rf"Item\.anything {op}.*{problem}"):
        Item.where("anything", op, value)
