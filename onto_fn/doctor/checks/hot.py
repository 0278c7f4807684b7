"""Hot documents: one document takes about one write a second for a long time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any, cast

from onto_fn.aggregates.spec import MAX_SHARDS
from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.places import read_place
from onto_fn.doctor.project import Project
from onto_fn.store.aggregate_reads import AggregateRead
from onto_fn.store.conditions import Conditions
from onto_fn.store.queries import QueryRead

AGGREGATE, VIEW = "hot-aggregate", "hot-view"
SUSTAINED = 1.0
"""Writes a second that Firestore advises for one document."""


def _aggregates(project: Project) -> Iterator[Finding]:
    for read in _reads(project, AggregateRead):
        rate = project.changes.get(read.model.template())
        one_group = not read.getters()
        if rate is None:
            if one_group and read.shards == 1:
                yield Finding(
                    AGGREGATE,
                    "warning",
                    read_place(read, project.folder),
                    f"{read.title} counts all {read.model.__name__} documents in one document, "
                    "which takes about one write a second",
                    "declare shards=10, or say how often they change: "
                    f'App(…, changes={{"{read.model.template()}": "…/day"}})',
                )
            continue
        each = rate.per_second / read.shards
        if each <= SUSTAINED:
            continue
        needed = ceil(rate.per_second / SUSTAINED)
        remedy = (
            f"declare shards={needed} or more"
            if needed <= MAX_SHARDS
            else f"declare shards={MAX_SHARDS} and count by a filter with a function of the store, "
            f"in groups: {needed} shards would be needed"
        )
        groups = "" if one_group else ", if all are in one group"
        yield Finding(
            AGGREGATE,
            "error" if one_group else "warning",
            read_place(read, project.folder),
            f"{read.title} has {read.shards} shard(s) for {rate.text} of {read.model.__name__}: "
            f"{each:.3g} writes a second to each document{groups}; one takes about 1",
            remedy,
        )


def _views(project: Project) -> Iterator[Finding]:
    for definition in project.definitions():
        for read in definition.store.reads().values():
            if not isinstance(read, QueryRead | AggregateRead) or read.getters():
                continue
            many = cast("Conditions[Any]", read)
            rate = project.changes.get(many.model.template())
            is_limited = isinstance(read, AggregateRead)
            if rate is not None and rate.per_second <= SUSTAINED:
                continue
            if rate is None and is_limited:
                continue  # bursts share a build; a rate decides
            told = f" at {rate.text}" if rate else ""
            yield Finding(
                VIEW,
                "error" if rate is not None and not is_limited else "warning",
                read_place(many, project.folder),
                f"{many.title} has no condition that depends on the root, so each change of "
                f"{many.model.__name__}{told} rebuilds every root of {definition.name}, and "
                "writes the same documents",
                "filter by a field of the root (`lambda store: …`), or show numbers of an "
                "`aggregate`, in a view of their own, and let the page read both",
            )


def _reads(project: Project, kind: type[AggregateRead]) -> list[AggregateRead]:
    found = {
        read.spec.name: read
        for definition in project.app.engine.definitions.values()
        for read in definition.store.reads().values()
        if isinstance(read, kind)
    }
    return list(found.values())


CHECKS = (
    Check(
        AGGREGATE,
        "shards of aggregates beside the declared rate of what they count",
        _aggregates,
    ),
    Check(VIEW, "queries and aggregates whose conditions are all constant", _views),
)
