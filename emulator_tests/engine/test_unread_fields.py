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
from onto_fn.engine.materialise import plan as plans
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
    dishes = many(Dish, "menu.dishes", invalid="skip")


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
