"""Scanning roots and ledger side by side: each document once, whatever their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from threading import Thread
from typing import Any

import pytest

from emulator_tests.engine.operate.test_backfill import groups
from emulator_tests.kit.domain import GroupView, group_view
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise import first_builds
from onto_fn.engine.materialise.difference import Difference, Kind
from onto_fn.engine.operate import scan
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.scan import Span
from onto_fn.engine.operate.verify import Verification
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.engine.targets.rebuild import rebuild_all
from onto_fn.errors import TransientError
from onto_fn.events.outcome import Result
from onto_fn.firestore import Query
from onto_fn.firestore.paths import name_order
from onto_fn.firestore.rpc import locks
from onto_fn.testing.billing import Billing

Connect = Callable[..., Database]

# The order of the records' ids differs from that of the roots: what is quoted, and what is hashed.
IDS = ["a", "a b", "a!", "a%", "a-b", "a~1", "a~", "b" * 1200, "ä", "𝄞", "Z", "~", "0", "a:b", "é"]


@pytest.fixture
def engine() -> Engine:
    return Engine([GroupView.definition()])


def verified(engine: Engine, database: Database, page: int = 2) -> list[Difference]:
    found: list[Difference] = []
    work = Verification(
        engine, database, targets_of(engine), page=page, settle=0, report=found.append
    )
    ended = work.run()
    assert ended.roots == len(database.query(Query("groups"))[0])
    return found


def odd_groups(engine: Engine, database: Database, writer: Writer) -> None:
    for name in IDS:
        writer.write(f"groups/{name}", {"title": name})
    Backfill(engine, database, targets_of(engine)).run()


@pytest.mark.parametrize("chunk", [3, 7, 20_000])
def test_roots_whose_records_are_in_another_order_are_right(
    chunk: int,
    engine: Engine,
    database: Database,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan, "CHUNK", chunk)
    odd_groups(engine, database, writer)

    assert verified(engine, database) == []


@pytest.mark.parametrize("chunk", [3, 20_000])
def test_every_record_without_a_root_is_found_wherever_it_stands(
    chunk: int,
    engine: Engine,
    database: Database,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan, "CHUNK", chunk)
    odd_groups(engine, database, writer)
    gone = [f"groups/{name}" for name in IDS[1::2]]
    for path in gone:
        writer.delete(path)

    found = verified(engine, database)

    assert {d.kind for d in found} == {Kind.LEFTOVER}
    assert {d.path for d in found if d.path.startswith("onto_ledger/")} == {
        ledger_path("GroupView", path) for path in gone
    }


def test_records_are_found_where_no_root_is_left(
    engine: Engine, database: Database, writer: Writer
) -> None:
    odd_groups(engine, database, writer)
    for name in IDS:
        writer.delete(f"groups/{name}")

    found = verified(engine, database)

    assert len({d.root for d in found}) == len(IDS)


def test_roots_without_records_are_found_wherever_they_stand(
    engine: Engine, database: Database, writer: Writer
) -> None:
    odd_groups(engine, database, writer)
    for name in IDS[::3]:
        writer.delete(ledger_path("GroupView", f"groups/{name}"))

    found = verified(engine, database)

    assert {(d.kind, d.root) for d in found} == {
        (Kind.MISSING, f"groups/{name}") for name in IDS[::3]
    }


def test_a_root_that_changes_during_a_look_is_compared_with_its_sources_of_one_instant(
    engine: Engine, writer: Writer, connect: Connect
) -> None:
    groups(writer, 4)
    Backfill(engine, writer.database, targets_of(engine)).run()

    class Changing(Database):
        """After the roots are read, everything changes, and the views follow."""

        is_changed = False

        def messages(
            self, paths: Any, read_time: datetime | None = None
        ) -> tuple[dict[str, Any], datetime]:
            if not self.is_changed:
                Changing.is_changed = True
                for name in ("people/p1", "groups/g001"):
                    before = writer.content(name) or {}
                    field = "name" if name.startswith("people") else "title"
                    engine.handle(writer.database, writer.write(name, {**before, field: "new"}))
            return super().messages(paths, read_time)

    looks: list[object] = []

    class Looking(Verification):
        def _look(self, *arguments: Any) -> Any:
            found = super()._look(*arguments)
            looks.extend(look.found for look in found if look.found)
            return found

    Looking(engine, connect(kind=Changing), targets_of(engine), settle=0).run()

    assert Changing.is_changed
    assert looks == []
    assert writer.content("groupViews/g001") == group_view("new", title="new")


def test_verifying_reads_each_root_record_view_and_shared_source_once(
    engine: Engine, database: Database, writer: Writer, connect: Connect
) -> None:
    groups(writer, 60)
    Backfill(engine, database, targets_of(engine)).run()
    billing = Billing()

    ended = Verification(
        engine, connect(billing), targets_of(engine), page=20, workers=1, settle=0
    ).run()

    # The count, the instant, and two queries for records with other ids; 3 people once for all.
    assert ended.billed.reads == 3 * 60 + 3 + 4
    assert billing.counts["reads"] == ended.billed.reads
    assert billing.counts["writes"] == ended.billed.writes == 0


def test_a_first_build_reads_what_it_needs_and_one_name(
    engine: Engine, writer: Writer, connect: Connect
) -> None:
    groups(writer, 60)
    billing = Billing()

    report = Backfill(engine, connect(billing), targets_of(engine), page=20, workers=1).run()

    # Per root its name, its record and itself; per page 3 people; one checkpoint, its parts twice,
    # and the count.
    assert report.billed.reads == 3 * 60 + 3 * 3 + 1 + 2 + 1
    assert billing.counts["reads"] == report.billed.reads
    # The view and the record; the checkpoint at begin and end, its part after each page.
    assert report.billed.writes == 2 * 60 + 2 + 2 + 3 + 1
    assert billing.counts["writes"] == report.billed.writes


def test_what_first_builds_have_read_cannot_change_before_their_commit(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    groups(writer, 6)
    (target,) = targets_of(engine)
    roots = [f"groups/g{number:03}" for number in range(6)]

    def change() -> None:  # its event finds no record if it comes before the commit
        engine.handle(writer.database, writer.write("people/p1", {"name": "new"}))

    changing = Thread(target=change)

    def begin() -> None:
        changing.start()
        changing.join(1.0)  # the write waits for the lock, so this ends by time alone

    interleaved.once(Point.COMMITTING, begin)
    outcomes = rebuild_all(interleaved, target, roots, engine.retry)
    changing.join(60)

    assert interleaved.is_done
    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert writer.content("groupViews/g001") == group_view("new", title="G1")
    assert verified(engine, writer.database) == []


def test_pages_of_wide_roots_are_built_without_locking_all_of_them(
    engine: Engine, connect: Connect, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_builds, "MAX_LOCKED", 11)
    groups(writer, 20)
    locked: list[int] = []

    class Locking(Database):
        """Notes how many documents a locked read reads whole."""

        def read_documents(self, paths: Any, consistency: dict[str, Any]) -> Any:
            paths = list(paths)
            if "mask" not in consistency and locks(consistency):
                locked.append(len(paths))
            return super().read_documents(paths, consistency)

    report = Backfill(engine, connect(kind=Locking), targets_of(engine), page=10, workers=1).run()

    assert report.counts.committed == 20
    assert locked == [10]  # the first page's roots; their members are too many, as it knows then
    assert verified(engine, writer.database) == []


def test_a_build_that_has_a_record_locks_nothing(
    engine: Engine, database: Database, writer: Writer, connect: Connect
) -> None:
    groups(writer, 40)
    Backfill(engine, database, targets_of(engine)).run()
    billing = Billing()

    report = Backfill(engine, connect(billing), targets_of(engine), page=20, workers=1).run()

    assert report.counts.committed == 0
    assert report.billed.reads == 3 * 40 + 3 * 2 + 1 + 2 + 1


def test_parts_of_the_ledger_cover_each_record_once_whatever_the_order_of_the_roots(
    engine: Engine,
) -> None:
    (target,) = targets_of(engine)
    roots = sorted((f"groups/{name}" for name in IDS), key=name_order)
    edges = [None, *roots[2::3], None]

    parts = scan.record_spans(target, [Span(a, b) for a, b in pairwise(edges)])

    assert (parts[0].after, parts[-1].until) == target.record_span()
    for one, other in pairwise(parts):
        assert one.until == other.after
    for part in parts:
        assert part.after is not None
        assert part.until is not None
        assert name_order(part.after) <= name_order(part.until)


class Interrupted(Database):
    """A stream ends after each third document."""

    interruptions = 0

    def stream(self, query: Query, read_time: datetime) -> Iterator[Any]:  # pyright: ignore
        for number, message in enumerate(super().stream(query, read_time)):
            if number == 3:
                Interrupted.interruptions += 1
                raise TransientError("cut off")
            yield message


def test_an_interrupted_stream_goes_on_where_it_was(
    engine: Engine, database: Database, writer: Writer, connect: Connect
) -> None:
    groups(writer, 20)
    Backfill(engine, database, targets_of(engine)).run()
    writer.delete("groupViews/g019")

    found = verified(engine, connect(kind=Interrupted), page=4)

    assert [(d.kind, d.path) for d in found] == [(Kind.MISSING, "groupViews/g019")]
    assert Interrupted.interruptions >= 12
