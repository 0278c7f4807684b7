"""Which materialisations a change affects: an indexed look-up on the ledger, never a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from onto_fn.attempts import RetryPolicy, Subject, phase
from onto_fn.engine.records.ledger import (
    LEDGER_COLLECTION,
    LedgerRecord,
    is_shard,
    ledger_path,
    readings_of_id,
    salvaged,
)
from onto_fn.errors import UnreadableRecord
from onto_fn.events.change import Change
from onto_fn.firestore import Database, Document, Filter, Query, QueryShape
from onto_fn.firestore.paths import last_segment, parent_collection
from onto_fn.firestore.queries import MAX_DISJUNCTIONS, SHORT, document_key
from onto_fn.views import Definition

_log = logging.getLogger("onto_fn")

PAGE = 1000
"""Maximum number of documents read in one call."""


@dataclass(frozen=True)
class Unreadable:
    """A document in the place of a ledger record, and why it cannot be read as one."""

    document: Document
    error: UnreadableRecord


@dataclass(frozen=True)
class Affected:
    """One materialisation that a change may affect.

    Attributes:
        definition: what builds it.
        root: path of its root.
        shard: which of the root's ledger records it is about.
        record: its ledger record at `read_time`, or None if it has none.
        read_time: of the look-up: a snapshot that has the change.
        unreadable: what is in the place of its ledger record, if that cannot be read.
        force: whether its documents are written even if the record lists the same digests.
    """

    definition: Definition
    root: str
    shard: int = 0
    record: LedgerRecord | None = None
    read_time: datetime = datetime.min
    unreadable: Unreadable | None = None
    force: bool = False

    @property
    def was_built(self) -> bool:
        """Whether the root was built since it was created."""
        return self.record is not None and self.record.built

    @property
    def ledger_path(self) -> str:
        """Document path of the ledger record."""
        return ledger_path(self.definition.name, self.root, self.shard)

    def found(self, document: Document, read_time: datetime) -> Affected:
        """The same, as this document in the ledger has it at `read_time`."""
        try:
            record = LedgerRecord.from_document(document)
        except UnreadableRecord as error:
            unreadable = Unreadable(document, error)
            return replace(self, record=None, read_time=read_time, unreadable=unreadable)
        if record is not None and self.force:
            record = replace(record, documents=dict.fromkeys(record.documents, ""))
        return replace(self, record=record, read_time=read_time, unreadable=None)

    def forgetting(self) -> Affected:
        """The same, without what its record remembers of the sources."""
        record = self.record and replace(self.record, memory=None)
        return replace(self, record=record)

    def salvaged(self) -> Affected:
        """The same, with the documents listed by an unreadable record."""
        if self.unreadable is None:
            return self
        targets = self.definition.targets
        record = salvaged(
            self.unreadable.document,
            self.definition.name,
            self.root,
            self.shard,
            lambda path: any(template.match(path) is not None for template in targets),
            self.read_time,
        )
        return replace(self, record=record, unreadable=None)


def read_all(
    database: Database, paths: Iterable[str], read_time: datetime | None = None
) -> tuple[dict[str, Document], datetime]:
    """Documents by path, in calls of at most `PAGE` documents, all as they were at one instant.

    Args:
        database: the database.
        paths: at least one.
        read_time: the instant; without it, that of the first call.

    Returns:
        The documents, and the instant.
    """
    wanted = list(dict.fromkeys(paths))
    documents, at = database.get(wanted[:PAGE], read_time=read_time)
    for start in range(PAGE, len(wanted), PAGE):
        documents |= database.get(wanted[start : start + PAGE], read_time=read_time or at)[0]
    return documents, at


def find_one(database: Database, wanted: Affected) -> Affected:
    """The materialisation with its current ledger record."""
    return find_these(database, [wanted])[0]


def find_these(database: Database, wanted: Sequence[Affected]) -> list[Affected]:
    """Materialisations with their current ledger records, read at one time."""
    with phase("look-up"):
        documents, read_time = read_all(database, [item.ledger_path for item in wanted])
    return [item.found(documents[item.ledger_path], read_time) for item in wanted]


@dataclass(frozen=True)
class Readers:
    """The definitions that a changed document of one collection may concern.

    Attributes:
        rooted: those whose roots are in the collection.
        shapes: of the queries that read it.
        are_any: whether a build of any definition may read a document of it.
    """

    rooted: tuple[Definition, ...]
    shapes: tuple[QueryShape, ...]
    are_any: bool


class Materialised:
    """The definitions of an app that have ledger records, and how they use each collection.

    Attributes:
        by_name: the definitions.
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.by_name = {definition.name: definition for definition in definitions}
        self._watched = {w for d in self.by_name.values() for w in d.watched_collections()}
        # Each event asks for its collection, and subcollections are unlimited in number.
        self.readers_of = lru_cache(maxsize=4096)(self._readers_of)

    def _readers_of(self, collection: str) -> Readers:
        are_any = any(template.match(collection) is not None for template in self._watched)
        if is_shard(collection):
            return Readers((), (), are_any)
        definitions = self.by_name.values()
        return Readers(
            tuple(d for d in definitions if d.root_collection.match(collection) is not None),
            tuple(
                shape
                for definition in definitions
                for shape in definition.store.shapes()
                if shape.collection.match(collection) is not None
            ),
            are_any,
        )


