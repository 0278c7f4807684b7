"""Where a document comes from, and what depends on it: read from the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from onto_fn.engine.materialise.behind import roots_behind
from onto_fn.engine.materialise.lookup import Materialised, find_affected
from onto_fn.engine.records.ledger import (
    LEDGER_COLLECTION,
    LedgerRecord,
    dead_letter_path,
    ledger_path,
)
from onto_fn.events import Change, RetryPolicy
from onto_fn.firestore import Database, Document, Filter, PathTemplate, Query
from onto_fn.firestore.paths import parent_collection

if TYPE_CHECKING:
    from onto_fn.engine.targets.registry import Registry
    from onto_fn.models import DomainModel
    from onto_fn.views import Definition

_BATCH = 100


@dataclass(frozen=True)
class Source:
    """A document that a view was built from.

    Attributes:
        path: the document.
        version: update time of what was read, None if it did not exist.
        now: its update time now, None if it does not exist.
        problem: why it was left out, empty if it was not.
        reads: the fields that the view has read of it, `*` for all; None if that is unknown.
        is_unread: whether it has changed in nothing that the view shows or reads.
    """

    path: str
    version: datetime | None
    now: datetime | None
    problem: str = ""
    reads: tuple[str, ...] | None = None
    is_unread: bool = False

    @property
    def is_current(self) -> bool:
        """Whether it is still as it was read."""
        return self.version == self.now


@dataclass(frozen=True)
class Origin:
    """What is known about a document that a view or mediator wrote.

    Attributes:
        definition: name of the view or mediator.
        root: path of the root that it was built for.
        event_id: of the event that caused the last commit, empty for a rebuild.
        committed: when the ledger record was last committed.
        read_time: of the snapshot that was built from.
        fingerprint: of the definition that built it.
        is_stale: whether the app's definition has changed since.
        sources: what it was built from.
        failure: why the last build failed, empty if it did not.
        skipped: how many invalid documents were left out.
    """

    definition: str
    root: str
    event_id: str
    committed: datetime | None
    read_time: datetime
    fingerprint: str
    is_stale: bool
    sources: tuple[Source, ...]
    failure: str
    skipped: int = 0


@dataclass(frozen=True)
class Dependent:
    """A view, mediator or aggregate that depends on a document.

    Attributes:
        definition: its name.
        root: path of the root; of an aggregate, the document itself.
        documents: what it has written.
        state: "built", "not built yet", "failed" or "counted"; or what is wrong with the document,
            if it was left out.
    """

    definition: str
    root: str
    documents: tuple[str, ...]
    state: str


def origins(engine: Registry, database: Database, path: str) -> list[Origin]:
    """The ledger records that list a document as built; usually one, or none."""
    found: list[Origin] = []
    for definition in engine.definitions.values():
        for target in definition.targets:
            params = target.match(path)
            if params is not None and engine.targets[definition.name].is_verified:
                found += [
                    _origin(database, definition, record)
                    for record in _records_of(database, definition, path, list(params.values()))
                ]
                break
    return found


def dependents(
    engine: Registry, database: Database, path: str, limit: int
) -> tuple[list[Dependent], bool]:
    """What depends on a document: at most `limit`, and whether there is more."""
    found = list(islice(_dependents(engine, database, path), limit + 1))
    return found[:limit], len(found) > limit


def exists(database: Database, path: str) -> bool:
    """Whether there is such a document."""
    return database.get([path])[0][path].exists


def _dependents(engine: Registry, database: Database, path: str) -> Iterator[Dependent]:
    change = Change(path, None, None)
    is_there = exists(database, path)
    materialised = Materialised(
        definition
        for name, definition in engine.definitions.items()
        if engine.targets[name].is_verified
    )
    for affected in find_affected(database, materialised, change, RetryPolicy()):
        record = affected.record
        if record is not None:
            yield Dependent(
                affected.definition.name,
                affected.root,
                tuple(sorted(record.documents)),
                _state(record, path),
            )
        elif is_there:
            yield Dependent(affected.definition.name, affected.root, (), "not built yet")
    collection = parent_collection(path)
    for aggregate in engine.aggregates.values():
        if aggregate.shape.collection.match(collection) is not None:
            record, letter = (
                aggregate.contribution_path(path),
                dead_letter_path(aggregate.name, path),
            )
            documents, _ = database.get([record, letter])
            if documents[letter].exists:
                yield Dependent(aggregate.name, path, (), "failed")
            elif documents[record].exists:
                yield Dependent(aggregate.name, path, (), "counted")


def _state(record: LedgerRecord, path: str) -> str:
    """The state of a record's view with respect to a document that it read."""
    if record.failure is not None:
        return "failed"
    problem = record.skipped.problems.get(path)
    if problem is not None:
        return f"built without it: {problem}"
    if not record.skipped.is_whole:
        return f"built without {record.skipped.count} documents; this may be one of them"
    return "built" if record.built else "not built yet"


