"""Looks: compare the stored documents of roots with what their sources make, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from onto_fn.engine.materialise.build import Snapshot, build_all
from onto_fn.engine.materialise.difference import Difference, Kind, Look, Stored, differences_of
from onto_fn.engine.materialise.lookup import PAGE, Affected
from onto_fn.engine.materialise.plan import Build
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.engine.records.skimmed import skimmed
from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Database, Document
from onto_fn.views import Definition


class Sources:
    """Sources read at one instant, for the pages that follow. Thread-safe.

    Args:
        most: how many documents are kept.
    """

    def __init__(self, most: int = 2000) -> None:
        self._most = most
        self._documents: dict[str, Document] = {}
        self._lock = Lock()

    def known(self) -> dict[str, Document]:
        """All of them."""
        with self._lock:
            return dict(self._documents)

    def add(self, documents: Mapping[str, Document]) -> None:
        """Keep documents; the oldest ones leave."""
        with self._lock:
            self._documents |= documents
            for path in list(self._documents)[: max(0, len(self._documents) - self._most)]:
                del self._documents[path]


@dataclass(frozen=True)
class Seen:
    """What a scan has read already, all at one instant.

    Attributes:
        read_time: the instant.
        roots: documents of roots, in their protobuf form.
        records: ledger records by path, in their protobuf form; some may be lacking.
        sources: what other pages have read at this instant.
    """

    read_time: datetime
    roots: Mapping[str, Any] = field(default_factory=dict[str, Any])
    records: Mapping[str, Any] = field(default_factory=dict[str, Any])
    sources: Sources = field(default_factory=Sources)


def look_at(
    database: Database, definition: Definition, roots: Sequence[str], seen: Seen | None = None
) -> list[Look]:
    """Look at roots in one snapshot: sources, ledger records and documents.

    Args:
        database: the database.
        definition: a view or mediator.
        roots: paths of roots.
        seen: what was read already; by default, everything is read as it is now.

    Raises:
        TransientError: a read failed.
        PermanentError: a batched read is refused.
    """
    wanted = [(root, shard) for root in roots for shard in range(definition.shards)]
    paths = [ledger_path(definition.name, root, shard) for root, shard in wanted]
    records, read_time = _records(database, paths, seen)
    broken: dict[str, UnreadableRecord] = {}
    due: list[Affected] = []
    for (root, shard), path in zip(wanted, paths, strict=True):
        try:
            record = skimmed(database, records[path])
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
    reader = _reader(database, due, seen)
    built = build_all(database, due, reader=reader)
    if seen is not None:
        seen.sources.add({p: d for p, d in reader.documents.items() if p not in seen.roots})
    expected = {
        path for item, made in zip(due, built, strict=True) for path in _documents(item, made)
    }
    there = _stored(database, sorted(expected), read_time)
    found: dict[str, list[Difference]] = {root: [] for root in roots if root not in broken}
    versions: dict[str, Mapping[str, datetime | None]] = {}
    for item, made in zip(due, built, strict=True):
        found[item.root] += differences_of(item, made, there)
        versions[item.root] = made.read_set.versions
    return [*looks, *(Look(root, versions[root], tuple(found[root])) for root in found)]


def _records(
    database: Database, paths: Sequence[str], seen: Seen | None
) -> tuple[Mapping[str, Any], datetime]:
    """The ledger records in their protobuf form, and the instant of the snapshot."""
    read_time = None if seen is None else seen.read_time
    found: dict[str, Any] = {} if seen is None else dict(seen.records)
    lacking = [path for path in paths if path not in found]
    for start in range(0, len(lacking), PAGE):
        messages, at = database.messages(lacking[start : start + PAGE], read_time)
        found |= messages
        read_time = read_time or at
    assert read_time is not None, "there is at least one record to look for"
    return found, read_time


def _reader(database: Database, due: Sequence[Affected], seen: Seen | None) -> Snapshot:
    """Reads what the builds need; the first read also fetches what the last builds read."""
    known: dict[str, Document] = {}
    if seen is not None:
        known = seen.sources.known()
        known |= {path: database.decoded(message) for path, message in seen.roots.items()}
    ahead = {item.root for item in due}
    for item in due:
        ahead.update(item.record.sources if item.record else ())
    return Snapshot(database, due[0].read_time, sorted(ahead - known.keys()), known)


def _stored(database: Database, paths: Sequence[str], read_time: datetime) -> dict[str, Stored]:
    """Documents of the views, which are decoded only where they differ."""
    found: dict[str, Stored] = {}
    for start in range(0, len(paths), PAGE):
        messages, _ = database.messages(paths[start : start + PAGE], read_time)
        found |= {path: Stored(database, message) for path, message in messages.items()}
    return found


def _documents(item: Affected, made: Build) -> set[str]:
    listed = set(item.record.documents) if item.record else set[str]()
    return listed | set(made.documents or {})
