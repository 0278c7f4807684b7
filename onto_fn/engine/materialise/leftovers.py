"""Leftovers: documents that a root no longer produces, deleted in commits of bounded size.

A few leftovers are deleted in the commit that stops producing them (G6). If there are very many,
most are deleted before it, a bounded number per commit, and each commit also removes them from the
ledger record. Meanwhile the record covers nothing new. If the process stops half way, the record
lists exactly the documents left to delete, and the redelivered event continues from there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from onto_fn.engine.materialise.lookup import Affected, read_all
from onto_fn.engine.materialise.owned import names_of, removal
from onto_fn.engine.materialise.plan import Build, leftovers
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.engine.records.outbox import outbox_writes
from onto_fn.firestore import Database, Document, Write
from onto_fn.views import Definition

MAX_DELETED = 500
"""Maximum number of documents deleted in one commit."""


def bounded(
    database: Database, item: Affected, build: Build, kept: Collection[str] = ()
) -> tuple[Affected, list[str]]:
    """The materialisation with at most `MAX_DELETED` leftovers, and those that were deleted.

    Raises:
        TransientError: some are deleted; the record lists the others.
    """
    if item.record is None or len(item.record.documents) <= MAX_DELETED:
        return item, []
    gone = leftovers(item.definition, item.record, build, item.shard, kept)
    record = shrink(database, item.record, gone, item.definition, build)
    early = gone[:-MAX_DELETED]
    return replace(item, record=record), [] if names_of(item.definition, record) else early


def there_of(database: Database, record: LedgerRecord, paths: Sequence[str]) -> dict[str, Document]:
    """The documents in which a record owns fields; none are read if it owns whole documents."""
    return read_all(database, paths)[0] if record.owns and paths else {}


def shrink(
    database: Database,
    record: LedgerRecord,
    gone: Sequence[str],
    definition: Definition | None = None,
    build: Build | None = None,
) -> LedgerRecord:
    """Delete documents that a record lists, and remove them from it, until few are left.

    Args:
        database: the database.
        record: as it is now.
        gone: which documents; the last `MAX_DELETED` stay, for the commit that follows.
        definition: if given, deletions put their messages into the outbox.
        build: that does not produce them.

    Returns:
        The record as it is then.
    """
    early = gone[:-MAX_DELETED]
    there = build.there if build is not None else there_of(database, record, early)
    for start in range(0, len(early), MAX_DELETED):
        part = early[start : start + MAX_DELETED]
        kept = {path: d for path, d in record.documents.items() if path not in set(part)}
        record = replace(record, documents=kept)
        names = names_of(definition, record)
        writes = [write for path in part for write in removal(path, there, names)]
        if definition is not None and build is not None:
            writes += outbox_writes(definition, writes, build.read_time)
        writes.append(Write(record.path, record.to_fields(), record.update_time))
        record = replace(record, update_time=database.commit(writes))
    return record
