"""Looks: compare the stored documents of roots with what their sources make, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from onto_fn.engine.materialise.build import build_all
from onto_fn.engine.materialise.difference import Difference, Kind, Look, differences_of
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import Build
from onto_fn.engine.records.ledger import LedgerRecord, ledger_path
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database
from onto_fn.views import Definition


def look_at(database: Database, definition: Definition, roots: Sequence[str]) -> list[Look]:
    """Look at roots in one snapshot: sources, ledger records and documents.

    Raises:
        TransientError: a read failed.
        PermanentError: a batched read is refused.
    """
    wanted = [(root, shard) for root in roots for shard in range(definition.shards)]
    paths = [ledger_path(definition.name, root, shard) for root, shard in wanted]
    documents, read_time = database.get(paths)
    broken: dict[str, UnreadableRecord] = {}
    due: list[Affected] = []
    for (root, shard), path in zip(wanted, paths, strict=True):
        try:
            record = LedgerRecord.from_document(documents[path])
        except UnreadableRecord as error:
            broken[root] = error
            continue
        due.append(Affected(definition, root, shard, record, read_time))
    due = [item for item in due if item.root not in broken]
    looks = [
        Look(root, None, (Difference(definition.name, error.path, Kind.UNREADABLE, str(error)),))
        for root, error in broken.items()
    ]
    if not due:
        return looks
    built = build_all(database, due)
    expected = {
        path for item, made in zip(due, built, strict=True) for path in _documents(item, made)
    }
    there = database.get(sorted(expected), read_time=read_time)[0] if expected else {}
    found: dict[str, list[Difference]] = {root: [] for root in roots if root not in broken}
    versions: dict[str, Mapping[str, datetime | None]] = {}
    for item, made in zip(due, built, strict=True):
        found[item.root] += differences_of(item, made, there)
        versions[item.root] = made.read_set.versions
    return [*looks, *(Look(root, versions[root], tuple(found[root])) for root in found)]


def _documents(item: Affected, made: Build) -> set[str]:
    listed = set(item.record.documents) if item.record else set[str]()
    return listed | set(made.documents or {})
