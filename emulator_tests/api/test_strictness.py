"""What does not fit the document of an API is refused over HTTP, with the place and the remedy."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_tests.apps.documented import Item, app
from emulator_tests.kit.http import Http
from emulator_tests.kit.writing import Writer
from onto_fn.models.content import content_of

PATCH = "/owners/ada/itemPatches/p1"


@pytest.fixture
def http(connect: Any, monkeypatch: pytest.MonkeyPatch) -> Http:
    return Http.of(app, connect(), monkeypatch)


@pytest.fixture
def item(writer: Writer) -> Writer:
    """An item of ada's, and its views."""
    fields = content_of(Item(doc_id="i1", title="first", member_ids=["ada"]))
    app.engine.handle(writer.database, writer.write("items/i1", fields))
    return writer


def test_a_view_that_is_computed_checks_its_parameters_as_well(http: Http, item: Writer) -> None:
    assert http.get("/now/i1?after=1", user="ada").status_code == 200
    for value in ("", "soon", "2026-01-02"):
        assert http.get(f"/now/i1?after={value}", user="ada").status_code == 400


def test_an_order_is_one_of_the_declared_ones_or_left_out(http: Http, item: Writer) -> None:
    assert http.get("/cards?order=rank").status_code == 200
    for order in ("", "title", "rank,rank"):
        answer = http.get(f"/cards?order={order}")
        assert answer.status_code == 400
        assert "order=rank" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["__a__", "x" * 129, "%2F", "."])
def test_an_id_that_is_none_is_a_fault_of_the_address(http: Http, item: Writer, name: str) -> None:
    body = {"item": "i1", "rank": 1}
    answer = http.put(f"/owners/ada/itemPatches/{name.replace('.', '%2E')}", body, user="ada")
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"item": "i1", "ratio": 1e999}', 400),
        ('{"item": "i1", "extra": [-1e999]}', 400),
        ('{"item": "i1", "rank": %s}' % ("9" * 4000), 422),
        ('{"item": "i1", "ratio": %s}' % ("9" * 4000), 422),
        ('{"item": "i1", "meaning": [%s]}' % ("9" * 4000), 422),
        ('{"item": "i1", "place": {"latitude": %s, "longitude": 1}}' % ("9" * 4000), 422),
        ('{"item": "i1", "lasts": -11227528153883.156}', 422),
        ('{"item": "i1", "hour": "24:00:00"}', 422),
        ('{"item": "i1", "day": "2026-02-30"}', 422),
        ('{"item": "i1", "extra": [[1]]}', 422),
        ('{"item": "i1", "extra": {"": 1}}', 422),
        ('{"item": "i1", "at": "0001-01-01T00:00:00+23:59"}', 422),
        ('{"item": "i1", "title": "\\ud800"}', 422),
    ],
)
def test_a_value_that_cannot_be_stored_is_refused_and_changes_nothing(
    http: Http, item: Writer, body: str, status: int
) -> None:
    before = item.content("items/i1")
    headers = {"Content-Type": "application/json"}
    answer = http.send("PUT", PATCH, user="ada", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert item.content("items/i1") == before
    assert item.content("owners/ada/itemPatches/p1") is None


def test_a_number_that_javascript_writes_without_a_point_is_stored_as_it_is(
    http: Http, item: Writer
) -> None:
    body = {"item": "i1", "ratio": 10**20, "lasts": 2**40, "meaning": [10**20, 2]}
    answer = http.put(PATCH, body, user="ada")
    assert answer.status_code == 201, answer.text
    stored: Any = item.content("items/i1")
    assert (stored["ratio"], stored["lasts"], list(stored["meaning"])) == (1e20, 2**40, [1e20, 2.0])
