"""Scans that are shared among processes: what each process opens."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

from emulator_tests.kit.domain import GroupView
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.operate.backfill import Backfill, Numbered, targets_of
from onto_fn.engine.operate.pool import Pool, Tool, can_fork, processes
from onto_fn.engine.operate.verify import Verification


@dataclass(frozen=True)
class Equip:
    """The tool of a process, for the views of groups in a project."""

    project: str
    work: type[Any] = Backfill
    repair: bool = False

    def __call__(self) -> Tool[Any, Any]:
        engine = Engine([GroupView.definition()])
        database = Database(self.project)
        if self.work is Verification:
            return Verification(
                engine, database, targets_of(engine), page=2, settle=0, repair=self.repair
            ).tool()
        return Backfill(engine, database, targets_of(engine), page=2).tool()


@dataclass(frozen=True)
class Broken:
    """A process that cannot open anything."""

    def __call__(self) -> Tool[Any, Any]:
        raise ValueError("no app here")


def backfill(project: str, pool: Pool[Numbered, Any], stop: Event | None = None, **options: Any):
    """Begin a backfill, or go on, in processes."""
    engine = Engine([GroupView.definition()])
    database = Database(project)
    work = Backfill(engine, database, targets_of(engine), parts=4, **options)
    return work.run(None, stop, pool)


@contextmanager
def forks(project: str) -> Generator[Pool[Any, Any]]:
    """Processes that are forked before anything is connected."""
    assert can_fork()
    pool = Pool[Any, Any](2)
    pool.fork(lambda equip: equip())
    try:
        assert len(os.listdir("/proc/self/task")) == 1, "the parent has no thread for them"
        pool.equip(Equip(project))
        yield pool
    finally:
        pool.close()


def _main(project: str, words: Sequence[str]) -> None:
    """Print the ids of the processes, and backfill, or leave them without work."""
    with forks(project) if "forked" in words else processes(Equip(project), 2) as pool:
        print(*pool.pids, flush=True)
        if "idle" in words:
            sys.stdin.readline()
        else:
            backfill(project, pool)
    print(pool.billed.writes, flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
