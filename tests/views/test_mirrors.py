"""`mirror`: the same as the property that returns a field of the store, and checked at import."""

from __future__ import annotations

import types
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, computed_field

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    EmbeddedModel,
    Patch,
    Ref,
    Refused,
    Store,
    ViewModel,
    many,
    mirror,
    one,
    root,
)
from onto_fn.access import members, owner
from onto_fn.errors import NotWritable
from onto_fn.generate.rules import rules_text
from onto_fn.generate.typescript import typescript
from onto_fn.testing import build, edit


class Color(Enum):
    RED = "red"


class City(EmbeddedModel):
    name: str
    zip_code: str | None = None


class House(EmbeddedModel):
    city: City | None = None
    rooms: int = 1


class Company(DomainModel, collection="companies"):
    name: str


class Person(DomainModel, collection="people"):
    first_name: str
    nick: str | None = None
    age: int = 0
    born: date | None = None
    kind: Literal["a", "b"] = "a"
    color: Color = Color.RED
    friends: list[str] = Field(default=[])
    scores: dict[str, int] = Field(default={})
    house: House = House()
    company: Ref[Company] | None = None
    anything: Any = None

    @computed_field
    @property
    def initial(self) -> str:
        return self.first_name[:1]


class PersonStore(Store):
    person = root(Person)
    company = one(Company, "person.company", default=None)
    companies = many(Company, lambda store: [store.person.company] if store.person.company else [])


class Mirrored(ViewModel[PersonStore], path="people/{person_id}/pages/a", read=owner("person_id")):
    first_name: str = mirror("person.first_name", setter=True)
    nick: str | None = mirror("person.nick", setter=True)

    @property
    def between(self) -> str:
        return self.first_name.upper()

    age: Annotated[int, Field(alias="years", ge=0)] = mirror("person.age")
    city: str | None = mirror("person.house.city.name", setter=True)
    friends: list[str] = mirror("person.friends")
    company_name: str | None = mirror("company.name")


class Written(
    ViewModel[PersonStore],
    path="people/{person_id}/pages/a",
    read=owner("person_id"),
    name="Mirrored",
):
    """`Mirrored`, with properties."""

    @property
    def first_name(self) -> str:
        return self.store.person.first_name

    @first_name.setter
    def first_name(self, value: str) -> None:
        self.store.person.first_name = value

    @property
    def nick(self) -> str | None:
        return self.store.person.nick

    @nick.setter
    def nick(self, value: str | None) -> None:
        self.store.person.nick = value

    @property
    def between(self) -> str:
        return self.first_name.upper()

    @property
    def age(self) -> Annotated[int, Field(alias="years", ge=0)]:
        return self.store.person.age

    @property
    def city(self) -> str | None:
        city = self.store.person.house.city
        return None if city is None else city.name

    @city.setter
    def city(self, value: str) -> None:
        city = self.store.person.house.city
        if city is None:
            raise Refused("there is no city")
        city.name = value

    @property
    def friends(self) -> list[str]:
        return self.store.person.friends

    @property
    def company_name(self) -> str | None:
        return self.store.company.name if self.store.company else None


Written.__name__ = Written.Document.__name__ = "Mirrored"

ACME = Company(doc_id="acme", name="Acme")
HOME = House(city=City(name="Oslo"))
FULL = Person(
    doc_id="p",
    first_name="Ann",
    nick="A",
    age=7,
    friends=["b"],
    house=HOME,
    company=ACME.doc_ref,
    anything=3,
)
EMPTY = Person(doc_id="p", first_name="Ann")


class MirroredPatch(Patch[Mirrored], path="people/{person_id}/patches/{id}"):
    first_name: str
    city: str


@pytest.mark.parametrize("person", [FULL, EMPTY])
def test_a_mirror_is_stored_as_the_property_is(person: Person) -> None:
    mine, theirs = (build(view, "p", [person, ACME]) for view in (Mirrored, Written))

    assert mine == theirs
    assert [list(fields) for fields in mine.values()] == [list(f) for f in theirs.values()]


def test_a_mirror_has_the_schema_the_types_and_the_rules_of_the_property() -> None:
    assert Mirrored.__fields__ == Written.__fields__
    assert Mirrored.Document.model_json_schema() == Written.Document.model_json_schema()
    mine, theirs = App([Mirrored]), App([Written])
    assert typescript(mine) == typescript(theirs)
    assert rules_text(mine) == rules_text(theirs)


def test_a_mirror_with_a_setter_changes_the_domain_document_as_the_property_does() -> None:
    values = {"first_name": "Eve", "nick": None, "city": "Bergen"}

    mine, theirs = (edit(view, "p", values, [FULL, ACME]) for view in (Mirrored, Written))

    assert mine == theirs
    assert mine["people/p"]["firstName"] == "Eve"
    assert mine["people/p"]["house"]["city"] == {"name": "Bergen"}


def test_a_mirror_cannot_set_what_is_not_there() -> None:
    with pytest.raises(Refused, match=r"city cannot be set: there is no person\.house\.city"):
        edit(Mirrored, "p", {"city": "Bergen"}, [EMPTY])


def test_a_mirror_without_a_setter_cannot_be_set() -> None:
    with pytest.raises(NotWritable, match=r"write `mirror\('person.age', setter=True\)`"):
        edit(Mirrored, "p", {"age": 8}, [EMPTY])
    with pytest.raises(
        DeclarationError, match=r"Aging\.age: .* `mirror\('person.age', setter=True"
    ):

        class Aging(Patch[Mirrored], path="people/{person_id}/agings/{id}"):  # pyright: ignore[reportUnusedClass]
            age: int


