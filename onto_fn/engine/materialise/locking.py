"""Locking: commits that succeed only if the documents read for them are unchanged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from onto_fn.errors import Contention
from onto_fn.firestore import Database, Query, Write
from onto_fn.firestore.paths import parent_collection
from onto_fn.firestore.transaction import Transaction
from onto_fn.store import ReadSet


@dataclass(frozen=True)
class Gain:
    """What is new to a view in a build; the commit must ensure that it is unchanged.

    Changes to documents missing from the ledger record cannot trigger a rebuild. A document that
    was MISSING, or that no query matched, can return to that state: its event would find the old
    record, see nothing to do and finish before the build that read the document commits. The same
    holds for a document that matches a query which an eventual view asks again with the same keys
    (a later date, for instance).
    """

    paths: tuple[str, ...]
    queries: tuple[tuple[Query, Mapping[str, datetime | None]], ...]

    def __bool__(self) -> bool:
        return bool(self.paths or self.queries)

    def has(self, changed: Collection[str]) -> bool:
        """Whether one of these documents is new, or in a collection that a new query reads."""
        if not changed:
            return False
        collections = {parent_collection(path) for path in changed}
        return any(path in changed for path in self.paths) or any(
            query.collection_group or query.collection in collections for query, _ in self.queries
        )


def lock(transaction: Transaction, gain: Gain, versions: Mapping[str, datetime | None]) -> None:
    """Lock what is new to a read set, and check that the build read its latest version.

    A change to it then either happened before (and is detected here), or happens after the commit
    (and its event finds the ledger record).

    Args:
        transaction: in which the commit will be.
        gain: what is new.
        versions: what the build has seen: update time by path.

    Raises:
        Contention: it has changed since.
    """
    if gain.paths:
        now = transaction.versions(gain.paths)
        _check_same({path: versions[path] for path in gain.paths}, now)
    for query, seen in gain.queries:
        _check_same(seen, {d.path: d.update_time for d in transaction.query(query)})


def commit_verified(database: Database, writes: Sequence[Write], read_set: ReadSet) -> datetime:
    """Commit writes that were decided from a snapshot; the result is serializable.

    A written document is guarded by its precondition. All other documents that were read, and the
    results of queries, are read again and locked in the transaction of the commit. So two decisions
    that each read what the other writes cannot both be committed (write skew). Written documents
    are not locked: many locks on one document that all wait to become writes would deadlock.

    Args:
        database: the database.
        writes: the writes.
        read_set: what was read, with its versions.

    Raises:
        Contention: something is no longer as it was read.
    """
    guarded = {write.path for write in writes if write.precondition is not None}
    queried = {path for _, result in read_set.queries for path in result}
    paths = tuple(p for p in read_set.versions if p not in guarded and p not in queried)
    rest = Gain(paths, tuple(read_set.queries))
    if not rest:
        return database.commit(writes)
    with database.transaction() as transaction:
        lock(transaction, rest, read_set.versions)
        return transaction.commit(writes)


def _check_same(seen: Mapping[str, datetime | None], now: Mapping[str, datetime | None]) -> None:
    if dict(seen) != dict(now):
        changed = sorted(p for p in {*seen, *now} if seen.get(p) != now.get(p))
        raise Contention(f"changed since it was read: {', '.join(changed)}", changed)
