"""Estimates from declarations, and what they cost. The emulator tests compare them with bills."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from onto_fn import App, DomainModel, FanOut, Store, ViewMediator, ViewModel, one, query, root
from onto_fn.cli.main import status_of
from onto_fn.errors import DeclarationError
from onto_fn.messaging import TopicSink
from onto_fn.pricing import Counts, Declared, estimates, prices_of, read_prices
from onto_fn.pricing.prices import TABLE

ROOT = Path(__file__).resolve().parents[2]
APP = ["--app", str(ROOT / "functions" / "main.py")]


class Town(DomainModel, collection="towns"):
    name: str


class House(DomainModel, collection="houses"):
    town: str


class HouseStore(Store):
    house = root(House)
    town = one(Town, lambda store: Town.ref(store.house.town))


class HousePage(ViewModel[HouseStore], path="housePages/{house_id}"):
    @property
    def town(self) -> str:
        return self.store.town.name


class TownStore(Store):
    town = root(Town)
    houses = query(HousePage.Document).where("town", "==", lambda store: store.town.name).limit(5)


class TownPage(ViewModel[TownStore], path="townPages/{town_id}"):
    @property
    def number(self) -> int:
        return len(self.store.houses)


def counts(app: App, collection: str, **widths: int) -> Counts:
    given = {name.replace("__", "->").replace("_dot_", "."): n for name, n in widths.items()}
    found = estimates(app, Declared(app, given))
    return next(e.counts for e in found if e.collection == collection)


def test_a_join_costs_its_record_its_sources_and_its_two_writes() -> None:
    assert counts(App([HousePage]), "houses") == Counts(1, 1, 1 + 2, 2)


def test_roots_of_one_event_share_what_they_read() -> None:
    # three records; three houses and their town; three documents and records
    assert counts(App([HousePage]), "towns", towns__HousePage=3) == Counts(1, 1, 3 + 4, 6)


def test_an_eventual_view_reads_its_record_only() -> None:
    class Eventual(ViewModel[HouseStore], path="eventualPages/{house_id}", consistency="eventual"):
        @property
        def town(self) -> str:
            return self.store.town.name

    assert counts(App([Eventual]), "houses") == Counts(1, 1, 1, 2)


def test_views_of_views_are_events_of_their_own() -> None:
    app = App([HousePage, TownPage])
    found = {e.collection: e for e in estimates(app, Declared(app))}

    assert found["housePages"].counts == Counts(1, 1, 1 + 1 + 5, 2)
    assert found["houses"].chain == ("housePages",)
    assert found["houses"].counts == Counts(1, 1, 3, 2) + found["housePages"].counts


def test_a_message_is_written_sent_and_deleted() -> None:
    app = App([ViewMediator(HousePage, sends=[TopicSink("houses")])])

    assert counts(app, "houses") == Counts(1, 1, 3, 2) + Counts(1, 0, 1, 1, 1, 1)


def test_a_fan_out_reads_each_batch_again() -> None:
    app = App([HousePage], fan_out=FanOut(threshold=3, batch=2))

    made = counts(app, "towns", towns__HousePage=4)
    # four records; twice two records, two houses and the town; two batches
    assert made == Counts(3, 1, 4 + 2 * (2 + 3), 8, 0, 2)


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"--width names 'HouseStore\.tonw'"):
        Declared(App([HousePage]), {"HouseStore.tonw": 3})


def test_dollars_are_those_of_the_table() -> None:
    million = Counts(1_000_000, 5, 1_000_000, 1_000_000, 1_000_000)

    assert prices_of("nam5").dollars(million) == pytest.approx(0.40 + 0.60 + 1.80 + 0.20)
    assert prices_of("nam5").dollars(Counts(messages=2**40 / 2000)) == pytest.approx(40)


def test_prices_that_are_not_known_are_not_invented() -> None:
    with pytest.raises(DeclarationError, match="Pass --prices"):
        prices_of("mars-north1")


def test_every_price_says_when_and_where_it_was_read() -> None:
    page = (ROOT / "docs" / "cost.md").read_text()

    for prices in TABLE:
        assert prices.as_of
        assert prices.source.split("; ")[0] in page
        assert f"| {prices.region} | {prices.edition} |" in page


def test_prices_come_from_a_file_too(tmp_path: Path) -> None:
    mine = replace(prices_of("nam5"), region="mars-north1", reads=7.0)
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(asdict(mine)))

    assert read_prices(file) == mine
    file.write_text('{"region": "mars-north1"}')
    with pytest.raises(DeclarationError, match="does not have prices"):
        read_prices(file)


def run(*arguments: str) -> int:
    return status_of(["cost", *APP, *arguments])


def test_the_command_shows_every_collection(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "--width", "MeetingSession=3") == 0

    rows: list[dict[str, Any]] = [json.loads(r) for r in capsys.readouterr().out.splitlines()]
    assert [row["collection"] for row in rows][:4] == ["locations", "meetings", "tickets", "users"]
    assert all(row["prices"]["as_of"] for row in rows)
    assert "MeetingSession=3 (given)" in rows[0]["rests_on"]
    assert "MeetingStore.users=10 (assumed)" in rows[0]["rests_on"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--max-reads-per-change", "34"], 0),
        (["--max-reads-per-change", "33"], 1),
        (["--max-writes-per-change", "13"], 0),
        (["--max-writes-per-change", "12"], 1),
        (["--changes", "tickets=1e6/day", "--budget", "516"], 0),
        (["--changes", "tickets=1e6/day", "--budget", "515"], 1),
        (["--budget", "515"], 2),
        (["--width", "MeetingSession"], 2),
        (["--region", "mars-north1"], 2),
    ],
)
def test_limits_fail_the_run(arguments: list[str], code: int) -> None:
    assert run(*arguments) == code
