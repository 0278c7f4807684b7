"""One materialisation: read, build, commit, and again if somebody was faster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from onto_fn.engine import owned
from onto_fn.engine.affected import Affected, find_one
from onto_fn.engine.builds import build, lock
from onto_fn.engine.changes import Change
from onto_fn.engine.decisions import Build, Plan, covers, gained, is_behind, plan
from onto_fn.engine.ledger import Failure, dead_letter_path, message_of
from onto_fn.engine.leftovers import bounded
from onto_fn.engine.letters import letter_fields
from onto_fn.engine.memory import recall
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.snapshots import LockedRead, Snapshot
from onto_fn.engine.turns import TURNS
from onto_fn.errors import PermanentError, StaleSnapshot, UnreadableRecord
from onto_fn.firestore import Database, Write
from onto_fn.firestore.transaction import Transaction
from onto_fn.observing import Subject
from onto_fn.store import Reader

MOST_WAITS = 2
"""The first turn waited for may have begun before the change, the second has seen it."""


def materialise(
    database: Database, affected: Affected, change: Change | None, policy: RetryPolicy
) -> Outcome:
    """Make one root's documents and ledger record equal to its sources, exactly once.

    Args:
        database: the database.
        affected: the definition, its root, and the ledger record as the look-up found it.
        change: the event, or None to rebuild whatever the ledger says.
        policy: bounds of the retries.

    Raises:
        RetriesExhausted: contention or a fault of the platform outlasted the policy. Nothing is
            lost: nothing was committed, and the event has to be delivered again.
    """
    # What is built from memory has seen its own event alone, and covers no other.
    most_waits = MOST_WAITS if affected.definition.consistency == "snapshot" else 0

    def attempt(number: int) -> Outcome:
        current = affected if number == 1 else find_one(database, affected)
        for _ in range(most_waits):
            if change is not None and covers(current.record, change):
                break
            with TURNS.turn(database, affected.ledger_path) as is_mine:
                if is_mine:
                    return replace(_attempt(database, current, change), attempts=number)
            current = find_one(database, affected)
        return replace(_attempt(database, current, change), attempts=number)

    return policy.run(Subject(affected.definition.name, affected.root), attempt)


def _attempt(database: Database, affected: Affected, change: Change | None) -> Outcome:
    if affected.unreadable is not None:
        if change is not None:
            return _refuse(database, affected, affected.unreadable.error, change)
        affected = affected.mended()
    definition, root, record = affected.definition, affected.root, affected.record
    if change is not None and covers(record, change):
        return Outcome(definition.name, root, Result.COVERED)
    memory = recall(affected, change)
    with ExitStack() as stack:
        transaction: Transaction | None = None
        if definition.isolation == "serializable":
            transaction = stack.enter_context(database.transaction())
            reader: Reader = LockedRead(transaction)
        else:
            ahead = record.sources if record and not memory else ()
            reader = Snapshot(database, affected.read_time, ahead)
        found = build(
            definition,
            root,
            {affected.shard},
            known=affected.was_built,
            reader=reader,
            read_time=affected.read_time,
            memory=memory,
        )
        found = owned.seen(definition, record, found, reader)
        if is_behind(found.read_set, record, change):
            raise StaleSnapshot(f"the snapshot of {affected.read_time} does not show the change")
        affected, gone = bounded(database, affected, found)
        record = affected.record
        planned = plan(definition, record, found, root, change, affected.shard)
        if planned is None:
            return outcome(affected, None, found)
        gain = gained(found.read_set, record)
        if transaction is None and gain:
            transaction = stack.enter_context(database.transaction())
            lock(transaction, gain, found.read_set.versions)
        try:
            (transaction or database).commit(planned.writes)
        except PermanentError as error:
            return _commit_failure(database, affected, found, error, change)
    return outcome(affected, planned, found, gone)


def _commit_failure(
    database: Database,
    affected: Affected,
    found: Build,
    error: PermanentError,
    change: Change | None,
) -> Outcome:
    """Firestore refuses the commit for good: commit the dead letter instead.

    If it refuses the ledger record as well (a read set above 1 MiB), a reduced one is committed, by
    which a source that changes finds this root; the next build that succeeds deletes the letter.
    Last, where the documents alone are too many for a record, the letter is written alone.
    """
    definition, record, root = affected.definition, affected.record, affected.root
    failed = found if found.error is not None else replace(found, documents=None, error=error)
    gain = gained(found.read_set, record)
    for reduced in (False, True):
        try:
            planned = plan(
                definition, record, failed, root, change, affected.shard, reduced=reduced
            )
            if planned is None:
                return outcome(affected, None, failed)
            with database.transaction() as transaction:
                if gain:
                    lock(transaction, gain, found.read_set.versions)
                transaction.commit(planned.writes)
            return outcome(affected, planned, failed)
        except PermanentError:
            continue
    now = found.read_time
    fields = letter_fields(
        definition.name, root, change, Failure.of(error, now), definition.fingerprint, now
    )
    database.commit([Write(dead_letter_path(definition.name, root), fields)])
    return Outcome(definition.name, root, Result.DEAD_LETTER, error=message_of(error))


def _refuse(
    database: Database, affected: Affected, error: UnreadableRecord, change: Change
) -> Outcome:
    """Leave the dead letter of a record that cannot be read: somebody has to look at it.

    No event mends it, since what has written it is unknown, and may go on.
    """
    definition, root = affected.definition, affected.root
    failure = Failure.of(error, affected.read_time)
    fields = letter_fields(
        definition.name, root, change, failure, definition.fingerprint, failure.since
    )
    database.commit([Write(dead_letter_path(definition.name, root), fields)])
    return Outcome(definition.name, root, Result.DEAD_LETTER, error=failure.message)


def outcome(
    affected: Affected, planned: Plan | None, found: Build, gone: Sequence[str] = ()
) -> Outcome:
    """What became of one materialisation; without a plan nothing was committed.

    Args:
        affected: which it is.
        planned: what was committed.
        found: what was built.
        gone: documents that were deleted before.
    """
    error = "" if found.error is None else message_of(found.error)
    name, root = affected.definition.name, affected.root
    skipped = tuple(sorted(found.read_set.skipped))
    if planned is None:  # of a build that failed, the dead letter is there already
        result = Result.DEAD_LETTER if error else Result.UNCHANGED
        return Outcome(name, root, result, error=error, skipped=skipped)
    result = Result.DEAD_LETTER if error else Result.COMMITTED
    deleted = tuple(sorted({*gone, *planned.deleted}))
    return Outcome(
        name,
        root,
        result,
        written=planned.written,
        deleted=deleted,
        error=error,
        skipped=skipped,
    )
