"""The pipeline: parts of a collection -> pages of roots -> builds, with live traffic's commits.

Beam may run any step again, also twice at once: a build commits nothing that is there already, so
that needs no care here.
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
    """What a worker needs to know.

    Attributes:
        app: `FILE` or `FILE:NAME` of the app, as `onto --app` takes it; on every worker.
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
    """What became of the roots of one target. A step that ran twice counts twice.

    Attributes:
        target: name of the view, mediator or aggregate.
        done: roots looked at.
        committed: those whose ledger record was written.
        failed: those that have a dead letter now.
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
    """Build the documents of all roots that there are; one pipeline for each target, in turn.

    Safe beside live traffic, and after a run that was stopped: what is built is not built again.

    Args:
        place: the app and its database.
        names: of views, mediators and aggregates, all if there are none; see `targets_of`.
        parts: of each collection, about: the pipeline's parallelism.
        arguments: Beam's options, such as `--runner=DataflowRunner`.

    Yields:
        What became of each target, when it is done.

    Raises:
        DeclarationError: there is nothing of that name, or it is a task.
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
    """The counters of a run; attempted, as not every runner has those of what was kept."""
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
