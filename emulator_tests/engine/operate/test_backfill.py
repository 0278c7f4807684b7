"""Backfill: views of data that was there before them, whatever stops it, beside live traffic."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import pytest

from emulator_tests.kit.backfilling import start
from emulator_tests.kit.domain import GroupView, Team, TeamView, group_view, people
from emulator_tests.kit.polls import POLL, numbers, poll_engine
from emulator_tests.kit.writing import Writer
from onto_fn import DeclarationError, DocumentSink, Mediator
from onto_fn.aggregates import count, total
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.operate.backfill import Backfill, Progress, targets_of
from onto_fn.engine.operate.estimate import estimate
from onto_fn.engine.operate.status import status_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.firestore import Query
from onto_fn.testing.eventually import Eventually

CHECKPOINT = "onto_backfills/GroupView"


def groups(writer: Writer, number: int) -> None:
    """Groups of one member, who is in several, and whom the views name."""
    sources = {f"people/p{n}": {"name": f"P{n}"} for n in range(3)}
    sources |= {
        f"groups/g{n:03}": {"title": f"G{n}", "members": people(f"p{n % 3}")} for n in range(number)
    }
    items = list(sources.items())
    for at in range(0, len(items), 400):
        writer.write_all(dict(items[at : at + 400]))


def views(number: int) -> dict[str, object]:
    return {f"groupViews/g{n:03}": group_view(f"P{n % 3}", title=f"G{n}") for n in range(number)}


@pytest.fixture
def engine() -> Engine:
    return Engine([GroupView.definition()])


def backfill(engine: Engine, database: Database, **options: object) -> Backfill:
    return Backfill(engine, database, targets_of(engine), **options)  # pyright: ignore


def test_every_root_is_built_page_by_page(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 25)
    seen: list[Progress] = []

    report = backfill(engine, database, page=4, workers=3).run(seen.append)

    assert writer.collection("groupViews") == views(25)
    assert (report.counts.done, report.counts.committed, report.counts.failed) == (25, 25, 0)
    assert report.is_complete
    assert not report.resumed
    assert max(progress.counts.done for progress in seen) == 25
    assert {(progress.target, progress.total) for progress in seen} == {("GroupView", 25)}


def test_what_is_up_to_date_is_not_written_again(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 5)
    backfill(engine, database).run()
    before = database.get(["groupViews/g001"])[0]["groupViews/g001"].update_time

    backfill(engine, database).run()

    assert database.get(["groupViews/g001"])[0]["groupViews/g001"].update_time == before


def test_a_stopped_backfill_goes_on_where_it_was(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 20)
    stop = Event()
    first = backfill(engine, database, page=5, workers=1).run(lambda _: stop.set(), stop)
    built = len(writer.collection("groupViews"))

    second = backfill(engine, database, page=5, workers=1).run()

    assert not first.is_complete
    assert built == first.counts.done == 5
    assert second.resumed
    assert second.counts.done == second.counts.committed == 20
    assert writer.collection("groupViews") == views(20)
    assert (writer.content(CHECKPOINT) or {})["state"] == "done"
    assert not backfill(engine, database).run().resumed


def test_another_definition_begins_anew(engine: Engine, database: Database, writer: Writer) -> None:
    groups(writer, 10)
    stop = Event()
    backfill(engine, database, page=2, workers=1).run(lambda _: stop.set(), stop)
    changed = Engine([replace(GroupView.definition(), fingerprint="another")])

    report = backfill(changed, database, page=2, workers=1).run()

    assert not report.resumed
    assert report.counts.done == 10


def test_killed_twice_beside_live_writes_every_view_is_right(
    engine: Engine,
    database: Database,
    writer: Writer,
    project: str,
    eventually: Eventually,
) -> None:
    groups(writer, 240)
    live = iter(range(240))

    def change_one() -> None:
        number = next(live, None)
        if number is not None:
            change = writer.write(
                f"groups/g{number:03}", {"title": "live", "members": people("p0")}
            )
            engine.handle(database, change)

    def has_done(number: int) -> bool:
        change_one()
        parts = writer.collection(f"{CHECKPOINT}/parts").values()
        return sum(fields["counts"]["done"] for fields in parts if fields) >= number

    for kill_at in (20, 90):
        process = start(project)
        try:
            eventually(lambda at=kill_at: has_done(at), deadline=120)
            assert process.poll() is None, "it ended before it could be killed"
        finally:
            process.kill()
            process.wait()
    process = start(project)
    try:
        while process.poll() is None:
            change_one()
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0
    changed = 240 - sum(1 for _ in live)
    assert changed > 0
    live_views = {
        f"groupViews/g{number:03}": group_view("P0", title="live") for number in range(changed)
    }
    assert writer.collection("groupViews") == views(240) | live_views
    verified = Verification(engine, database, targets_of(engine), settle=0).run()
    assert (verified.roots, verified.found) == (240, 0)


def test_only_what_is_stale_or_missing_is_built(database: Database, writer: Writer) -> None:
    old = Engine([replace(GroupView.definition(), fingerprint="old")])
    engine = Engine([GroupView.definition()])
    groups(writer, 12)
    for number in range(8):
        old.rebuild(database, "GroupView", f"groups/g{number:03}")
    for number in range(3):
        engine.rebuild(database, "GroupView", f"groups/g{number:03}")
    (target,) = targets_of(engine)
    before = status_of(database, target, engine.retry)

    report = backfill(engine, database, stale=True, page=2).run()

    assert (before.roots, before.built, before.stale) == (12, 8, 5)
    assert report.counts.committed == 12 - 3
    after = status_of(database, target, engine.retry)
    assert (after.built, after.stale) == (12, 0)
    assert writer.collection("groupViews") == views(12)


def test_what_cannot_be_built_has_a_dead_letter_and_the_rest_goes_on(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 6)
    writer.write("groups/g003", {"title": 3})

    report = backfill(engine, database, page=6).run()

    assert (report.counts.done, report.counts.failed) == (6, 1)
    assert [failure.root for failure in report.failures] == ["groups/g003"]
    assert "title" in str(writer.dead_letter("GroupView", "groups/g003"))
    assert writer.collection("groupViews").keys() == views(6).keys() - {"groupViews/g003"}


def test_what_is_no_ledger_record_does_not_stop_it(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 4)
    writer.write("onto_ledger/strange", {"definition": "GroupView", "fingerprint": "x"})

    report = backfill(engine, database, stale=True).run()

    assert report.is_complete
    assert writer.collection("groupViews") == views(4)


def test_an_aggregate_counts_what_was_there(database: Database, writer: Writer) -> None:
    engine = poll_engine(votes=count(), weight=total("weight"))
    writer.write_all({f"{POLL}/votes/v{n}": {"weight": float(n)} for n in range(30)})

    report = backfill(engine, database, page=7).run()

    assert report.counts.done == 30
    assert numbers(engine, database, writer) == {"votes": 30, "weight": 435.0}


def test_views_come_after_the_aggregates_and_views_that_they_read() -> None:
    engine = poll_engine(votes=count())

    assert [target.name for target in targets_of(engine, ["Results"])] == ["votes", "Results"]


def test_a_task_is_not_backfilled() -> None:
    class Once(Mediator):
        source = Team
        sink = DocumentSink("never/{id}")
        mode = "task"
        mark = "processed"

        def on_create(self, source: Team) -> None: ...

    engine = Engine([Once().definition()])

    with pytest.raises(DeclarationError, match="Once is a task"):
        targets_of(engine, ["Once"])


def test_published_batches_are_built_by_whoever_receives_them(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 9)
    published: list[bytes] = []

    report = backfill(
        engine, database, page=2, publish=lambda batch: published.append(batch.to_json())
    ).run()

    assert report.counts.published == 9
    assert writer.collection("groupViews") == {}
    for data in [*published, *published]:
        engine.handle_batch(database, Batch.from_json(data))
    assert writer.collection("groupViews") == views(9)


def test_an_estimate_writes_nothing_and_counts_what_will_be_read(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 30)
    (target,) = targets_of(engine)

    found = estimate(database, target)

    assert (found.roots, found.due) == (30, 30)
    assert found.writes == 30 * 2  # the view and its record
    assert found.reads >= 30 * 3  # the root, its member, the record
    assert writer.collection("groupViews") == writer.collection("onto_ledger") == {}


def test_status_tells_the_oldest_source_that_is_not_materialised(
    database: Database, writer: Writer
) -> None:
    engine = Engine([TeamView.definition()])
    (target,) = targets_of(engine)
    writer.write("teams/a", {"title": "A"})
    backfill(engine, database).run()
    assert status_of(database, target, engine.retry, scan=True).oldest is None

    first = writer.write("teams/b", {"title": "B"})
    writer.write("teams/c", {"title": "C"})

    status = status_of(database, target, engine.retry, scan=True)
    assert (status.roots, status.built) == (3, 1)
    assert first.after is not None
    assert status.oldest == first.after.update_time
    assert database.count(Query("onto_ledger")) == 1
