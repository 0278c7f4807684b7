"""A scan that several processes share is as one process does it, whatever ends one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from threading import Event

import psutil
import pytest

from emulator_tests.engine.operate.test_backfill import groups, views
from emulator_tests.kit.domain import GroupView
from emulator_tests.kit.pooled import Broken, Equip, backfill
from emulator_tests.kit.writing import Writer
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.difference import Difference, Kind
from onto_fn.engine.operate import pool as pools
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.pool import WorkerFailed, processes
from onto_fn.engine.operate.verify import Verification
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.testing.eventually import Eventually

CHECKPOINT = "onto_backfills/GroupView"


@pytest.fixture
def engine() -> Engine:
    return Engine([GroupView.definition()])


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def verified(
    engine: Engine, database: Database, workers: int, *, repair: bool = False
) -> list[Difference]:
    found: list[Difference] = []
    work = Verification(
        engine, database, targets_of(engine), page=2, settle=0, report=found.append, repair=repair
    )
    if workers == 1:
        ended = work.run()
    else:
        with processes(Equip(database.project, Verification, repair), workers) as pool:
            ended = work.run(None, pool)
    assert ended.found == len(found)
    assert ended.roots == sum(1 for _ in database.paths("groups"))
    assert ended.billed.reads >= 3 * ended.roots
    return found


def damage_everything(writer: Writer, database: Database) -> None:
    """One difference of each kind that a view can have, among 20 roots that are right."""
    writer.delete("groupViews/g001")
    writer.write("groupViews/g003", {"title": "G3", "names": ["nobody"], "towns": []})
    writer.delete("groups/g005")
    old = Engine([replace(GroupView.definition(), fingerprint="old")])
    old.rebuild(database, "GroupView", "groups/g007")
    writer.write("groups/g009", {"title": 3})
    writer.write(ledger_path("GroupView", "groups/g011"), {"definition": "GroupView", "what": 1})
    writer.write("onto_ledger/strange", {"definition": "GroupView", "what": "ever"})
    writer.write("groups/g990", {"title": "new"})


def test_processes_find_what_one_finds_in_the_same_order(
    engine: Engine, database: Database, writer: Writer
) -> None:
    groups(writer, 20)
    Backfill(engine, database, targets_of(engine)).run()
    damage_everything(writer, database)

    alone = verified(engine, database, 1)

    assert {d.kind for d in alone} == set(Kind) - {Kind.SUM}
    for _ in range(2):
        assert verified(engine, database, 3) == alone


def test_processes_repair_what_differs(engine: Engine, database: Database, writer: Writer) -> None:
    groups(writer, 20)
    Backfill(engine, database, targets_of(engine)).run()
    writer.delete("groupViews/g001")
    writer.delete("groups/g005")

    assert len(verified(engine, database, 2, repair=True)) == 3

    assert verified(engine, database, 1) == []


def test_processes_build_every_root_once_and_one_that_cannot_be_built_stops_none(
    database: Database, writer: Writer, project: str
) -> None:
    groups(writer, 40)
    writer.write("groups/g013", {"title": 3})

    with processes(Equip(project), 2) as pool:
        report = backfill(project, pool)

    assert (report.counts.done, report.counts.committed, report.counts.failed) == (40, 39, 1)
    assert [failure.root for failure in report.failures] == ["groups/g013"]
    assert report.billed.writes >= 2 * 39
    assert writer.collection("groupViews").keys() == views(40).keys() - {"groupViews/g013"}
    assert (writer.content(CHECKPOINT) or {})["state"] == "done"


def test_a_killed_process_fails_the_scan_and_the_next_run_goes_on(
    writer: Writer, project: str, eventually: Eventually
) -> None:
    groups(writer, 60)

    with processes(Equip(project), 2) as pool:
        killed = pool.pids[0]
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(WorkerFailed, match=rf"process {killed} was killed by signal 9"):
            backfill(project, pool)
        others = pool.pids[1:]
    assert not any(map(is_running, others))
    done = len(writer.collection("groupViews"))

    with processes(Equip(project), 2) as pool:
        report = backfill(project, pool)

    assert done < 60
    assert report.resumed
    assert (report.counts.done, report.is_complete) == (60, True)
    assert writer.collection("groupViews") == views(60)


def test_when_the_parent_is_killed_its_processes_end(
    writer: Writer, project: str, eventually: Eventually
) -> None:
    groups(writer, 200)
    parent = subprocess.Popen(
        [sys.executable, "-m", "emulator_tests.kit.pooled", project],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        eventually(lambda: len(writer.collection("groupViews")) > 0, deadline=60)
    finally:
        parent.kill()
        parent.wait()

    eventually(lambda: not any(map(is_running, pids)), deadline=30)
    with processes(Equip(project), 2) as pool:
        assert backfill(project, pool).counts.done == 200
    assert writer.collection("groupViews") == views(200)


def test_when_the_parent_is_killed_processes_without_work_end_too(
    project: str, eventually: Eventually
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-m", "emulator_tests.kit.pooled", project, "idle"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert all(map(is_running, pids))
    finally:
        parent.kill()
        parent.wait()

    eventually(lambda: not any(map(is_running, pids)), deadline=30)


def test_a_stopped_scan_finishes_its_pages_and_goes_on_later(
    writer: Writer, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_LOOKS", 0.01)
    groups(writer, 60)
    stop = Event()
    stop.set()

    with processes(Equip(project), 2) as pool:
        stopped = backfill(project, pool, stop)
    with processes(Equip(project), 2) as pool:
        report = backfill(project, pool)

    assert not stopped.is_complete
    assert stopped.counts.done < 60
    assert report.resumed
    assert report.counts.done == 60


def test_a_process_that_cannot_begin_says_why() -> None:
    with processes(Broken(), 2) as pool, pytest.raises(WorkerFailed, match="ValueError: no app"):
        list(pool.run([1, 2, 3], Event()))


def test_progress_counts_all_processes(database: Database, writer: Writer, project: str) -> None:
    groups(writer, 30)
    engine = Engine([GroupView.definition()])
    seen: list[int] = []
    work = Backfill(engine, database, targets_of(engine), parts=4)

    with processes(Equip(project), 2) as pool:
        work.run(lambda progress: seen.append(progress.counts.done), None, pool)

    assert seen == sorted(seen)
    assert seen[-1] == 30
