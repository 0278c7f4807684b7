"""Indexed fields that increase: they cap a collection at 500 writes a second."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.places import member_place, text_place
from onto_fn.doctor.project import Project
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.models import DomainModel
from onto_fn.models.fields import Found, fields_of, kinds_of

NAME = "increasing-index"
MOST_PER_SECOND = 500
"""Writes to a collection that has an increasing indexed field."""
# Of every commit. The other collections of onto_fn have their times in fields that are exempt.
_OWN = {LEDGER_COLLECTION: ("readTime",)}


def _run(project: Project) -> Iterator[Finding]:
    path = project.files.indexes
    for collection, fields in _OWN.items():
        for name in fields:
            if not project.is_exempt(collection, name):
                yield Finding(
                    NAME,
                    "error",
                    text_place(path, project.folder, f'"{collection}"'),
                    f"{collection}.{name} is indexed and increases with time: all views of the app "
                    f"together take at most {MOST_PER_SECOND} commits a second",
                    "run `onto generate indexes`, and deploy the indexes",
                )
    for template, rate in project.changes.items():
        if rate.per_second * 2 < MOST_PER_SECOND:
            continue
        for model, field in _times(project, template.text):
            collection = template.segments[-1]
            if project.is_exempt(collection, field.stored):
                continue
            queried = _queries(project, model, field.stored)
            yield Finding(
                NAME,
                "error" if rate.per_second > MOST_PER_SECOND else "warning",
                member_place(model, field.name, project.folder),
                f"{model.__name__}.{field.name} is indexed and increases with time, which allows "
                f"{MOST_PER_SECOND} writes a second to {template}; declared are {rate.text}",
                f"{queried} orders by it: add a field with a random number from 0 to n-1 to the "
                "documents, and ask for each of its values"
                if queried
                else "no query asks for it: exempt it, with an entry in fieldOverrides of "
                f"{project.files.kept_indexes.name}: collectionGroup {collection}, fieldPath "
                f"{field.stored}, indexes []",
            )


def _times(project: Project, collection: str) -> Iterator[tuple[type[DomainModel], Found]]:
    models = {m for d in project.app.engine.definitions.values() for m in d.store.models()}
    models |= {spec.model for spec in project.app.engine.aggregates.values()}
    for model in sorted(models, key=lambda model: model.__name__):
        if model.template().text != collection:
            continue
        for field in fields_of(model):
            kinds = kinds_of(field.annotation)
            if any(
                isinstance(k.annotation, type) and issubclass(k.annotation, date) for k in kinds
            ):
                yield model, field


def _queries(project: Project, model: type[DomainModel], stored: str) -> str:
    """The read that needs a field's index, "" if none does."""
    for definition in project.app.engine.definitions.values():
        for read in definition.store.reads().values():
            if read.model is model and stored in read.selects_on():
                return read.title
    return ""


CHECK = Check(
    NAME,
    "the file of indexes; dates and times of source models whose declared rate is 250 a second "
    "or more",
    _run,
)
