"""A change of fields that no build has read needs none, and no change that matters is missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import Field, computed_field, field_validator, model_validator

from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, EmbeddedModel, Ref, Store, ViewModel, many, one, query, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result
from onto_fn.testing.billing import Billing
from onto_fn.views.definition import Consistency

Connect = Callable[..., Database]


class Price(EmbeddedModel):
    amount: int
    currency: str = "EUR"


class Dish(DomainModel, collection="dishes"):
    name: str
    note: str = ""
    stock: int = 0
    tags: list[str] = Field(default_factory=list)
    price: Price | None = None


class Menu(DomainModel, collection="menus"):
    dishes: list[Ref[Dish]]
    shows_notes: bool = False


class MenuStore(Store):
    menu = root(Menu)
    dishes = many(Dish, "menu.dishes", missing="skip", invalid="skip")


class MenuView(ViewModel[MenuStore], path="menuViews/{menu_id}"):
    @property
    def lines(self) -> list[str]:
        if self.store.menu.shows_notes:
            return [f"{dish.name}: {dish.note}" for dish in self.store.dishes]
        return [dish.name for dish in self.store.dishes]


MENU, DISH, VIEW = "menus/m", "dishes/d", "menuViews/m"


def changed(writer: Writer, path: str, **fields: Any) -> Change:
    return writer.write(path, {**(writer.content(path) or {}), **fields})


def results(engine: Engine, database: Database, *changes: Change) -> list[Result]:
    return [outcome.result for change in changes for outcome in engine.handle(database, change)]


def menu_of_one_dish(writer: Writer, consistency: Consistency = "snapshot") -> Engine:
    """A menu that shows one dish without its note, up to date."""
    engine = Engine([replace(MenuView.definition(), consistency=consistency)])
    contents = {MENU: {"dishes": [Dish.ref("d")]}, DISH: {"name": "Soup", "note": "hot"}}
    for change in writer.write_all(contents):
        engine.handle(writer.database, change)
    assert writer.content(VIEW) == {"lines": ["Soup"]}
    return engine


@pytest.mark.parametrize("consistency", ["snapshot", "eventual"])
def test_a_build_that_begins_to_read_a_field_sees_its_change_whose_event_found_it_unread(
    consistency: Consistency, writer: Writer, interleaved: Interleaved
) -> None:
    """The event is done before the build commits, and the record that it finds lists no note."""
    engine = menu_of_one_dish(writer, consistency)
    shows = changed(writer, MENU, showsNotes=True)
    seen: list[Result] = []

    def change_the_note() -> None:
        seen.extend(results(engine, writer.database, changed(writer, DISH, note="cold")))

    interleaved.once(Point.READ, change_the_note)
    engine.handle(interleaved, shows)

    assert interleaved.is_done
    assert seen == [Result.UNAFFECTED]
    assert writer.content(VIEW) == {"lines": ["Soup: cold"]}


def test_fields_that_other_code_has_read_are_those_of_no_build_of_this_code(
    writer: Writer, interleaved: Interleaved
) -> None:
    """While a deployment replaces a function, the old one finds its record, and skips by it."""
    old = menu_of_one_dish(writer)
    new = Engine([replace(MenuView.definition(), fingerprint="new")])
    shows = changed(writer, MENU, showsNotes=True)
    seen: list[Result] = []

    def change_the_note() -> None:
        seen.extend(results(old, writer.database, changed(writer, DISH, note="cold")))

    interleaved.once(Point.READ, change_the_note)
    new.handle(interleaved, shows)

    assert seen == [Result.UNAFFECTED]
    assert writer.content(VIEW) == {"lines": ["Soup: cold"]}
    record = writer.record("MenuView", MENU)
    assert record is not None
    assert record.reads == (("Dish", ("name", "note")), ("Menu", ("dishes", "shows_notes")))
    # The old code does not know what the new one's names mean.
    assert results(old, writer.database, changed(writer, DISH, stock=2)) != [Result.UNAFFECTED]


def test_a_change_of_a_field_that_nothing_reads_costs_its_look_up_for_300_roots(
    connect: Connect, writer: Writer
) -> None:
    engine = Engine([MenuView.definition()])
    writer.write(DISH, {"name": "Soup"})
    menus = {f"menus/m{n}": {"dishes": [Dish.ref("d")]} for n in range(300)}
    for change in writer.write_all(menus):
        engine.handle(writer.database, change)
    billing = Billing()

    outcomes = engine.handle(connect(billing), changed(writer, DISH, stock=5))

    assert [(o.result, o.root) for o in outcomes] == [(Result.UNAFFECTED, "300 roots")]
    # one page of records, and the next, which is empty
    assert billing.counts == {"calls": 2, "reads": 301}


def test_a_skipped_change_is_in_the_next_build_and_its_event_done_however_often_it_comes(
    writer: Writer, interleaved: Interleaved
) -> None:
    engine = menu_of_one_dish(writer)
    unread, read = changed(writer, DISH, stock=1), changed(writer, DISH, name="Stew")

    assert results(engine, interleaved, read, unread) == [Result.COMMITTED, Result.COVERED]
    again = changed(writer, DISH, stock=2)
    assert results(engine, interleaved, again, again) == [Result.UNAFFECTED] * 2

    assert writer.content(VIEW) == {"lines": ["Stew"]}
    assert len(interleaved.commits) == 1
    record = writer.record("MenuView", MENU)
    assert record is not None
    assert again.before is not None
    assert record.versions[DISH] == again.before.update_time


def test_an_earlier_change_that_comes_after_a_skipped_one_is_built(writer: Writer) -> None:
    engine = menu_of_one_dish(writer)
    read, unread = changed(writer, DISH, name="Stew"), changed(writer, DISH, stock=1)

    found = results(engine, writer.database, unread, read)

    assert found == [Result.UNAFFECTED, Result.COMMITTED]
    assert writer.content(VIEW) == {"lines": ["Stew"]}


@dataclass(frozen=True)
class Case:
    """A change of the dish that concerns the menu although it leaves the name as it was."""

    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any] | None
    lines: list[str]


SOUP = {"name": "Soup"}
CASES = [
    Case("it becomes invalid", SOUP, {**SOUP, "stock": "many"}, []),
    Case("it becomes valid", {**SOUP, "stock": "many"}, SOUP, ["Soup"]),
    Case("it stays invalid", {**SOUP, "stock": "many"}, {**SOUP, "stock": "few"}, []),
    Case("it is deleted", SOUP, None, []),
    Case("it becomes another class", SOUP, {**SOUP, "obj_type": "Wine"}, []),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_document_that_comes_or_goes_as_an_object_is_never_skipped(
    case: Case, writer: Writer
) -> None:
    engine = Engine([MenuView.definition()])
    contents = {MENU: {"dishes": [Dish.ref("d")]}, DISH: case.before}
    for change in writer.write_all(contents):
        engine.handle(writer.database, change)

    assert Result.UNAFFECTED not in results(engine, writer.database, writer.write(DISH, case.after))
    assert writer.content(VIEW) == {"lines": case.lines}


def test_an_event_without_its_payload_is_built(writer: Writer) -> None:
    engine = menu_of_one_dish(writer)
    changed(writer, DISH, stock=1)

    assert results(engine, writer.database, Change(DISH, None, None)) == [Result.COMMITTED]


class CheapStore(Store):
    menu = root(Menu)
    cheap = (
        query(Dish)
        .where("price.amount", "<=", 10)
        .order_by("price.amount")
        .order_by("stock")
        .limit(2)
    )


class CheapView(ViewModel[CheapStore], path="cheapViews/{menu_id}"):
    @property
    def names(self) -> list[str]:
        return [dish.name for dish in self.store.cheap]


def test_the_fields_that_a_query_filters_and_orders_by_count_as_read(writer: Writer) -> None:
    engine = Engine([CheapView.definition()])
    dishes = {
        f"dishes/{name}": {
            "name": name,
            "stock": stock,
            "price": {"amount": amount, "currency": "x"},
        }
        for name, stock, amount in [("a", 1, 5), ("b", 2, 5), ("c", 3, 50)]
    }
    for change in writer.write_all({**dishes, MENU: {"dishes": []}}):
        engine.handle(writer.database, change)
    view = "cheapViews/m"
    assert writer.content(view) == {"names": ["a", "b"]}

    def after(path: str, **fields: Any) -> tuple[list[Result], Any]:
        found = results(engine, writer.database, changed(writer, path, **fields))
        return found, (writer.content(view) or {})["names"]

    dearer = {"amount": 5, "currency": "y"}
    assert after("dishes/a", price=dearer) == ([Result.UNAFFECTED], ["a", "b"])
    assert after("dishes/a", note="new") == ([Result.UNAFFECTED], ["a", "b"])
    assert after("dishes/c", note="not listed") == ([Result.UNAFFECTED], ["a", "b"])
    assert after("dishes/a", stock=9) == ([Result.COMMITTED], ["b", "a"])
    assert after("dishes/c", price={"amount": 4}) == ([Result.COMMITTED], ["c", "b"])
    assert after("dishes/b", price={"amount": 60}) == ([Result.COMMITTED], ["c", "a"])


class Person(DomainModel, collection="persons"):
    first: str
    last: str = ""
    born: int = 2000
    label: str = ""

    @field_validator("label", mode="before")
    @classmethod
    def tidy(cls, value: Any) -> str:
        return str(value).strip()

    @model_validator(mode="before")
    @classmethod
    def defaults(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {"label": data.get("title", ""), **data}

    @computed_field
    @property
    def full(self) -> str:
        return f"{self.first} {self.last}"


class PersonStore(Store):
    person = root(Person)


class Card(ViewModel[PersonStore], path="cards/{person_id}"):
    @property
    def name(self) -> str:
        return self.store.person.full


class Labelled(ViewModel[PersonStore], path="labels/{person_id}"):
    @property
    def label(self) -> str:
        return self.store.person.label


class Dumped(ViewModel[PersonStore], path="dumps/{person_id}"):
    @property
    def all(self) -> dict[str, Any]:
        return self.store.person.model_dump()


class Compared(ViewModel[PersonStore], path="compared/{person_id}"):
    @property
    def is_ann(self) -> bool:
        return self.store.person == Person(doc_id="p", first="Ann")


class Extra(ViewModel[PersonStore], path="extras/{person_id}"):
    @property
    def nick(self) -> str | None:
        return getattr(self.store.person, "nick", None)


VIEWS: list[type[ViewModel[Any]]] = [Card, Labelled, Dumped, Compared, Extra]


@pytest.mark.parametrize(
    ("fields", "concerned"),
    [
        ({"born": 1999}, {"Dumped", "Compared"}),
        ({"last": "Lee"}, {"Card", "Dumped", "Compared"}),
        ({"label": " x"}, {"Labelled", "Dumped", "Compared"}),
        ({"title": "Dr"}, {"Labelled", "Dumped", "Compared"}),
        ({"label": "  "}, {"Dumped", "Compared"}),  # what is read is the same
        ({"nick": "A"}, {"Extra", "Dumped", "Compared"}),
        ({"nickname": "A"}, {"Dumped", "Compared"}),
        ({"full": "stored, and not read"}, {"Dumped", "Compared"}),
    ],
)
def test_what_is_read_decides_and_not_what_is_stored(
    fields: dict[str, Any], concerned: set[str], writer: Writer
) -> None:
    engine = Engine([view.definition() for view in VIEWS])
    for change in [writer.write("persons/p", {"first": "Ann"})]:
        engine.handle(writer.database, change)

    outcomes = engine.handle(writer.database, changed(writer, "persons/p", **fields))

    found = {o.definition for o in outcomes if o.result is Result.COMMITTED}
    assert found == concerned
    for view in VIEWS:
        engine.rebuild(writer.database, view.__name__, "persons/p")
    assert all(o.result is Result.COMMITTED or o.root == "persons/p" for o in outcomes)


def test_an_eventual_build_that_reads_more_than_before_does_not_trust_its_memory(
    connect: Connect, writer: Writer
) -> None:
    engine = menu_of_one_dish(writer, "eventual")
    billing = Billing()
    database = connect(billing)

    assert results(engine, database, changed(writer, DISH, note="cold")) == [Result.UNAFFECTED]
    assert results(engine, database, changed(writer, DISH, name="Stew")) == [Result.COMMITTED]
    assert billing.counts == {"calls": 3, "reads": 2, "writes": 2}, "no source was read"
    assert results(engine, database, changed(writer, DISH, note="warm")) == [Result.UNAFFECTED]
    assert results(engine, database, changed(writer, MENU, showsNotes=True)) == [Result.COMMITTED]

    assert writer.content(VIEW) == {"lines": ["Stew: warm"]}


class Summary(DomainModel, collection="menuViews"):
    lines: list[str]


class SummaryStore(Store):
    summary = root(Summary)
    dish = one(Dish, lambda store: Dish.ref("d"), default=None)


class Copied(ViewModel[SummaryStore], path="copied/{menu_id}"):
    @property
    def stock(self) -> int:
        return self.store.dish.stock if self.store.dish else 0


def test_each_view_of_one_document_is_decided_for_itself(writer: Writer) -> None:
    engine = Engine([MenuView.definition(), Copied.definition()])
    contents = {MENU: {"dishes": [Dish.ref("d")]}, DISH: SOUP, VIEW: {"lines": []}}
    for change in writer.write_all(contents):
        engine.handle(writer.database, change)

    outcomes = engine.handle(writer.database, changed(writer, DISH, stock=4))

    assert {o.definition: o.result for o in outcomes} == {
        "MenuView": Result.UNAFFECTED,
        "Copied": Result.COMMITTED,
    }
    assert writer.content("copied/m") == {"stock": 4}
    # its root, of which it reads nothing
    outcomes = engine.handle(writer.database, changed(writer, VIEW, lines=["x"]))
    assert [o.result for o in outcomes] == [Result.UNAFFECTED]
