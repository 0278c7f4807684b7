"""Measure the ledger of a database: the size of records, documents and commits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from onto_fn.doctor.project import Measured
from onto_fn.engine.records.ledger import LEDGER_COLLECTION, LedgerRecord
from onto_fn.errors import DocumentTooLarge, UnreadableRecord
from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.sizes import check_size

FULL = 1024 * 1024


def measured_in(database: Database, most: int = 1000) -> list[Measured]:
    """What the first records of the ledger say; two reads for each.

    Args:
        database: the database.
        most: how many records to read.

    Raises:
        TransientError: a read failed.
    """
    found: list[Measured] = []
    for document in islice(_records(database), most):
        try:
            record = LedgerRecord.from_document(document)
        except UnreadableRecord:
            continue
        if record is None:
            continue
        first = next(iter(record.documents), None)
        shown = database.get([first])[0][first] if first else None
        found.append(
            Measured(
                record.definition,
                record.root,
                _size(Document(record.path, record.to_fields(), None)),
                _size(shown) if shown is not None else 0,
                len(record.documents),
            )
        )
    return found


def _records(database: Database) -> Iterator[Document]:
    for page in database.pages(Query(LEDGER_COLLECTION)):
        yield from page


def _size(document: Document) -> int:
    if document.fields is None:
        return 0
    try:
        return check_size(document.path, document.fields)
    except DocumentTooLarge:
        return FULL
