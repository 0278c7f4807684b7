"""Queries with more values than Firestore takes at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import ceil
from typing import Any, cast

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.places import class_place, read_place
from onto_fn.doctor.project import Project
from onto_fn.firestore.queries import MAX_DISJUNCTIONS
from onto_fn.store.conditions import Conditions
from onto_fn.store.queries import QueryRead

NAME = "many-values"
_LISTS = {"in", "array_contains_any", "not-in"}


def _run(project: Project) -> Iterator[Finding]:
    for definition in project.app.engine.definitions.values():
        for read in definition.store.reads().values():
            conditions = (
                cast("Conditions[Any]", read).conditions if isinstance(read, QueryRead) else ()
            )
            for condition in conditions:
                if condition.op not in _LISTS or callable(condition.value):
                    continue
                values = len(cast("Collection[object]", condition.value))
                if values > MAX_DISJUNCTIONS:
                    calls = ceil(values / MAX_DISJUNCTIONS)
                    yield Finding(
                        NAME,
                        "warning",
                        read_place(cast("Conditions[Any]", read), project.folder),
                        f"{read.title} asks for {values} values of {condition.name}; Firestore "
                        f"takes {MAX_DISJUNCTIONS} at once, so each build runs {calls} queries, "
                        "each billed as one read at least",
                        "store a field that says which documents are meant, and ask for that",
                    )
    yield from _look_ups(project)


def _look_ups(project: Project) -> Iterator[Finding]:
    """Collections with so many different queries that a look-up takes several."""
    keys: dict[str, int] = {}
    for definition in project.definitions():
        for shape in definition.store.shapes():
            keys[shape.collection.text] = keys.get(shape.collection.text, 0) + 1
    for definition in project.definitions():
        for model in sorted(definition.store.models(), key=lambda model: model.__name__):
            # Its own path, and a key for each query before and after the change.
            number = 1 + 2 * keys.get(model.template().text, 0)
            if number > MAX_DISJUNCTIONS and keys.pop(model.template().text):
                yield Finding(
                    NAME,
                    "warning",
                    class_place(model, project.folder),
                    f"{number - 1} queries of views may concern a change of {model.__name__}, so "
                    f"its look-up takes {ceil(number / MAX_DISJUNCTIONS)} queries",
                    "give views that ask for the same one store in common, or the same filters",
                )


CHECK = Check(NAME, "lists of values in queries; the number of queries on a collection", _run)
