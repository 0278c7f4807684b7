"""Declared types: what has a stored form comes back as it was, and anything else is refused."""

import dataclasses
import enum
from collections import Counter, deque
from collections.abc import Callable, Iterable, KeysView, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar, cast
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic import (
    AnyUrl,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    InstanceOf,
    Json,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    PlainSerializer,
    RootModel,
    SecretStr,
    SkipValidation,
    computed_field,
    create_model,
)
from typing_extensions import TypeAliasType, TypedDict

from onto_fn import DeclarationError, DomainModel, EmbeddedModel, Ref, Store, ViewModel, root
from onto_fn.editing import Repository
from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document, Write
from onto_fn.firestore.values import decode_fields, encode_fields

PREFIX = "projects/p/databases/(default)/documents"


class Level(enum.IntEnum):
    LOW = 1


class Colour(enum.StrEnum):
    RED = "red"


class Number(enum.Enum):
    ONE = 1


class Holiday(enum.Enum):
    NEW_YEAR = date(2026, 1, 1)


class Code(str):
    pass


class Basket(dict[str, int]):
    pass


class Place(NamedTuple):
    row: int
    seat: str


class Options(TypedDict):
    dark: bool


@dataclasses.dataclass
class Size:
    width: int
    unit: str | None = None


class Line(BaseModel):
    quantity: int


class Frozen(BaseModel, frozen=True):
    a: int


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    value: T


Name = NewType("Name", str)
Text = TypeAliasType("Text", "int | str")

VALUES: list[tuple[Any, Any, Any]] = [
    (date, date(2026, 1, 2), "2026-01-02"),
    (time, time(3, 4, 5, 6), "03:04:05.000006"),
    (timedelta, timedelta(minutes=1), 60),
    (timedelta, timedelta(milliseconds=1), 0.001),
    (Decimal, Decimal("12.50"), "12.50"),
    (UUID, UUID(int=1), str(UUID(int=1))),
    (AnyUrl, AnyUrl("https://example.com/a"), "https://example.com/a"),
    (HttpUrl, HttpUrl("https://example.com"), "https://example.com/"),
    (IPv4Address, IPv4Address("192.0.2.1"), "192.0.2.1"),
    (Level, Level.LOW, 1),
    (Colour, Colour.RED, "red"),
    (Literal["a", 1], 1, 1),
    (set[int], {2, 1}, [1, 2]),
    (frozenset[str], frozenset("b"), ["b"]),
    (tuple[int, str], (1, "a"), [1, "a"]),
    (tuple[date, ...], (date(2026, 1, 2),), ["2026-01-02"]),
    (dict[int, str], {2: "a"}, {"2": "a"}),
    (dict[bool, str], {True: "a"}, {"true": "a"}),
    (dict[UUID, int], {UUID(int=1): 1}, {str(UUID(int=1)): 1}),
    (dict[date, int], {date(2026, 1, 2): 1}, {"2026-01-02": 1}),
    (dict[Level, int], {Level.LOW: 1}, {"1": 1}),
    (dict[Colour, int], {Colour.RED: 1}, {"red": 1}),
    (GeoPoint, GeoPoint(1.5, -0.0), GeoPoint(1.5, -0.0)),
    (Vector, Vector([1.0]), Vector([1.0])),
    (Place, Place(1, "a"), [1, "a"]),
    (Options, {"dark": True}, {"dark": True}),
    (Size, Size(1), {"width": 1}),
    (Box[date], Box[date](value=date(2026, 1, 2)), {"value": "2026-01-02"}),
    (Name, Name("a"), "a"),
    (Text, 1, 1),
    (ByteSize, ByteSize(5), 5),
    (PastDate, date(2020, 1, 2), "2020-01-02"),
    (Counter[str], Counter("aa"), {"a": 2}),
    (Mapping[str, Decimal], {"a": Decimal("1.0")}, {"a": "1.0"}),
    (Sequence[UUID], [UUID(int=1)], [str(UUID(int=1))]),
    (date | datetime, date(2026, 1, 2), "2026-01-02"),
    (UUID | date, date(2026, 1, 2), "2026-01-02"),
    (date | GeoPoint, date(2026, 1, 2), "2026-01-02"),
    (PastDatetime | Vector, Vector([1.0]), Vector([1.0])),
    (Annotated[complex, PlainSerializer(lambda v: v.real, return_type=float)] | None, None, None),
    (Any, {"day": date(2026, 1, 2), "n": None}, {"day": "2026-01-02", "n": None}),
]


