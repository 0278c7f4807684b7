"""`invalid="skip"`: a document that its model refuses is left out, and the view goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from emulator_tests.kit.writing import Writer
from onto_fn import (
    DeclarationError,
    DomainModel,
    Patch,
    PatchMediator,
    Ref,
    Store,
    ViewModel,
    keyed,
    many,
    one,
    query,
    root,
)
from onto_fn.access import public
from onto_fn.editing import edit
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.status import status_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.engine.records.skipped import MOST
from onto_fn.observability import Change, Observer, Outcome, Result
from onto_fn.views import Definition


class Cook(DomainModel, collection="cooks"):
    name: str


class Dish(DomainModel, collection="dishes"):
    price: int


class Meal(DomainModel, collection="meals"):
    place: str
    lines: list[str]


class Place(DomainModel, collection="places"):
    dishes: list[Ref[Dish]]
    by_name: dict[str, Ref[Dish]]
    cook: Ref[Cook] | None = None
    label: str = ""


class PlaceStore(Store):
    place = root(Place)
    cook = one(Cook, "place.cook", default=None, invalid=None)
    dishes = many(Dish, "place.dishes", invalid="skip")
    by_name = keyed(Dish, "place.by_name", invalid="skip")
    meals = query(Meal, invalid="skip").where("place", "==", lambda store: store.place.doc_id)


class PlacePage(ViewModel[PlaceStore], path="placePages/{place_id}"):
    @property
    def cook(self) -> str:
        return self.store.cook.name if self.store.cook else "nobody"

    @property
    def prices(self) -> list[int]:
        return [dish.price for dish in self.store.dishes]

    @property
    def named(self) -> dict[str, int]:
        return {name: dish.price for name, dish in self.store.by_name.items()}

    @property
    def lines(self) -> list[str]:
        return [line for meal in self.store.meals for line in meal.lines]

    @property
    def label(self) -> str:
        return self.store.place.label

    @label.setter
    def label(self, value: str) -> None:
        self.store.place.label = value
        for dish in self.store.dishes:
            dish.price += 1


class LabelPatch(Patch[PlacePage], path="labelPatches/{id}", target="placeId", create=public()):
    label: str


class StrictStore(Store):
    place = root(Place)
    dishes = many(Dish, "place.dishes")


class StrictPage(ViewModel[StrictStore], path="strictPages/{place_id}"):
    @property
    def prices(self) -> list[int]:
        return [dish.price for dish in self.store.dishes]


SOURCES: dict[str, dict[str, Any]] = {
    "cooks/ada": {"name": "Ada"},
    "dishes/soup": {"price": 5},
    "dishes/rice": {"price": 7},
    "meals/m": {"place": "p", "lines": ["soup"]},
    "meals/n": {"place": "p", "lines": ["rice"]},
    "places/p": {
        "cook": Ref[Cook]("cooks/ada"),
        "dishes": [Ref[Dish]("dishes/soup"), Ref[Dish]("dishes/rice")],
        "byName": {"hot": Ref[Dish]("dishes/soup"), "dry": Ref[Dish]("dishes/rice")},
    },
}
PAGE = {
    "cook": "Ada",
    "prices": [5, 7],
    "named": {"hot": 5, "dry": 7},
    "lines": ["soup", "rice"],
    "label": "",
}
# The bad document, and what the page then has in place of it.
BAD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("cooks/ada", {"name": 1}, {"cook": "nobody"}),
    ("dishes/soup", {"price": "dear"}, {"prices": [7], "named": {"dry": 7}}),
    ("meals/m", {"place": "p", "lines": "oops"}, {"lines": ["rice"]}),
    ("meals/n", {"place": "p", "lines": ["rice"], "obj_type": "Else"}, {"lines": ["soup"]}),
]
MODES = pytest.mark.parametrize("mode", ["snapshot", "eventual"])


class Told(Observer):
    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        self.outcomes.append(outcome)


def definition(mode: Any) -> Definition:
    return replace(PlacePage.definition(), consistency=mode)


def handle_all(engine: Engine, writer: Writer, contents: dict[str, Any]) -> list[Outcome]:
    changes = writer.write_all(contents)
    return [o for change in changes for o in engine.handle(writer.database, change)]


@MODES
@pytest.mark.parametrize(("path", "fields", "without"), BAD, ids=[path for path, _, _ in BAD])
def test_a_document_that_its_model_refuses_is_left_out_until_it_is_corrected(
    mode: str, path: str, fields: dict[str, Any], without: dict[str, Any], writer: Writer
) -> None:
    told = Told()
    engine = Engine([definition(mode)], observers=[told])
    handle_all(engine, writer, SOURCES)

    [spoilt] = handle_all(engine, writer, {path: fields})

    assert (spoilt.result, spoilt.skipped) == (Result.COMMITTED, (path,))
    assert writer.content("placePages/p") == PAGE | without
    assert writer.dead_letters() == {}
    record = writer.record("PlacePage", "places/p")
    assert record is not None
    assert record.skipped.count == 1
    assert list(record.skipped.problems) == [path]
    assert told.outcomes[-1].skipped == (path,)
    assert status_of(writer.database, engine.targets["PlacePage"], engine.retry).skipping == 1

    [corrected] = handle_all(engine, writer, {path: SOURCES[path]})

    assert (corrected.result, corrected.skipped) == (Result.COMMITTED, ())
    assert writer.content("placePages/p") == PAGE
    assert status_of(writer.database, engine.targets["PlacePage"], engine.retry).skipping == 0


@MODES
def test_other_changes_go_on_beside_a_document_that_is_left_out(mode: str, writer: Writer) -> None:
    engine = Engine([definition(mode)])
    handle_all(engine, writer, SOURCES | {"meals/bad": {"place": "p", "lines": "oops"}})

    handle_all(engine, writer, {"meals/o": {"place": "p", "lines": ["tea"]}})

    assert writer.content("placePages/p") == PAGE | {"lines": ["soup", "rice", "tea"]}


@MODES
def test_a_duplicate_of_a_bad_documents_event_builds_nothing(mode: str, writer: Writer) -> None:
    engine = Engine([definition(mode)])
    handle_all(engine, writer, SOURCES)
    change = writer.write("dishes/soup", {"price": "dear"})
    engine.handle(writer.database, change)

    [again] = engine.handle(writer.database, change)

    assert again.result is Result.COVERED
    assert engine.rebuild(writer.database, "PlacePage", "places/p").result is Result.UNCHANGED


def test_a_read_without_the_option_makes_it_a_dead_letter_as_before(writer: Writer) -> None:
    engine = Engine([StrictPage.definition(), PlacePage.definition()])
    handle_all(engine, writer, SOURCES)

    handle_all(engine, writer, {"dishes/soup": {"price": "dear"}})

    assert list(writer.dead_letters()) == ["onto_dead_letters/StrictPage~places%2Fp"]
    assert writer.content("strictPages/p") == {"prices": [5, 7]}
    assert writer.content("placePages/p") == PAGE | {"prices": [7], "named": {"dry": 7}}


@MODES
def test_batches_and_backfills_leave_it_out_alike(mode: str, writer: Writer) -> None:
    places = {f"places/p{number}": SOURCES["places/p"] for number in range(5)}
    engine = Engine([definition(mode)])
    del places["places/p0"]
    writer.write_all(SOURCES | places | {"dishes/soup": {"price": "dear"}})

    Backfill(engine, writer.database, targets_of(engine)).run()
    views = writer.collection("placePages")
    change = writer.write("dishes/rice", {"price": 8})
    items = tuple((path, 0) for path in places)
    outcomes = engine.handle_batch(writer.database, Batch("PlacePage", change, items))

    assert {view["named"]["dry"] for view in views.values() if view} == {7}
    assert {outcome.skipped for outcome in outcomes} == {("dishes/soup",)}
    assert writer.content("placePages/p4") == PAGE | {
        "prices": [8],
        "named": {"dry": 8},
        "lines": [],
    }
    assert writer.dead_letters() == {}


@MODES
def test_verify_finds_nothing_wrong_with_it(mode: str, writer: Writer) -> None:
    engine = Engine([definition(mode)])
    handle_all(engine, writer, SOURCES | {"dishes/soup": {"price": "dear"}})

    verified = Verification(engine, writer.database, targets_of(engine), settle=0.0).run()

    assert (verified.roots, verified.found) == (1, 0)


def test_an_edit_changes_what_there_is_and_leaves_the_bad_document_as_it_is(
    writer: Writer,
) -> None:
    writer.write_all(SOURCES | {"dishes/soup": {"price": "dear"}})

    edit(writer.database, PlacePage, "p", lambda page: setattr(page, "label", "new"))

    place, rice = writer.content("places/p"), writer.content("dishes/rice")
    assert place is not None
    assert (place["label"], rice) == ("new", {"price": 8})
    assert writer.content("dishes/soup") == {"price": "dear"}


def test_a_patch_does_the_same_and_is_done(writer: Writer) -> None:
    engine = Engine([PatchMediator(LabelPatch).definition()])
    writer.write_all(SOURCES | {"dishes/soup": {"price": "dear"}})
    asked = writer.write("labelPatches/x", {"placeId": "p", "label": "new"})

    [outcome] = engine.handle(writer.database, asked)

    assert (outcome.result, outcome.skipped) == (Result.COMMITTED, ("dishes/soup",))
    assert writer.content("dishes/rice") == {"price": 8}
    assert writer.content("dishes/soup") == {"price": "dear"}


def test_the_ledger_counts_all_and_names_a_bounded_number(writer: Writer) -> None:
    engine = Engine([PlacePage.definition()])
    bad = {f"meals/bad{number:03}": {"place": "p", "lines": "o" * 500} for number in range(60)}
    handle_all(engine, writer, SOURCES)
    writer.write_all(bad)

    outcome = engine.rebuild(writer.database, "PlacePage", "places/p")

    record = writer.record("PlacePage", "places/p")
    assert record is not None
    assert outcome.skipped == tuple(sorted(bad))
    assert (record.skipped.count, len(record.skipped.problems)) == (60, MOST)
    assert all(len(problem) <= 200 for problem in record.skipped.problems.values())


def test_an_option_that_does_not_exist_is_refused() -> None:
    for declare in (
        lambda: many(Dish, "place.dishes", invalid="ignore"),  # pyright: ignore[reportArgumentType]
        lambda: keyed(Dish, "place.by_name", invalid=None),  # pyright: ignore[reportArgumentType]
        lambda: query(Dish, invalid="default"),  # pyright: ignore[reportArgumentType]
    ):
        with pytest.raises(DeclarationError, match="invalid must be 'error' or 'skip'"):
            declare()
