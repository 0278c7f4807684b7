"""The pipeline: parts of a collection -> pages of roots -> builds, committed as for live traffic.

Beam may run a step again, even twice at the same time. This does no harm, because a build does not
commit what is already there.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from onto_fn.cli.apps import load_app
from onto_fn.engine.operate.backfill import counted, targets_of
from onto_fn.engine.operate.scan import Span, pages, spans
from onto_fn.engine.targets.rebuild import rebuild_all
from onto_fn.engine.targets.target import Target
from onto_fn.firestore import Database

if TYPE_CHECKING:
    from onto_fn.functions import App

_METRICS = "onto_fn"
_COUNTERS: tuple[str, ...] = ("done", "committed", "failed")


@dataclass(frozen=True)
class Place:
    """The app and database for a worker.

    Attributes:
        app: `FILE` or `FILE:NAME` of the app, as for `onto --app`; every worker must have it.
        project: the Google Cloud project of the database.
        database: id of the database.
        page: roots that share a snapshot and a commit.
    """

    app: str = "functions/main.py"
    project: str = ""
    database: str = "(default)"
    page: int = 200


@dataclass(frozen=True)
class Backfilled:
    """The numbers of roots of one view, mediator or aggregate. A step that ran twice counts twice.

    Attributes:
        target: name of the view, mediator or aggregate.
        done: processed roots.
        committed: roots whose ledger record was written.
        failed: roots that have a dead letter now.
    """

    target: str
    done: int
    committed: int
    failed: int


def backfill(
    place: Place,
    names: Sequence[str] = (),
    *,
    parts: int = 64,
    arguments: Sequence[str] = (),
) -> Iterator[Backfilled]:
    """Build the documents of all roots, with one pipeline per view, mediator or aggregate in turn.

    This is safe beside live traffic and after a stopped run: built documents are not written again.

    Args:
        place: the app and its database.
        names: names of views, mediators and aggregates; by default, all. See `targets_of`.
        parts: approximate number of parts per collection, which is the pipeline's parallelism.
        arguments: Beam's options, such as `--runner=DataflowRunner`.

    Yields:
        The numbers of each view, mediator or aggregate when it is done.

    Raises:
        DeclarationError: a name is unknown, or it is the name of a task.
        CommandError: there is no such app.
    """
    targets = targets_of(_app(place).engine, names)
    beam = importlib.import_module("apache_beam")
    options = importlib.import_module("apache_beam.options.pipeline_options")
    for target in targets:
        policy = _app(place).engine.retry
        begun = target.begin(_database(place), policy)
        found = spans(_database(place), target.root_query(), parts)
        pipeline = beam.Pipeline(options=options.PipelineOptions([*arguments]))
        _ = (
            pipeline
            | "Parts" >> beam.Create(found)
            | "Apart" >> beam.Reshuffle()
            | "Pages" >> beam.FlatMap(partial(_pages, place, target.name))
            | "Spread" >> beam.Reshuffle()
            | "Build" >> beam.Map(partial(_build, place, target.name))
        )
        result = pipeline.run()
        result.wait_until_finish()
        if begun is not None:
            target.end(_database(place), begun, policy)
        yield Backfilled(target.name, **_counts(result))


def _pages(place: Place, name: str, span: Span) -> Iterator[tuple[str, ...]]:
    target, database = _target(place, name), _database(place)
    for page in pages(database, target, span, place.page, _app(place).engine.retry):
        yield page.roots


def _build(place: Place, name: str, roots: Sequence[str]) -> None:
    metrics: Any = importlib.import_module("apache_beam.metrics").Metrics
    outcomes = rebuild_all(_database(place), _target(place, name), roots, _app(place).engine.retry)
    counts = counted(len(roots), outcomes)
    for counter in _COUNTERS:
        metrics.counter(_METRICS, counter).inc(getattr(counts, counter))


def _counts(result: Any) -> dict[str, int]:
    """The attempted counters of a run, because not every runner has committed ones."""
    counts = dict.fromkeys(_COUNTERS, 0)
    for counter in result.metrics().query()["counters"]:
        if counter.key.metric.namespace == _METRICS:
            counts[counter.key.metric.name] = counter.attempted
    return counts


@cache
def _app(place: Place) -> App:
    return load_app(place.app)


@cache
def _database(place: Place) -> Database:
    return Database(place.project, database=place.database)


def _target(place: Place, name: str) -> Target:
    return _app(place).engine.target(name)