def model_with(annotation: Any) -> type[DomainModel]:
    return create_model(
        "Thing",
        __base__=DomainModel,
        __cls_kwargs__={"collection": "things"},
        field=(annotation, ...),
    )


@pytest.mark.parametrize(("annotation", "value", "stored"), VALUES, ids=str)
def test_a_declared_type_is_stored_in_its_form_and_read_back(
    annotation: Any, value: Any, stored: Any
) -> None:
    model = model_with(annotation)
    written = model(doc_id="a", field=value)

    encoded = encode_fields(written.doc_fields(), documents=PREFIX, where="things/a")
    fields = decode_fields(encoded, PREFIX)

    assert fields.get("field") == stored
    if annotation is not Any and value is not None:
        read = model.from_document(Document("things/a", fields, None))
        assert read == written
        assert type(getattr(read, "field")) is type(value)  # noqa: B009


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (SecretStr, r"Thing\.field: SecretStr has no stored form: a secret must not be stored"),
        (complex, r"Thing\.field: complex has no stored form: store two floats"),
        (list[list[int]], r"Thing\.field is a list of lists .*put the inner list into a field"),
        (dict[str, list[tuple[int, int]]], r"Thing\.field\.\* is a list of lists"),
        (list[set[str]], "list of lists"),
        (list[Vector | None], r"Thing\.field is a list of vectors.*put the vector into a field"),
        (tuple[Vector, int], r"Thing\.field is a list of vectors"),
        (set[Frozen], r"Thing\.field is a set of Frozen.*Use a list"),
        (Callable[[], int], "has no stored form"),
        (slice, "slice has no stored form"),
        (dict[float, int], "keys of type float; a key can be"),
        (dict[int | str, int], "cannot be read back. Use texts"),
        (dict[int | None, int], "keys of type None"),
        (dict[Number, int], "stored as the text '1', which cannot be read back"),
        (dict[tuple[int, int], int], "keys of type tuple"),
        (date | str, "can be of type date or str, and a stored value does not show"),
        (int | timedelta, "can be of type timedelta or int"),
        (timedelta | float, "can be of type timedelta or float"),
        (Json[int], "Json has no stored form: declare the type of the parsed value"),
        (Annotated[date, Field(strict=True)], "is strict, so it cannot be read"),
        (Holiday, r"can be <Holiday.NEW_YEAR: .*> *, which is stored as '2026-01-01' and cannot"),
        (dict[str, list[Holiday]], r"Thing\.field\.\*\[\] can be <Holiday"),
        (Literal[Number.ONE], "which is stored as 1 and cannot be read again"),
        (NaiveDatetime | None, r"Thing\.field accepts no time zone.*declare it as a datetime"),
        (Code, r"Thing\.field: Code is stored as a str, .* declare str, or give the class"),
        (list[Basket] | None, r"Thing\.field\[\]: Basket is stored as a dict"),
        (dict[Code, int], "keys of type Code"),
        (MappingProxyType[str, int], "is stored as a dict"),
        (KeysView[str], "has no stored form"),
        (Iterable[int], r"Thing\.field is an Iterable.*Use list or Sequence"),
        (InstanceOf[Line], r"cannot be read from its stored form because InstanceOf"),
        (list[SkipValidation[date]], r"cannot be read from its stored form"),
        (list[Box[complex]], r"Thing\.field\[\]\.value: complex"),
    ],
    ids=str,
)
def test_a_type_without_a_stored_form_is_refused_at_import_with_a_remedy(
    annotation: Any, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        model_with(annotation)


def test_a_view_field_without_a_stored_form_is_refused_at_import() -> None:
    class Shop(DomainModel, collection="shops"):
        pass

    class ShopStore(Store):
        shop = root(Shop)

    class Entry(BaseModel):
        secret: SecretStr

    with pytest.raises(DeclarationError, match=r"ShopPage\.lines\[\]\.secret: SecretStr"):

        class ShopPage(ViewModel[ShopStore], path="shopPages/{shop_id}"):
            @property
            def lines(self) -> list[Entry]:
                return []


def test_two_fields_of_one_stored_name_are_refused_at_import() -> None:
    with pytest.raises(DeclarationError, match=r"Home\.line_1 and Home\.line1 .*'line1'"):

        class Home(DomainModel, collection="homes"):
            line_1: str
            line1: str


def test_two_fields_of_one_stored_name_are_refused_in_an_embedded_model() -> None:
    class Address(EmbeddedModel):
        line_1: str
        line1: str

    with pytest.raises(DeclarationError, match=r"Home\.address\.line_1 and Home\.address\.line1"):

        class Home(DomainModel, collection="homes"):
            address: Address


def test_a_computed_field_of_a_stored_name_that_is_taken_is_refused() -> None:
    with pytest.raises(DeclarationError, match="fullName"):

        class Person(DomainModel, collection="people"):
            full_name: str

            @computed_field(alias="fullName")
            @property
            def computed(self) -> str:
                return ""


@pytest.mark.parametrize("alias", ["", "__key__", "x" * 1501])
def test_a_stored_name_that_firestore_refuses_is_refused_at_import(alias: str) -> None:
    with pytest.raises(DeclarationError, match=r"Thing\.name"):

        class Thing(DomainModel, collection="things"):
            name: str = Field(alias=alias)


def test_a_field_that_is_read_under_another_name_than_stored_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Thing\.name is stored as 'a' but read as 'b'"):

        class Thing(DomainModel, collection="things"):
            name: str = Field(serialization_alias="a", validation_alias="b")


def test_a_required_field_that_is_never_stored_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Thing\.name is excluded.*give it a default"):

        class Thing(DomainModel, collection="things"):
            name: str = Field(exclude=True)


class Employee(DomainModel, collection="employees"):
    boss: "Ref[Employee] | None" = None
    team: "list[Unknown]" = Field(default_factory=list)


class Unknown(BaseModel):
    day: date


def test_a_model_of_names_that_are_defined_later_is_checked_when_they_are() -> None:
    employee = Employee(doc_id="a", team=[Unknown(day=date(2026, 1, 2))])

    assert employee.doc_fields()["team"] == [{"day": date(2026, 1, 2)}]


def test_strict_models_are_refused_where_they_could_not_read_what_they_store() -> None:
    for annotation in (date, list[date], set[int], dict[int, int], Colour | None, deque[int]):
        with pytest.raises(DeclarationError, match=r"Thing\.field is strict"):
            strict_model_with(annotation)


def strict_model_with(annotation: Any) -> type[DomainModel]:
    class Strict(DomainModel):
        model_config = ConfigDict(strict=True)

    keywords = {"collection": "things"}
    return create_model("Thing", __base__=Strict, __cls_kwargs__=keywords, field=(annotation, ...))


# Subclasses keep their fields


class Animal(EmbeddedModel):
    name: str


class Bird(Animal):
    wing_span: int
    nickname: str | None = None


class Zoo(DomainModel, collection="zoos"):
    animals: list[Animal] = Field(default_factory=list)
    first: Animal | None = None
    by_name: dict[str, Animal] = Field(default_factory=dict)


class ZooStore(Store):
    zoo = root(Zoo)


class Animals(RootModel[list[Animal]]):
    pass


class Favourite(RootModel[Animal | None]):
    pass


class Circus(DomainModel, collection="circuses"):
    animals: Animals
    favourite: Favourite
    by_tent: dict[str, Animals]


def test_a_subclass_keeps_its_fields_in_a_root_model() -> None:
    kea = Bird(name="Kea", wing_span=90)
    many = Animals([Animal(name="Yak"), kea])
    circus = Circus(doc_id="a", animals=many, favourite=Favourite(kea), by_tent={"big": many})

    fields = circus.doc_fields()

    stored = {"name": "Kea", "wingSpan": 90}
    assert fields["animals"] == fields["byTent"]["big"]
    assert fields["animals"] == [{"name": "Yak"}, stored]
    assert fields["favourite"] == stored


def test_a_subclass_keeps_its_fields_wherever_its_base_class_is_declared() -> None:
    kea = Bird(name="Kea", wing_span=90)

    fields = Zoo(doc_id="z", animals=[kea], first=kea, by_name={"k": kea}).doc_fields()

    stored = {"name": "Kea", "wingSpan": 90}
    assert (fields["animals"], fields["first"], fields["byName"]) == (
        [stored],
        stored,
        {"k": stored},
    )


def test_a_subclass_that_adds_nothing_keeps_what_its_base_classes_add() -> None:
    class Winged(BaseModel):
        feathers: int = 1

    class Parrot(Bird):
        pass

    class Dragon(Animal, Winged):
        pass

    fields = Zoo(doc_id="z", animals=[Parrot(name="P", wing_span=2), Dragon(name="D")]).doc_fields()

    assert fields["animals"] == [{"name": "P", "wingSpan": 2}, {"name": "D", "feathers": 1}]


def test_a_serializer_of_the_application_still_decides_about_its_field() -> None:
    class Short(DomainModel, collection="shorts"):
        animal: Annotated[Animal, PlainSerializer(lambda animal: animal.name, return_type=str)]

    assert Short(doc_id="a", animal=Bird(name="Kea", wing_span=1)).doc_fields()["animal"] == "Kea"


class Shape(EmbeddedModel, obj_type="Shape"):
    colour: str = "red"


class Circle(Shape):
    radius: int


class Square(Shape, obj_type="Box"):
    side: int


class Drawing(DomainModel, collection="drawings"):
    shapes: list[Shape] = Field(default_factory=list)


def test_classes_that_are_told_apart_are_read_as_what_they_were() -> None:
    drawing = Drawing(doc_id="a", shapes=[Circle(radius=1), Square(side=2), Shape()])

    fields = drawing.doc_fields()
    read = Drawing.from_document(Document("drawings/a", fields, None))

    assert [shape["obj_type"] for shape in fields["shapes"]] == ["Circle", "Box", "Shape"]
    assert read == drawing
    assert [type(shape) for shape in read.shapes] == [Circle, Square, Shape]


def test_a_map_of_an_unknown_class_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"'Oval' is neither Shape nor a subclass \(Box, Circle"):
        Drawing(shapes=[{"obj_type": "Oval"}])


