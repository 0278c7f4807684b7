"""What `onto cost` says and what is billed: equal for joins, within 10 % for fan-outs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator_tests.apps import counter, feed
from emulator_tests.kit.writing import Writer
from onto_fn import App, FanOut
from onto_fn.cli.apps import load_app
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.firestore import Reference
from onto_fn.observability import Change
from onto_fn.pricing import Declared, Estimate, estimates, read_ledger
from onto_fn.pricing.world import World
from onto_fn.testing.billing import Billing

Connect = Callable[..., Database]
ROOT = Path(__file__).resolve().parents[2]


class Deployed:
    """An app's engine, whose events are followed as the platform would deliver them."""

    def __init__(self, app: App, writer: Writer) -> None:
        self.app = app
        self.writer = writer
        self.batches: list[Batch] = []
        self.engine = Engine(
            [mediator.definition() for mediator in app.mediators],
            fan_out=app.fan_out,
            publish=lambda _, batches: self.batches.extend(batches),
        )

    def settle(self, contents: dict[str, dict[str, Any]]) -> None:
        """Write documents, and build what follows."""
        for change in self.writer.write_all(contents):
            self.follow(self.writer.database, change)

    def follow(self, database: Database, change: Change) -> None:
        """Handle a change, and all events that follow from it."""
        self.engine.handle(database, change)
        while self.batches:
            self.engine.handle_batch(database, self.batches.pop(0))

    def estimate(self, world: World, collection: str) -> Estimate:
        (found,) = [e for e in estimates(self.app, world) if e.collection == collection]
        return found

    def measured(self) -> World:
        return read_ledger(self.app, self.writer.database, "the emulator", 100_000)


@pytest.fixture
def billing() -> Billing:
    return Billing()


@pytest.fixture
def billed(connect: Connect, billing: Billing) -> Database:
    return connect(billing)


def counted(estimate: Estimate) -> dict[str, float]:
    counts = estimate.counts
    return {"reads": counts.reads, "writes": counts.writes + counts.deletes}


def operations(billing: Billing) -> dict[str, float]:
    return {name: billing.counts[name] for name in ("reads", "writes")}


WIDTHS = {
    "MeetingStore.users": 3,
    "MeetingStore.tickets": 3,
    "MeetingStore.ticket_users": 3,
    "MeetingSession": 3,
    "UserStore.meetings": 1,
    "meetings->UserView": 3,
}


@pytest.fixture
def room(writer: Writer) -> Deployed:
    from meeting_room.sample import sources

    deployed = Deployed(load_app(str(ROOT / "functions" / "main.py")), writer)
    deployed.settle(sources(cast("Any", SimpleNamespace(document=Reference))))
    return deployed


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("users/tijuana", {"lastName": "Further"}),
        ("tickets/tj_t", {"attendance": False}),
        ("locations/L", {"address": "elsewhere"}),
        ("meetings/meeting_1", {"status": "closed"}),
    ],
)
def test_a_change_in_the_meeting_room_is_billed_as_estimated(
    path: str,
    changed: dict[str, Any],
    room: Deployed,
    billed: Database,
    billing: Billing,
    writer: Writer,
) -> None:
    collection = path.partition("/")[0]
    declared = room.estimate(Declared(room.app, WIDTHS), collection)
    measured = room.estimate(room.measured(), collection)
    change = writer.write(path, {**(writer.content(path) or {}), **changed})

    room.follow(billed, change)

    assert operations(billing) == counted(declared)
    assert operations(billing) == counted(measured)


def test_a_change_that_no_view_shows_is_billed_as_estimated(
    room: Deployed, billed: Database, billing: Billing, writer: Writer
) -> None:
    estimate = room.estimate(room.measured(), "locations")
    path = "locations/L"

    room.follow(billed, writer.write(path, {**(writer.content(path) or {}), "floor": 2}))

    assert billing.counts == {"calls": 1, "reads": estimate.unaffected.reads}


def test_a_vote_is_billed_as_estimated_with_the_view_that_counts_it(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    deployed = Deployed(counter.app, writer)
    deployed.settle({"polls/p": {}})
    for number in range(20):
        deployed.settle({f"polls/p/votes/v{number}": {"option": "a"}})
    deployed.engine.rebuild(writer.database, "PollResults", "polls/p")  # for the shards' events
    vote = "polls/p/votes/v0"
    number = counter.app.engine.aggregates["PollStore.votes"].shard(vote)
    shard = next(
        path
        for path in deployed.measured().readers("polls/p")[0].sources
        if path.endswith(f"/shards/{number}")
    )
    declared = deployed.estimate(Declared(deployed.app), "polls/{poll}/votes")
    measured = deployed.estimate(deployed.measured(), "polls/{poll}/votes")
    before = writer.database.get([shard])[0][shard]

    deployed.follow(billed, writer.write(vote, {"option": "b"}))
    after = writer.database.get([shard])[0][shard]
    deployed.follow(billed, Change(shard, before, after, "event of the shard"))

    assert (writer.content("pollResults/p") or {})["counts"]["b"] == 1
    assert operations(billing) == counted(declared)
    assert operations(billing) == counted(measured)


@pytest.mark.parametrize("followers", [10, 300, 2_500])
def test_an_edit_in_the_feeds_of_many_is_billed_as_estimated_within_ten_percent(
    followers: int, billed: Database, billing: Billing, writer: Writer
) -> None:
    deployed = Deployed(feed.app, writer)
    assert feed.app.fan_out == FanOut()
    names = {f"f{number}": True for number in range(followers)}
    deployed.settle({"users/ann": {"followers": names}})
    deployed.settle({"insta_posts/p": {"ownerId": "ann", "text": "one"}})
    widths = {"PostDAV": followers}
    declared = deployed.estimate(Declared(deployed.app, widths), "insta_posts")
    measured = deployed.estimate(deployed.measured(), "insta_posts")

    deployed.follow(billed, writer.write("insta_posts/p", {"ownerId": "ann", "text": "two"}))

    made = operations(billing)
    for estimate in (declared, measured):
        assert counted(estimate) == pytest.approx(made, rel=0.1)
    assert measured.fan_out >= followers
