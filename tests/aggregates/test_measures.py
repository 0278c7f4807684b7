"""Measures: what a model allows, refused at import otherwise, and the values that they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    PastDate,
    RootModel,
    StrictInt,
    computed_field,
    field_validator,
    model_validator,
)

from onto_fn import DeclarationError, DomainModel, EmbeddedModel, Ref, Store, aggregate, root
from onto_fn.aggregates import average, count, maximum, minimum, total
from onto_fn.aggregates.measures import Measure
from onto_fn.aggregates.spec import AggregateSpec, Contribution
from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document, Filter, Query, Reference
from onto_fn.firestore.matching import is_decidable, matches
from onto_fn.store.aggregate_reads import AggregateRead

TIME = datetime(2026, 1, 2, tzinfo=UTC)
Score = NewType("Score", int)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(Enum):
    ONE = 1
    TEXT = "1"


class City(EmbeddedModel):
    name: str
    post_code: int | None = None


class Address(EmbeddedModel):
    city: City | None = None


class Wrapped(RootModel[int]):
    pass


@dataclass
class Made:
    part: int


class Person(DomainModel, collection="people"):
    pass


class Everything(DomainModel, collection="everything"):
    text: str = ""
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    raw: bytes = b""
    moment: datetime = TIME
    aware: AwareDatetime = TIME
    day: date = date(2026, 1, 2)
    past: PastDate = date(2020, 1, 2)
    hour: clock = clock(1)
    lasts: timedelta = timedelta(0)
    exact: Decimal = Decimal(0)
    key: UUID = UUID(int=0)
    colour: Colour = Colour.RED
    level: Level = Level.LOW
    mixed: Mixed = Mixed.ONE
    choice: Literal["a", "b"] = "a"
    rank: Literal[1, 2] = 1
    either: int | str = 0
    numbers: int | float = 0
    wrapped: Wrapped = Wrapped(0)
    made: Made = Made(0)
    unsure: int | None = None
    strict: StrictInt = 0
    score: Score = Score(0)
    bounded: Annotated[int, Field(ge=0)] = 0
    person: Ref[Person] | None = None
    place: GeoPoint | None = None
    vector: Vector | None = None
    anything: Any = None
    items: list[int] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    scores: dict[str, int] = Field(default_factory=dict)
    open_map: dict[str, Any] = Field(default_factory=dict)
    address: Address | None = None

    @computed_field
    @property
    def length(self) -> int:
        return len(self.text)

    @computed_field
    @property
    def text_or_none(self) -> str | None:
        return self.text or None


def by(field: str) -> Measure:
    return count(by=field)


def declared(**measures: Measure) -> AggregateRead:
    """An aggregate in a store, where it is checked."""

    class PeopleStore(Store):
        person = root(Person)
        found = aggregate(Everything, **measures)

    return PeopleStore.found


ORDERED = [
    "text",
    "whole",
    "number",
    "flag",
    "raw",
    "moment",
    "aware",
    "day",
    "past",
    "hour",
    "lasts",
    "key",
    "colour",
    "level",
    "choice",
    "rank",
    "numbers",
    "unsure",
    "strict",
    "score",
    "bounded",
    "person",
    "place",
    "labels.x",
    "address.city.postCode",
    "length",
]
SUMMED = [
    "whole",
    "number",
    "lasts",
    "level",
    "rank",
    "numbers",
    "unsure",
    "strict",
    "score",
    "bounded",
    "scores.x",
    "wrapped",
    "made.part",
    "address.city.post_code",
    "length",
]
KEYS = [
    "text",
    "whole",
    "flag",
    "day",
    "past",
    "key",
    "colour",
    "level",
    "choice",
    "rank",
    "unsure",
    "strict",
    "score",
    "person",
    "labels.x",
    "address.city.name",
    "length",
    "text_or_none",
    "textOrNone",
]


@pytest.mark.parametrize(
    ("measure", "field"),
    [(minimum, field) for field in ORDERED]
    + [(maximum, field) for field in ORDERED]
    + [(total, field) for field in SUMMED]
    + [(average, field) for field in SUMMED]
    + [(by, field) for field in KEYS],
)
def test_what_has_an_order_a_sum_or_a_key_can_be_measured(
    measure: Callable[[str], Measure], field: str
) -> None:
    assert declared(n=measure(field)).measures["n"].kind


@pytest.mark.parametrize(
    ("measure", "field", "problem"),
    [
        (maximum, "exact", 'n=maximum("exact") of Everything: the stored form of a Decimal has no'),
        (
            minimum,
            "vector",
            'n=minimum("vector") of Everything: the stored form of a Vector has no',
        ),
        (maximum, "either", 'n=maximum("either") of Everything: int or str have no order'),
        (maximum, "items", 'n=maximum("items") of Everything: its type list[int] does not hold'),
        (maximum, "labels", 'n=maximum("labels") of Everything: its type dict[str, str] does not'),
        (maximum, "address", 'n=maximum("address") of Everything: its type Address does not hold'),
        (total, "text", 'n=total("text") of Everything: a str cannot be added up'),
        (total, "flag", 'n=total("flag") of Everything: a bool cannot be added up'),
        (total, "exact", 'n=total("exact") of Everything: a Decimal cannot be added up'),
        (total, "moment", 'n=total("moment") of Everything: a datetime cannot be added up'),
        (average, "colour", 'n=average("colour") of Everything: a str cannot be added up'),
        (average, "items", 'n=average("items") of Everything: its type list[int] does not hold'),
        (by, "number", 'n=…(by="number") of Everything: a float cannot be a key'),
        (by, "moment", 'n=…(by="moment") of Everything: a datetime cannot be a key'),
        (by, "either", 'n=…(by="either") of Everything: its values have several types'),
        (by, "mixed", 'n=…(by="mixed") of Everything: its values have several types'),
        (by, "anything", 'n=…(by="anything") of Everything: its type is open'),
        (by, "open_map.x", 'n=…(by="open_map.x") of Everything: its type is open'),
        (by, "items", 'n=…(by="items") of Everything: its type list[int] does not hold'),
        (by, "address", 'n=…(by="address") of Everything: its type Address does not hold'),
        (by, "nothing", "Everything has no field 'nothing'"),
        (total, "address.town", "Everything has no field 'address.town'"),
    ],
)
def test_what_has_no_order_no_sum_or_no_key_is_refused_at_import(
    measure: Callable[[str], Measure], field: str, problem: str
) -> None:
    with pytest.raises(DeclarationError) as refused:
        declared(n=measure(field))

    assert problem in str(refused.value)
    assert str(refused.value).startswith(("PeopleStore.found: n=", "Everything has no field"))


@pytest.mark.parametrize("name", ["__type__", "by option", "a.b", "a`b", "1st", ""])
def test_a_measure_whose_name_can_be_no_field_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="has a measure named"):
        aggregate(Everything, **{name: count()})


@pytest.mark.parametrize("name", ["name", "shards"])
def test_a_measure_with_the_name_of_an_option_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"has {name}=.*.* is an option"):
        aggregate(Everything, **{name: count()})  # pyright: ignore[reportArgumentType]


def test_what_is_no_measure_is_refused() -> None:
    with pytest.raises(
        DeclarationError, match="n=7 is not a measure of an aggregate of Everything"
    ):
        aggregate(Everything, n=7)  # pyright: ignore[reportArgumentType]


def spec_of(read: AggregateRead) -> AggregateSpec:
    read.name, read.owner = "votes", "Polls"
    return read.spec


def contribution(read: AggregateRead, **fields: Any) -> Contribution:
    spec = spec_of(read)
    document = Document(f"{spec.shape.collection}/1", fields, TIME)
    return spec.contribution(document, spec.model.from_document(document))


class Payment(DomainModel, collection="payments"):
    """A model that says more than what is stored."""

    amount: float = 0
    weight: int = 1
    kind: str = Field("plain", alias="payment.kind")
    nested: Address = Address(city=City(name="Paris"))

    @model_validator(mode="before")
    @classmethod
    def _from_cents(cls, fields: Any) -> Any:
        if "cents" in fields:
            fields = {**fields, "amount": fields["cents"] / 100}
        return fields

    @field_validator("kind")
    @classmethod
    def _lower(cls, kind: str) -> str:
        return kind.lower()

    @computed_field
    @property
    def is_large(self) -> bool:
        return self.amount > 10


class Refund(Payment):
    weight: int = -1


def test_a_default_a_validator_and_a_computed_field_are_measured() -> None:
    read = aggregate(
        Payment,
        weight=total("weight"),
        amount=total("amount"),
        kinds=count(by="kind"),
        large=count(by="is_large"),
        cities=count(by="nested.city.name"),
        most=maximum("amount"),
    )

    found = contribution(read, cents=1250, **{"payment.kind": "CARD"})

    assert found.amounts == {
        ("weight", "sum"): 1,
        ("weight", "count"): 1,
        ("amount", "sum"): 12.5,
        ("amount", "count"): 1,
        ("kinds", "card"): 1,
        ("large", "true"): 1,
        ("cities", "Paris"): 1,
    }
    assert found.extremes == {"most": 12.5}


def test_a_subclass_counts_as_its_own_class_says() -> None:
    read = aggregate(Payment, weight=total("weight"))

    assert contribution(read, obj_type="Refund").amounts[("weight", "sum")] == -1


def test_a_filter_selects_by_what_is_stored_as_a_query_does() -> None:
    read = aggregate(Payment, n=count()).where("weight", "==", 1)

    assert contribution(read).groups == frozenset()
    assert len(contribution(read, weight=1).groups) == 1


def test_wrapped_values_and_fields_of_dataclasses_are_measured() -> None:
    read = aggregate(Everything, a=total("wrapped"), b=total("made.part"))

    found = contribution(read, wrapped=3, made={"part": 4})

    assert (found.amounts[("a", "sum")], found.amounts[("b", "sum")]) == (3, 4)


def test_none_is_not_measured() -> None:
    read = aggregate(
        Everything,
        n=count(by="unsure"),
        s=total("unsure"),
        m=maximum("unsure"),
        p=count(by="person"),
    )

    found = contribution(read, unsure=None)

    assert (found.amounts, found.extremes) == ({}, {})


@pytest.mark.parametrize(
    ("field", "stored", "key"),
    [
        ("whole", 7, "7"),
        ("flag", True, "true"),
        ("day", "2026-01-02", "2026-01-02"),
        ("key", "12345678-1234-5678-1234-567812345678", "12345678-1234-5678-1234-567812345678"),
        ("colour", "blue", "blue"),
        ("level", 2, "2"),
        ("person", Reference("people/a"), "people/a"),
        (
            "person",
            Reference.stored("people/a", "projects/p/databases/d"),
            "projects/p/databases/d/documents/people/a",
        ),
        ("text", "a.b`c", "a.b`c"),
        ("labels.x", {"x": "y"}, "y"),
        ("address.city.postCode", {"city": {"name": "", "postCode": 75001}}, "75001"),
    ],
)
def test_keys_are_the_texts_of_the_types_table(field: str, stored: Any, key: str) -> None:
    name = field.partition(".")[0]

    found = contribution(aggregate(Everything, n=count(by=field)), **{name: stored})

    assert found.amounts == {("n", key): 1}


@pytest.mark.parametrize("text", ["", "__proto__", "____", "__\n__", "x" * 1001, "é" * 501])
def test_a_key_that_firestore_does_not_take_is_refused_by_name(text: str) -> None:
    read = aggregate(Everything, n=count(by="text"))

    with pytest.raises(
        InvalidDocument, match=r"everything/1 .*text: .* cannot be a key of Polls\.v"
    ):
        contribution(read, text=text)


@pytest.mark.parametrize(
    ("field", "stored", "value"),
    [
        ("moment", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)),
        ("day", "2026-03-01", date(2026, 3, 1)),
        ("hour", "03:04:05", clock(3, 4, 5)),
        ("lasts", 90, timedelta(seconds=90)),
        ("colour", "blue", Colour.BLUE),
        ("level", 2, Level.HIGH),
        (
            "key",
            "12345678-1234-5678-1234-567812345678",
            UUID(int=0x12345678123456781234567812345678),
        ),
        ("person", Reference("people/a"), Reference("people/a")),
        ("place", GeoPoint(1.0, -0.0), GeoPoint(1.0, -0.0)),
        ("numbers", 2**60, 2**60),
        ("number", float("inf"), float("inf")),
    ],
)
def test_an_extreme_is_stored_as_the_field_is_and_read_as_the_model_has_it(
    field: str, stored: Any, value: Any
) -> None:
    read = aggregate(Everything, most=maximum(field))

    found = contribution(read, **{field: stored}).extremes
    record = Document("onto_contributions/x", {"extremes": found}, TIME)

    assert found == {"most": stored}
    assert spec_of(read).values([], {"most": [record]}) == {"most": value}


def test_durations_are_added_up_to_a_duration() -> None:
    read = aggregate(Everything, sum=total("lasts"), mean=average("lasts"))
    amounts = contribution(read, lasts=1.5).amounts
    shard = Document(
        "x/y", {"sum": {"sum": 4.5, "count": 3}, "mean": {"sum": 4.5, "count": 3}}, TIME
    )

    assert amounts[("sum", "sum")] == 1.5
    assert spec_of(read).values([shard], {}) == {
        "sum": timedelta(seconds=4.5),
        "mean": timedelta(seconds=1.5),
    }
    assert spec_of(read).values([], {}) == {"sum": timedelta(0), "mean": None}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2.0**53 + 2])
def test_a_number_that_cannot_be_added_up_is_refused(value: float) -> None:
    with pytest.raises(InvalidDocument, match=r"number: .* cannot add up .* exactly"):
        contribution(aggregate(Everything, n=total("number")), number=value)


def test_nan_has_no_place_in_an_order() -> None:
    with pytest.raises(InvalidDocument, match="number: nan has no place in the order"):
        contribution(aggregate(Everything, n=maximum("number")), number=float("nan"))


def test_a_text_beyond_what_is_indexed_is_no_extreme() -> None:
    with pytest.raises(InvalidDocument, match=r"text: .* a value of more than 1500 bytes"):
        contribution(aggregate(Everything, n=maximum("text")), text="x" * 1501)


def test_keys_of_a_bool_that_were_stored_otherwise_are_added_to_the_same() -> None:
    spec = spec_of(aggregate(Everything, n=count(by="flag")))
    shards = [Document("x/y", {"n": {"True": 2, "true": 1, "False": 1}}, TIME)]

    assert spec.values(shards, {}) == {"n": {"false": 1, "true": 3}}


def test_a_document_that_contains_null_or_nan_is_in_no_group_of_them() -> None:
    read = aggregate(Everything, n=count()).where("labels.x", "array_contains", "a")
    fields = {"labels": {"x": [None, float("nan"), "a"]}}

    groups = spec_of(read).contribution(Document("everything/1", fields, TIME), Everything()).groups

    assert len(groups) == 1


class Loose(DomainModel, collection="loose"):
    one: Any = None
    many: list[Any] | None = None


few = st.sampled_from([None, float("nan"), 0, -0.0, 1, True, "1", "", Reference("a/b")])
loose = st.fixed_dictionaries({}, optional={"one": few, "many": st.lists(few, max_size=3) | few})


@given(loose, few, few)
def test_a_document_is_in_the_groups_of_the_queries_that_find_it(
    fields: dict[str, Any], one: Any, item: Any
) -> None:
    read = aggregate(Loose, n=count()).where("one", "==", one).where("many", "array_contains", item)
    filters = (Filter("one", "==", one), Filter("many", "array_contains", item))
    query, document = Query("loose", filters), Document("loose/1", fields, TIME)
    spec = spec_of(read)

    groups = spec.contribution(document, Loose()).groups

    assert (read.group(query, spec) in groups) == (is_decidable(query) and matches(query, document))


class Plain(BaseModel):
    total_of: int = 0


class Holder(DomainModel, collection="holders"):
    plain: Plain = Plain()
    by_number: dict[int, int] = Field(default_factory=dict)


def test_fields_of_plain_models_and_of_maps_with_other_keys_are_found() -> None:
    read = aggregate(Holder, a=total("plain.total_of"), b=total("byNumber.7"))

    found = contribution(read, plain={"total_of": 3}, byNumber={"7": 4})

    assert (found.amounts[("a", "sum")], found.amounts[("b", "sum")]) == (3, 4)


class Sale(DomainModel, collection="sales"):
    amount: int = 3
    kind: Colour = Colour.RED
    at: datetime = TIME


values = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.integers(-(2**53), 2**53),
        "kind": st.sampled_from(["red", "blue"]),
        "at": st.datetimes(timezones=st.just(UTC)),
    },
)


@settings(deadline=None)
@given(st.lists(values, max_size=8))
def test_what_documents_contribute_adds_up_to_what_a_query_finds(found: list[Any]) -> None:
    read = aggregate(
        Sale, n=count(), sum=total("amount"), kinds=count(by="kind"), last=maximum("at")
    )
    sales = [Sale.from_document(Document("sales/1", fields, TIME)) for fields in found]

    parts = [contribution(read, **fields) for fields in found]

    assert sum(part.amounts[("sum", "sum")] for part in parts) == sum(s.amount for s in sales)
    assert sum(part.amounts.get(("kinds", "blue"), 0) for part in parts) == len(
        [sale for sale in sales if sale.kind is Colour.BLUE]
    )
    assert max((part.extremes["last"] for part in parts), default=None) == max(
        (sale.at for sale in sales), default=None
    )


def test_ids_of_stored_groups_stay_as_they_were() -> None:
    class Poll(DomainModel, collection="pinnedPolls/{poll}/votes"):
        option: str
        weight: int | None = None

    read = (
        aggregate(
            Poll,
            shards=4,
            name="votes",
            n=count(),
            counts=count(by="option"),
            top=maximum("weight"),
        )
        .where("option", "==", "a")
        .within(poll="p")
    )

    assert read.spec.identity == "aae46d38320fae93"
    assert read.spec.group("polls/p/votes?") == "votes~1bc1eee816048ab203ba88edfa80afa0"