def test_a_subclass_alone_cannot_be_told_apart() -> None:
    with pytest.raises(DeclarationError, match="declare it there as well"):

        class Cow(Animal, obj_type="Cow"):
            pass


# Computed fields


class Cart(DomainModel, collection="carts"):
    prices: list[int] = Field(default_factory=list)

    @computed_field
    @property
    def highest_price(self) -> int | None:
        return max(self.prices, default=None)


class StrictCart(Cart, collection=None, extra="forbid"):
    pass


@pytest.mark.parametrize("model", [Cart, StrictCart])
def test_a_computed_field_is_what_it_computes_now(model: type[Cart]) -> None:
    stored = model(doc_id="a", prices=[3]).doc_fields()
    assert stored["highestPrice"] == 3

    read = model.from_document(Document("carts/a", stored, None))
    read.prices = []

    assert "highestPrice" not in read.doc_fields()


def test_an_embedded_model_that_refuses_more_fields_reads_its_own_computed_ones() -> None:
    class Sum(EmbeddedModel):
        model_config = ConfigDict(extra="forbid")

        parts: list[int]

        @computed_field
        @property
        def whole_sum(self) -> int:
            return sum(self.parts)

    class Bill(DomainModel, collection="bills"):
        total: Sum

    bill = Bill(doc_id="a", total=Sum(parts=[1, 2]))

    assert bill.doc_fields()["total"] == {"parts": [1, 2], "wholeSum": 3}
    assert Bill.from_document(Document("bills/a", bill.doc_fields(), None)) == bill


