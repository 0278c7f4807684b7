"""The processes of a command that scans: how many there are, and what each of them opens."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from onto_fn.cli.apps import load_app

if TYPE_CHECKING:
    from onto_fn.cli.connecting import Opened
    from onto_fn.engine.operate.pool import Pool, Tool
    from onto_fn.engine.targets.target import Target
    from onto_fn.functions import App


@dataclass(frozen=True)
class Equipment:
    """What a process of `onto verify` or `onto backfill` works with, as the parent describes it.

    Attributes:
        work: class that has the `tool`: `Verification` or `Backfill`.
        app: `FILE[:NAME]` of the app, which the process loads.
        project: the project of the database.
        database: the database's id.
        targets: names of what is scanned.
        options: further arguments of the class.
    """

    work: Callable[..., Any]
    app: str
    project: str
    database: str
    targets: tuple[str, ...]
    options: Mapping[str, object]

    def __call__(self) -> Tool[Any, Any]:
        """Load the app and connect. The environment is the parent's, emulators included."""
        return self.tool(load_app(self.app))

    def tool(self, app: App) -> Tool[Any, Any]:
        """The tool for an app that is loaded."""
        from onto_fn.firestore import Database

        engine = app.engine
        database = Database(self.project, self.database)
        targets = [engine.target(name) for name in self.targets]
        return cast("Tool[Any, Any]", self.work(engine, database, targets, **self.options).tool())


class Crew:
    """The processes for a scan, if there are any.

    Args:
        workers: how many processes; by default as many as there are cores if the scan is large,
            else this one alone.
    """

    def __init__(self, workers: int | None) -> None:
        self._size = (os.cpu_count() or 1) if workers is None else workers
        self._is_asked_for = workers is not None
        self._forks = False
        self._pool: Pool[Any, Any] | None = None

    def prepare(self, app: App) -> None:
        """Fork the processes now if that is safe, else leave their start to the scan.

        Args:
            app: the app, before anything is connected.
        """
        from onto_fn.engine.operate.pool import LARGE, LARGE_IF_FORKED, Pool, can_fork

        if self._size == 1:
            return
        self._forks = can_fork()
        worth = LARGE_IF_FORKED if self._forks else LARGE
        self._pool = Pool(self._size, 0 if self._is_asked_for else worth)
        if self._forks:
            gc.freeze()  # what is never collected stays shared with the forks
            self._pool.fork(lambda equipment: equipment.tool(app))

    def pool(
        self,
        work: Callable[..., Any],
        opened: Opened,
        app: str,
        targets: Sequence[Target],
        **options: object,
    ) -> Pool[Any, Any] | None:
        """The processes; None if this one does the work.

        Args:
            work: class that has the `tool`: `Verification` or `Backfill`.
            opened: the app and its database.
            app: `FILE[:NAME]` of the app.
            targets: what is scanned.
            options: further arguments of the class.
        """
        if self._pool is not None:
            database, names = opened.database, tuple(target.name for target in targets)
            equip = Equipment(work, app, database.project, database.database, names, options)
            self._pool.equip(equip)
            if self._forks:
                self._pool.begin()  # they connect while this process counts
        return self._pool

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.close()


@contextmanager
def crew(workers: int | None) -> Generator[Crew]:
    """A crew for the time of the block."""
    made = Crew(workers)
    try:
        yield made
    finally:
        made.close()
