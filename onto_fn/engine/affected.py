"""Which materialisations a change affects: an indexed look-up on the ledger, never a scan."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from onto_fn.engine.changes import Change
from onto_fn.engine.ledger import (
    LEDGER_COLLECTION,
    LedgerRecord,
    is_shard,
    ledger_path,
    readings_of_id,
    salvaged,
)
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.snapshots import read_all
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database, Document, Filter, Query, QueryShape
from onto_fn.firestore.paths import last_segment, parent_collection
from onto_fn.firestore.queries import MAX_DISJUNCTIONS, document_key
from onto_fn.observing import phase
from onto_fn.views import Definition

_log = logging.getLogger("onto_fn")


@dataclass(frozen=True)
class Unreadable:
    """A document in the place of a ledger record, and why it is none."""

    document: Document
    error: UnreadableRecord


@dataclass(frozen=True)
class Affected:
    """One materialisation to look at.

    Attributes:
        definition: what builds it.
        root: path of its root.
        shard: which of the root's ledger records it is about.
        record: its ledger record at `read_time`, or None if it has none.
        read_time: of the look-up: a snapshot that has the change.
        unreadable: what is in the place of its ledger record, if that cannot be read.
        afresh: whether its documents are written whatever the record says that they hold.
    """

    definition: Definition
    root: str
    shard: int = 0
    record: LedgerRecord | None = None
    read_time: datetime = datetime.min
    unreadable: Unreadable | None = None
    afresh: bool = False

    @property
    def was_built(self) -> bool:
        """Whether the root was built before in this life of it."""
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
        if record is not None and self.afresh:
            record = replace(record, documents=dict.fromkeys(record.documents, ""))
        return replace(self, record=record, read_time=read_time, unreadable=None)

    def mended(self) -> Affected:
        """The same, with what can be saved of an unreadable record: the documents it lists."""
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


def find_one(database: Database, wanted: Affected) -> Affected:
    """The materialisation as the ledger has it now."""
    return find_these(database, [wanted])[0]


def find_these(database: Database, wanted: Sequence[Affected]) -> list[Affected]:
    """Materialisations as the ledger has them now, at one time."""
    with phase("look-up"):
        documents, read_time = read_all(database, [item.ledger_path for item in wanted])
    return [item.found(documents[item.ledger_path], read_time) for item in wanted]


def belongs_to(
    document: Document, definitions: Mapping[str, Definition], read_time: datetime
) -> Affected | None:
    """The materialisation that a document in the ledger is the record of, readable or not.

    None if it belongs to a definition that this app does not have, or to nothing at all.
    """
    try:
        record = LedgerRecord.from_document(document)
    except UnreadableRecord as error:
        item = _owner(document, definitions)
        if item is None:
            _log.warning("%s; it belongs to nothing in this app, and is left alone", error)
            return None
        return item.found(document, read_time)
    if record is None or record.definition not in definitions:
        return None
    definition = definitions[record.definition]
    return Affected(definition, record.root, record.shard, record, read_time)


def _owner(document: Document, definitions: Mapping[str, Definition]) -> Affected | None:
    """Whose place in the ledger a document has; its content and its id may both tell the root."""
    identifier = last_segment(document.path)
    name, number = identifier.partition("~")[0], identifier.rpartition("~")[2]
    definition = definitions.get(name)
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
    definitions: Mapping[str, Definition],
    change: Change,
    policy: RetryPolicy,
    page_size: int = 300,
) -> Iterator[Affected]:
    """All materialisations that read the changed document, or may come to read it.

    Those rooted at it; those whose ledger record lists it; and those with a query that it matched
    before or matches after the change. They come page by page, so that the memory they take does
    not grow with their number.

    Raises:
        RetriesExhausted: the ledger could not be read.
    """

    def look_up(query: Query, read_time: datetime | None) -> tuple[list[Document], datetime]:
        with phase("look-up"):
            return policy.run(
                f"the look-up for {change.path}",
                lambda _: database.query(query, read_time=read_time),
            )

    queries = policy.run(
        f"the queries of {change.path}", lambda _: _look_ups(database, definitions, change)
    )
    rooted = _rooted(definitions, change)
    found: set[str] = set()
    read_time: datetime | None = None
    for query in queries:
        page = replace(query, limit=page_size)
        while True:
            # Every page at the time of the first: together they are one look-up.
            documents, at = look_up(page, read_time)
            read_time = read_time or at
            for document in documents:
                if document.path in found:
                    continue
                found.add(document.path)
                item = belongs_to(document, definitions, read_time)
                if item is not None:
                    yield item
            if len(documents) < page_size:
                break
            page = replace(page, start_after=documents[-1].path)
    assert read_time is not None, "there is always the document's own key"
    for path, (definition, shard) in rooted.items():
        if path not in found:
            yield Affected(definition, change.path, shard, None, read_time)


def _rooted(
    definitions: Mapping[str, Definition], change: Change
) -> dict[str, tuple[Definition, int]]:
    """The ledger records, by path, of what is rooted at the changed document."""
    if is_shard(change.path):
        return {}
    collection = parent_collection(change.path)
    return {
        ledger_path(definition.name, change.path, shard): (definition, shard)
        for definition in definitions.values()
        if definition.root_collection.match(collection) is not None
        for shard in range(definition.shards)
    }


def _look_ups(
    database: Database, definitions: Mapping[str, Definition], change: Change
) -> list[Query]:
    keys = [document_key(change.path), *sorted(_query_keys(database, definitions, change))]
    queries: list[Query] = []
    for start in range(0, len(keys), MAX_DISJUNCTIONS):
        batch = keys[start : start + MAX_DISJUNCTIONS]
        condition = (
            Filter("watches", "array_contains", batch[0])
            if len(batch) == 1
            else Filter("watches", "array_contains_any", batch)
        )
        queries.append(Query(LEDGER_COLLECTION, (condition,)))
    return queries


def _query_keys(
    database: Database, definitions: Mapping[str, Definition], change: Change
) -> set[str]:
    shapes = _shapes(definitions, change.path)
    if not shapes:
        return set()
    before, after = change.before, change.after
    if after is None:  # no payload: what it is now stands in for what it became
        after = database.get([change.path])[0][change.path]
    versions: list[Document] = [d for d in (before, after) if d is not None]
    return {
        key for shape in shapes for d in versions for key in shape.keys_of(change.path, d.fields)
    }


def _shapes(definitions: Mapping[str, Definition], path: str) -> list[QueryShape]:
    if is_shard(path):
        return []
    collection = parent_collection(path)
    return [
        shape
        for definition in definitions.values()
        for shape in definition.store.shapes()
        if shape.collection.match(collection) is not None
    ]