def test_a_plain_model_that_could_not_read_its_computed_fields_is_refused() -> None:
    class Sum(BaseModel):
        model_config = ConfigDict(extra="forbid")

        @computed_field
        @property
        def whole(self) -> int:
            return 1

    with pytest.raises(DeclarationError, match="derive it from onto_fn"):

        class Bill(DomainModel, collection="bills"):
            total: Sum


# Names and equality


@pytest.mark.filterwarnings("error")
def test_a_field_can_have_the_name_of_any_method_of_the_class() -> None:
    class Entry(DomainModel, collection="entries"):
        ref: str
        at: datetime | None = None
        where: str = ""
        template: str = ""
        content: str = ""
        family: str = ""
        all: int = 0

    entry = Entry(doc_id="a", ref="x", all=1)

    assert entry.ref == "x"
    assert Entry.ref("a").path == "entries/a"
    assert Entry.all().query().collection == "entries"
    assert Entry.from_document(Document("entries/a", entry.doc_fields(), None)) == entry


@pytest.mark.filterwarnings("error")
def test_a_view_field_can_have_the_name_of_a_method_of_its_document() -> None:
    class CopyPage(ViewModel[ZooStore], path="copyPages/{zoo_id}"):
        @property
        def copy(self) -> str:
            return ""

        @property
        def content(self) -> str:
            return ""

    assert set(CopyPage.Document.model_fields) == {"doc_id", "copy", "content"}


def test_the_same_object_read_at_two_versions_is_equal() -> None:
    fields = Zoo(doc_id="z").doc_fields()
    first = Zoo.from_document(Document("zoos/z", fields, None))
    second = Zoo.from_document(Document("zoos/z", fields, datetime(2026, 1, 1)))

    assert first == second == Zoo(doc_id="z")
    assert first != Zoo(doc_id="y")
    assert first != Drawing(doc_id="z")
    assert first != Zoo(doc_id="z", first=Animal(name="a"))