def belongs_to(
    document: Document, materialised: Materialised, read_time: datetime
) -> Affected | None:
    """The materialisation that a document in the ledger is the record of, readable or not.

    None if it belongs to no definition of this app.
    """
    try:
        record = LedgerRecord.from_document(document)
    except UnreadableRecord as error:
        item = _owner(document, materialised)
        if item is None:
            _log.warning("%s; it belongs to no view of this app, so it is ignored", error)
            return None
        return item.found(document, read_time)
    definition = None if record is None else materialised.by_name.get(record.definition)
    if record is None or definition is None:
        return None
    return Affected(definition, record.root, record.shard, record, read_time)


def _owner(document: Document, materialised: Materialised) -> Affected | None:
    """The owner of a document's place in the ledger; its content and its id may name the root."""
    identifier = last_segment(document.path)
    name, number = identifier.partition("~")[0], identifier.rpartition("~")[2]
    definition = materialised.by_name.get(name)
    if definition is None:
        return None
    readings = readings_of_id(name, identifier)
    told = (document.fields or {}).get("root")
    if isinstance(told, str):
        shards = [*range(definition.shards), *([int(number)] if number.isdecimal() else [])]
        own = [(told, shard) for shard in shards if ledger_path(name, told, shard) == document.path]
        readings = own + readings
    for root, shard in readings:
        if definition.root_collection.match(parent_collection(root)) is not None:
            return Affected(definition, root, shard)
    return None


def find_affected(
    database: Database,
    materialised: Materialised,
    change: Change,
    policy: RetryPolicy,
    page_size: int = 300,
) -> Iterator[Affected]:
    """All materialisations that read the changed document, or may come to read it.

    These are the materialisations rooted at it, those whose ledger record lists it, and those with
    a query that it matched before or matches after the change. They are yielded page by page, so
    memory does not grow with their number.

    Raises:
        RetriesExhausted: the ledger could not be read.
    """
    subject = Subject(root=change.path, step="look-up")
    readers = materialised.readers_of(parent_collection(change.path))
    keys = [change.path if len(change.path) <= SHORT else document_key(change.path)]
    if readers.shapes:
        for attempt in policy.attempts_of(subject):
            with attempt:
                keys += sorted(_query_keys(database, readers, change))
    found: set[str] = set()
    read_time: datetime | None = None
    for query in _look_ups(keys, page_size):
        page: Query | None = query
        while page is not None:
            documents: list[Document] = []
            with phase("look-up"):
                for attempt in policy.attempts_of(subject):
                    with attempt:
                        # Every page is read at the time of the first, so that together they are one
                        # look-up.
                        documents, at = database.query(page, read_time=read_time)
                        read_time = read_time or at
            assert read_time is not None
            for document in documents:
                if document.path not in found:
                    found.add(document.path)
                    item = belongs_to(document, materialised, read_time)
                    if item is not None:
                        yield item
            full = len(documents) == page_size
            page = replace(page, start_after=documents[-1].path) if full else None
    assert read_time is not None, "there is always the document's own key"
    for definition in readers.rooted:
        for shard in range(definition.shards):
            if ledger_path(definition.name, change.path, shard) not in found:
                yield Affected(definition, change.path, shard, None, read_time)


def _look_ups(keys: Sequence[str], page_size: int) -> list[Query]:
    queries: list[Query] = []
    for start in range(0, len(keys), MAX_DISJUNCTIONS):
        batch = list(keys[start : start + MAX_DISJUNCTIONS])
        condition = (
            Filter("watches", "array_contains", batch[0])
            if len(batch) == 1
            else Filter("watches", "array_contains_any", batch)
        )
        queries.append(Query(LEDGER_COLLECTION, (condition,), limit=page_size))
    return queries


def _query_keys(database: Database, readers: Readers, change: Change) -> set[str]:
    before, after = change.before, change.after
    if after is None:  # no payload: what it is now stands in for what it became
        after = database.get([change.path])[0][change.path]
    versions: list[Document] = [d for d in (before, after) if d is not None]
    return {
        key
        for shape in readers.shapes
        for d in versions
        for key in shape.keys_of(change.path, d.fields)
    }