def page_of(annotation: Any, path: str, **options: Any) -> type[ViewModel[Any]]:
    members = {"__annotations__": {"shown": annotation}, "shown": mirror(path, **options)}
    return types.new_class(
        "Page", (ViewModel[PersonStore],), {"path": "pages/{id}"}, lambda body: body.update(members)
    )


@pytest.mark.parametrize(
    ("annotation", "path"),
    [
        (str, "person.firstName"),
        (str | None, "person.first_name"),
        (str, "person.doc_id"),
        (str, "person.initial"),
        (int, "person.age"),
        (float, "person.age"),
        (date | None, "person.born"),
        (str, "person.kind"),
        (Literal["a", "b", "c"], "person.kind"),
        (Color, "person.color"),
        (list[str], "person.friends"),
        (dict[str, int], "person.scores"),
        (House, "person.house"),
        (BaseModel, "person.house"),
        (Ref[Company] | None, "person.company"),
        (int, "person.anything"),
        (Any, "person.first_name"),
        (str | None, "company.name"),
        (str | None, "person.house.city.zip_code"),
        ("str", "person.first_name"),
    ],
)
def test_a_type_that_holds_all_values_is_taken(annotation: Any, path: str) -> None:
    shown = page_of(annotation, path)

    assert build(shown, "p", [FULL, ACME])["pages/p"].keys() <= {"shown"}


@pytest.mark.parametrize(
    ("annotation", "path", "problem"),
    [
        (str, "person.frist_name", "Person has no field 'frist_name'; Person declares age, anyth"),
        (str, "persn.first_name", "PersonStore has no read `persn`; it has person, company"),
        (str, "person", "names a read but none of its fields; write a path such as 'person."),
        (str, "", "is no path"),
        (str, "person..age", "is no path"),
        (str, "companies.name", "`companies` holds more than one document; write a property"),
        (str, "person.company.name", "Declare a read for a referenced document"),
        (str, "person.friends.name", "a path goes through models"),
        (str, "person.first_name.upper", "a path goes through models"),
        (int, "person.first_name", "is of type str, but the field is declared as int; declare it"),
        (str, "person.age", "is of type int, but the field is declared as str"),
        (int, "person.initial", "is of type str"),
        (Decimal, "person.age", "is of type int"),
        (str, "person.nick", r"may be None, but the field may not; declare it as `str \| None`"),
        (str, "company.name", "may be None, but the field may not"),
        (str, "person.house.city.name", "may be None, but the field may not"),
        (Literal["a"], "person.kind", r"is of type Literal\['a', 'b'\]"),
        (Literal["a"], "person.first_name", "is of type str"),
        (str, "person.color", "is of type Color"),
        (list[int], "person.friends", r"is of type list\[str\]"),
        (dict[str, str], "person.scores", r"is of type dict\[str, int\]"),
        (City, "person.house", "is of type House"),
        (Ref[Person] | None, "person.company", "is of type Ref\\[Company\\]"),
        ("Nowhere", "person.age", "its type cannot be resolved"),
    ],
)
def test_a_path_or_type_that_does_not_fit_is_refused_at_import(
    annotation: Any, path: str, problem: str
) -> None:
    with pytest.raises(DeclarationError, match=rf"Page\.shown.*{problem}"):
        page_of(annotation, path)


@pytest.mark.parametrize(
    ("path", "problem"),
    [("person.doc_id", "the id of a document never changes"), ("person.initial", "it is computed")],
)
def test_a_setter_of_what_cannot_change_is_refused_at_import(path: str, problem: str) -> None:
    with pytest.raises(DeclarationError, match=f"{problem}.*leave `setter` out"):
        page_of(str, path, setter=True)


def test_a_mirror_needs_a_type() -> None:
    with pytest.raises(DeclarationError, match=r"write `shown: … = mirror\('person.age'\)`"):

        class Page(ViewModel[PersonStore], path="pages/{id}"):  # pyright: ignore[reportUnusedClass]
            shown = mirror("person.age")


class Animal(DomainModel, collection="animals"):
    first_name: int


class AnimalStore(Store):
    person = root(Animal)


class Names:
    first_name: str = mirror("person.first_name")


def test_a_mirror_that_is_inherited_is_checked_against_the_store_of_each_view() -> None:
    class Mixed(Names, ViewModel[PersonStore], path="mixed/{id}"):
        pass

    class Inherited(Mixed, path="inherited/{id}"):
        @property
        def age(self) -> int:
            return self.store.person.age

    assert build(Inherited, "p", [EMPTY]) == {"inherited/p": {"firstName": "Ann", "age": 0}}
    with pytest.raises(DeclarationError, match="is of type int, but the field is declared as str"):

        class Wild(Names, ViewModel[AnimalStore], path="wild/{id}"):  # pyright: ignore[reportUnusedClass]
            pass


def test_a_property_may_take_the_place_of_a_mirror() -> None:
    class Shouted(Mirrored, path="shouted/{id}"):
        @property
        def first_name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
            return "!"

    class Louder(Shouted, path="louder/{id}"):
        pass

    assert build(Louder, "p", [EMPTY])["louder/p"]["firstName"] == "!"


def test_access_can_name_the_members_that_a_mirror_lists() -> None:
    class Page(ViewModel[PersonStore], path="pages/{id}", read=members("friends")):
        friends: list[str] = mirror("person.friends")

    assert str(Page.__read__) == 'members("friends")'
