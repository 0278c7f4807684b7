"""What the command line says about an aggregate whose definition has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator_tests.cli.towns import Towns
from onto_fn.cli.apps import load_app
from onto_fn.observability import Change

APP = """\
from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, aggregate, root
from onto_fn.aggregates import count, total


class Street(DomainModel, collection="streets"):
    name: str = ""
    houses: int = 1


class House(DomainModel, collection="streets/{{street}}/houses"):
    rooms: int = 1


class StreetStore(Store):
    street = root(Street)
    houses = aggregate(House, name="houses", {measures}).within(street=lambda s: s.street.doc_id)


class StreetView(ViewModel[StreetStore], path="streetViews/{{street_id}}"):
    @property
    def number(self) -> int:
        return self.store.houses["number"]


App([ViewMediator(StreetView)]).export(globals())
"""
BEFORE = "number=count()"
AFTER = 'number=count(), rooms=total("rooms")'


@pytest.fixture
def changed(towns: Towns, tmp_path: Path) -> str:
    """The file of an app that has counted two houses by an earlier definition."""
    before, after = tmp_path / "before.py", tmp_path / "after.py"
    before.write_text(APP.format(measures=BEFORE))
    after.write_text(APP.format(measures=AFTER))
    engine = load_app(str(before)).engine
    for number in range(2):
        path = f"streets/main/houses/{number}"
        towns.write(path, rooms=3)
        engine.handle(towns.database, Change(path, None, None, f"event-{number}"))
    return str(after)


def test_status_names_the_aggregate_and_a_backfill_shows_the_new_numbers(
    towns: Towns, changed: str
) -> None:
    before = towns.run("status", "--app", changed)
    data = towns.run("status", "--app", changed, "--json")
    estimated = towns.run("backfill", "houses", "--dry-run", "--app", changed)
    built = towns.run("backfill", "houses", "--app", changed)
    after = towns.run("status", "--app", changed)

    said = "houses: views show the numbers of an earlier definition until `onto backfill houses`"
    assert said in " ".join((before.out + before.err).split())
    rows = [json.loads(line) for line in data.out.splitlines()]
    shown = {row["target"]: (row["stale"], row["is_shown"]) for row in rows if "target" in row}
    assert shown["houses"] == (2, False)
    assert (estimated.code, built.code) == (0, 0)
    assert "earlier definition" not in after.out + after.err


def test_a_document_that_could_not_be_counted_is_explained_as_failed(
    towns: Towns, changed: str
) -> None:
    towns.write("streets/main/houses/9", rooms="many")
    engine = load_app(changed).engine
    engine.handle(towns.database, Change("streets/main/houses/9", None, None, "event-9"))

    ended = towns.run("explain", "streets/main/houses/9", "--app", changed, "--json")

    [dependent] = json.loads(ended.out)["dependents"]
    assert (dependent["definition"], dependent["state"]) == ("houses", "failed")