def _records_of(
    database: Database, definition: Definition, path: str, variables: Sequence[str]
) -> list[LedgerRecord]:
    """The records of a definition that list a document.

    Most views use the root's id as a variable of the path: those records are tried first, in one
    read. Otherwise all records of the definition are searched.
    """
    roots = _likely_roots(definition.root_collection, path, variables)
    likely = [ledger_path(definition.name, root, definition.shard_of(path)) for root in roots]
    documents = list(database.get(likely)[0].values()) if likely else []
    found = _listing(documents, path)
    if found:
        return found
    condition = Filter("definition", "==", definition.name)
    for page in database.pages(Query(LEDGER_COLLECTION, (condition,))):
        found += _listing(page, path)
    return found


def _likely_roots(template: PathTemplate, path: str, variables: Sequence[str]) -> list[str]:
    collection = list(template.segments)
    for place, own in enumerate(path.split("/")):
        if place < len(collection) and collection[place].startswith("{"):
            collection[place] = own
    return ["/".join([*collection, value]) for value in dict.fromkeys(variables)]


def _listing(documents: Sequence[Document], path: str) -> list[LedgerRecord]:
    records = [LedgerRecord.from_document(document) for document in documents]
    return [record for record in records if record is not None and path in record.documents]


def _origin(database: Database, definition: Definition, record: LedgerRecord) -> Origin:
    versions = record.versions
    paths = sorted(versions)
    now: dict[str, Document] = {}
    for start in range(0, len(paths), _BATCH):
        now |= database.get(paths[start : start + _BATCH])[0]
    changed = {path for path in paths if now[path].update_time != versions[path]}
    is_behind = bool(changed) and bool(roots_behind(database, definition, [record.root]))
    return Origin(
        definition=record.definition,
        root=record.root,
        event_id=record.event_id,
        committed=record.update_time,
        read_time=record.read_time,
        fingerprint=record.fingerprint,
        is_stale=record.fingerprint != definition.fingerprint,
        sources=tuple(
            Source(
                path,
                versions[path],
                now[path].update_time,
                record.skipped.problems.get(path, ""),
                _reads_of(definition, record, path),
                path in changed and not is_behind,
            )
            for path in paths
        ),
        failure=_failure(database, record),
        skipped=record.skipped.count,
    )


def _reads_of(definition: Definition, record: LedgerRecord, path: str) -> tuple[str, ...] | None:
    """The fields that a build has read of a document, of whichever of its classes that was."""
    if record.reads is None:
        return None
    names = {
        name for model in definition.store.models() if model.owns(path) for name in _names(model)
    }
    return tuple(
        sorted({field for name, fields in record.reads if name in names for field in fields})
    )


def _names(model: type[DomainModel]) -> set[str]:
    """The names of a class and of its subclasses, which its documents may be of."""
    return {model.__name__}.union(*(_names(one) for one in model.__subclasses__()))


def _failure(database: Database, record: LedgerRecord) -> str:
    if record.failure is None:
        return ""
    letter = dead_letter_path(record.definition, record.root)
    fields: Any = database.get([letter])[0][letter].fields
    where = f", dead letter {letter}" if fields else ""
    return f"{record.failure.kind}: {record.failure.message}{where}"