# What a missing field would not be read as


@dataclasses.dataclass
class Seat:
    row_number: int | None
    seat_name: str | None = None
    price_group: str | None = "A"


class Wagon(EmbeddedModel):
    name: str | None
    number: int | None = 7
    colour: str | None = None


class Plan(BaseModel):
    title: str | None


class Train(DomainModel, collection="trains"):
    driver: str | None
    speed: int | None = 100
    note: str | None = None
    wagons: list[Wagon] = Field(default_factory=list)
    plan: Plan | None = None
    seat: Seat | None = None


def test_a_none_that_a_missing_field_is_not_read_as_is_stored_as_null() -> None:
    train = Train(
        doc_id="a",
        driver=None,
        speed=None,
        wagons=[Wagon(name=None, number=None)],
        plan=Plan(title=None),
        seat=Seat(None, None, None),
    )

    fields = train.doc_fields()

    assert {name: fields[name] for name in ("driver", "speed", "wagons", "plan", "seat")} == {
        "driver": None,
        "speed": None,
        "wagons": [{"name": None, "number": None}],
        "plan": {"title": None},
        "seat": {"rowNumber": None, "priceGroup": None},
    }
    assert "note" not in fields
    assert Train.from_document(Document("trains/a", fields, None)) == train


def test_a_dataclass_and_a_typed_dict_are_named_as_the_class_that_embeds_them() -> None:
    class Row(TypedDict):
        row_number: int

    class Around(BaseModel):
        seat: Seat
        row: Row

    class Coach(DomainModel, collection="coaches"):
        seat: Seat
        row: Row
        around: Around

    coach = Coach(
        doc_id="a",
        seat=Seat(1),
        row={"row_number": 2},
        around=Around(seat=Seat(3), row={"row_number": 4}),
    )

    fields = coach.doc_fields()

    assert (fields["seat"], fields["row"], fields["around"]) == (
        {"rowNumber": 1, "priceGroup": "A"},
        {"rowNumber": 2},
        {"seat": {"row_number": 3, "price_group": "A"}, "row": {"row_number": 4}},
    )
    assert Coach.from_document(Document("coaches/a", fields, None)) == coach


def test_a_subclass_of_a_dataclass_keeps_its_fields_by_their_names() -> None:
    @dataclasses.dataclass
    class Window(Seat):
        view_side: str | None = None

    fields = Train(doc_id="a", driver="x", seat=Window(1, view_side="left")).doc_fields()

    assert fields["seat"] == {"rowNumber": 1, "priceGroup": "A", "viewSide": "left"}


class Empty(EmbeddedModel):
    pass


class Full(Empty):
    item_name: str


class Box2(DomainModel, collection="boxes"):
    parts: list[Empty] = Field(default_factory=list)
    any_part: EmbeddedModel | None = None


def test_a_subclass_of_a_class_without_fields_keeps_its_own() -> None:
    full = Full(item_name="a")

    fields = Box2(doc_id="a", parts=[full], any_part=full).doc_fields()

    assert (fields["parts"], fields["anyPart"]) == ([{"itemName": "a"}], {"itemName": "a"})


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_field_may_be_named_like_what_saves_the_object() -> None:
    class Odd(DomainModel, collection="odds"):
        to_fields: int

    committed: list[Write] = []

    class Committing:
        def commit(self, writes: Sequence[Write]) -> datetime:
            committed.extend(writes)
            return datetime(2026, 1, 1)

    Repository(cast(Any, Committing())).save(Odd(doc_id="a", to_fields=1))

    assert [(write.fields or {})["toFields"] for write in committed] == [1]


@pytest.mark.filterwarnings("ignore:Field name")
def test_a_field_that_hides_what_every_domain_model_has_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Late\.doc_update_time"):

        class Late(DomainModel, collection="lates"):
            doc_update_time: int


@pytest.mark.filterwarnings("error")
def test_a_subclass_inherits_a_field_named_like_a_method_of_the_class() -> None:
    class Base(DomainModel, collection="bases"):
        ref: date = Field(alias="the.ref")
        at: int | None = None

    class Below(Base):
        more: int = 0

    fields = {"obj_type": "Below", "the.ref": "2026-01-02", "more": 1}
    read = Base.from_document(Document("bases/a", fields, None))

    assert (type(read), read.ref, read.at) == (Below, date(2026, 1, 2), None)
    assert read.doc_fields()["the.ref"] == date(2026, 1, 2)
    with pytest.raises(InvalidDocument, match=r"the\.ref"):
        Base.from_document(Document("bases/a", {"obj_type": "Below"}, None))
