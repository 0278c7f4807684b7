"""An eventual view with a document that it reads in more than one way, at different versions."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, Ref, Store, ViewModel, many, query, root
from onto_fn.engine import Engine
from onto_fn.observability import Result


class Book(DomainModel, collection="books"):
    title: str
    colour: str = ""
    year: int = 0


class Shelf(DomainModel, collection="shelves"):
    picked: list[Ref[Book]] = Field(default_factory=list)
    since: int = 2000


class ShelfStore(Store):
    """A book may be picked, red, among the first, recent, and all that at a time."""

    shelf = root(Shelf)
    red = query(Book).where("colour", "==", "red")
    picked = many(Book, lambda store: store.shelf.picked, missing="skip")
    first = query(Book).order_by("title").limit(2)
    recent = query(Book).where("year", ">=", lambda store: store.shelf.since)


class ShelfView(ViewModel[ShelfStore], path="shelfViews/{shelf}", consistency="eventual"):
    @property
    def red(self) -> list[str]:
        return sorted(book.title for book in self.store.red)

    @property
    def picked(self) -> list[str]:
        return [book.title for book in self.store.picked]

    @property
    def first(self) -> list[str]:
        return [book.title for book in self.store.first]

    @property
    def recent(self) -> list[str]:
        return sorted(book.title for book in self.store.recent)


def shelf_view(**lists: list[str]) -> dict[str, Any]:
    return {"red": [], "picked": [], "first": [], "recent": [], **lists}


@pytest.fixture
def engine() -> Engine:
    return Engine([ShelfView.definition()])


def test_a_picked_book_that_becomes_red_before_it_is_read(engine: Engine, writer: Writer) -> None:
    """The event of its first version reads the second, which the red ones must not miss."""
    engine.handle(writer.database, writer.write("shelves/s", {"picked": [Book.ref("b")]}))
    made = writer.write("books/b", {"title": "B", "colour": "grey"})
    painted = writer.write("books/b", {"title": "B", "colour": "red"})

    for change in (made, painted):
        engine.handle(writer.database, change)

    assert writer.content("shelfViews/s") == shelf_view(picked=["B"], red=["B"], first=["B"])


def test_a_red_book_that_another_event_finds_among_the_first(
    engine: Engine, writer: Writer
) -> None:
    engine.handle(writer.database, writer.write("shelves/s", {}))
    made = writer.write("books/b", {"title": "B", "colour": "red"})
    other = writer.write("books/a", {"title": "A"})

    for change in (other, made):
        engine.handle(writer.database, change)

    assert writer.content("shelfViews/s") == shelf_view(red=["B"], first=["A", "B"])


def test_a_red_book_that_becomes_picked_before_it_is_heard_of(
    engine: Engine, writer: Writer
) -> None:
    engine.handle(writer.database, writer.write("shelves/s", {}))
    made = writer.write("books/b", {"title": "B", "colour": "red"})
    picked = writer.write("shelves/s", {"picked": [Book.ref("b")]})

    for change in (picked, made):
        engine.handle(writer.database, change)

    assert writer.content("shelfViews/s") == shelf_view(picked=["B"], red=["B"], first=["B"])


def test_a_book_that_matches_only_what_the_root_asks_for_now(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    """Its event works with the root as remembered, and finds nothing to do."""
    for change in writer.write_all({"shelves/s": {}, "books/a": {"title": "A"}}):
        engine.handle(writer.database, change)
    engine.handle(writer.database, writer.write("books/b", {"title": "B"}))
    wider = writer.write("shelves/s", {"since": 1900})
    found: list[Any] = []

    def make_and_deliver() -> None:
        change = writer.write("books/z", {"title": "Z", "year": 1950})
        found.extend(engine.handle(writer.database, change))

    interleaved.once(Point.READ, make_and_deliver)  # the first books, and the recent ones
    engine.handle(interleaved, wider)

    assert [outcome.result for outcome in found] == [Result.UNCHANGED]
    assert writer.content("shelfViews/s") == shelf_view(first=["A", "B"], recent=["Z"])
