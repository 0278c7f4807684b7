"""The processes of a command that scans: how many there are, and what each of them opens."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from onto_fn.cli.apps import load_app

if TYPE_CHECKING:
    from onto_fn.cli.connecting import Opened
    from onto_fn.engine.operate.pool import Pool, Tool
    from onto_fn.engine.targets.target import Target

T = TypeVar("T")
R = TypeVar("R")


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
        from onto_fn.firestore import Database

        engine = load_app(self.app).engine
        database = Database(self.project, self.database)
        targets = [engine.target(name) for name in self.targets]
        return cast("Tool[Any, Any]", self.work(engine, database, targets, **self.options).tool())


@contextmanager
def pool_of(
    work: Callable[..., Any],
    opened: Opened,
    app: str,
    targets: Sequence[Target],
    workers: int | None,
    **options: object,
) -> Generator[Pool[Any, Any] | None]:
    """The processes for a scan; None if this one does the work.

    Args:
        work: class that has the `tool`: `Verification` or `Backfill`.
        opened: the app and its database.
        app: `FILE[:NAME]` of the app.
        targets: what is scanned.
        workers: how many processes; by default as many as there are cores if the scan is large,
            else this one alone.
        options: further arguments of the class.
    """
    from onto_fn.engine.operate.flow import fewer_collections
    from onto_fn.engine.operate.pool import processes

    size = workers if workers is not None else _by_default(opened, targets)
    with fewer_collections():
        if size == 1:
            yield None
            return
        database, names = opened.database, tuple(target.name for target in targets)
        equip = Equipment(work, app, database.project, database.database, names, options)
        with processes(equip, size) as pool:
            yield pool


def _by_default(opened: Opened, targets: Sequence[Target]) -> int:
    from onto_fn.engine.operate.pool import LARGE
    from onto_fn.engine.operate.scan import count_roots

    cores = os.cpu_count() or 1
    if cores == 1:
        return 1
    roots = sum(count_roots(opened.database, target) for target in targets)
    return cores if roots >= LARGE else 1
