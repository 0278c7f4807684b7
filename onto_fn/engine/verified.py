"""A commit that only happens if everything that was read to decide it is still the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from onto_fn.engine.builds import lock
from onto_fn.engine.decisions import Gain
from onto_fn.firestore import Database, Write
from onto_fn.store import ReadSet


def commit_verified(database: Database, writes: Sequence[Write], read_set: ReadSet) -> datetime:
    """Commit writes that were decided by what a snapshot showed; the result is serializable.

    A document that is written is guarded by its precondition. All others that were read, and the
    results of queries, are read again and locked in the transaction of the commit: two decisions
    that each read what the other writes cannot both be committed (write skew). What is written is
    not locked as well: many locks on one document that all wait to become writes would be a
    deadlock.

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
