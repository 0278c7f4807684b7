"""`Ledger`: what a database's ledger says about which document is read by what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from onto_fn.aggregates.spec import AGGREGATES, AggregateSpec
from onto_fn.engine.records.ledger import LEDGER_COLLECTION, LedgerRecord
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database, PathTemplate, Query
from onto_fn.firestore.paths import parent_collection
from onto_fn.pricing.world import Reading

if TYPE_CHECKING:
    from onto_fn.functions import App


@dataclass(frozen=True)
class Ledger:
    """The records of a ledger, or a sample of them.

    Attributes:
        place: the database, for people.
        records: how many records were read.
        is_whole: whether these were all.
        by_path: what reads each document.
    """

    place: str
    records: int = 0
    is_whole: bool = True
    by_path: dict[str, list[Reading]] = field(default_factory=dict[str, list[Reading]])

    def readers(self, path: str) -> Sequence[Reading]:
        """The records that read a document."""
        return self.by_path.get(path, ())

    def documents(self, collection: str) -> Sequence[str]:
        """The documents of a collection that are read, at most a thousand."""
        template = PathTemplate(collection)
        found = (p for p in self.by_path if template.match(parent_collection(p)) is not None)
        return list(islice(found, 1000))

    def shard_of(self, aggregate: AggregateSpec, path: str) -> str | None:
        """A shard of a group that a view reads."""
        begin = f"{AGGREGATES}/{aggregate.name}~"
        return next((found for found in self.by_path if found.startswith(begin)), None)

    def rests_on(self, collection: str) -> list[str]:
        """The number of records and documents that were looked at."""
        part = "all" if self.is_whole else "the first"
        number = len(self.documents(collection))
        return [
            f"measured: {part} {self.records} ledger records of {self.place}, {number} documents"
        ]


def read_ledger(app: App, database: Database, place: str, most: int) -> Ledger:
    """Read the ledger of a database: one read for each record.

    Args:
        app: the app whose ledger it is.
        database: the database.
        place: it, for people.
        most: how many records to read.

    Raises:
        TransientError: a read failed.
    """
    ledger = Ledger(place)
    records = list(islice(_records(database), most))
    for record in records:
        definition = app.engine.definitions.get(record.definition)
        if definition is None:
            continue
        read = {*record.sources, *record.matched, record.root}
        reading = Reading(
            definition,
            record.root,
            record.shard,
            frozenset(record.sources),
            frozenset(record.matched),
            tuple(record.documents),
            (definition.store, record.watches - read),
        )
        for path in read:
            ledger.by_path.setdefault(path, []).append(reading)
    return Ledger(place, len(records), len(records) < most, ledger.by_path)


def _records(database: Database) -> Iterator[LedgerRecord]:
    for page in database.pages(Query(LEDGER_COLLECTION)):
        for document in page:
            try:
                record = LedgerRecord.from_document(document)
            except UnreadableRecord:
                continue
            if record is not None:
                yield record
