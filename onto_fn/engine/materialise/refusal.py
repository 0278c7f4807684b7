"""Refusals: dead letters for roots whose record cannot be read or whose commit is refused."""

from __future__ import annotations

from dataclasses import replace

from onto_fn.engine.materialise.grouping import Job
from onto_fn.engine.materialise.locking import lock
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import Build, Plan, plan
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import Failure, dead_letter_path
from onto_fn.errors import PermanentError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Write


def commit_failure(
    database: Database, job: Job, change: Change | None, error: PermanentError
) -> tuple[Plan | None, Build]:
    """Commit a dead letter instead of a commit that Firestore refuses permanently.

    If Firestore also refuses the ledger record (a read set above 1 MiB), a reduced record is
    committed, by which changed sources find this root; the next successful build deletes the
    letter. If the documents alone are too many for a record, only the letter is written.

    Args:
        database: the database.
        job: what was to be committed.
        change: the event.
        error: Firestore's answer.

    Returns:
        What was committed, None if the letter was there already, and the build as one that failed.
    """
    item, found = job.item, job.build
    definition, record, root = item.definition, item.record, item.root
    failed = found if found.error is not None else replace(found, documents=None, error=error)
    for reduced in (False, True):
        try:
            planned = plan(definition, record, failed, root, change, item.shard, reduced=reduced)
            if planned is None:
                return None, failed
            with database.transaction() as transaction:
                if job.gain:
                    lock(transaction, job.gain, found.read_set.versions)
                transaction.commit(planned.writes)
            return planned, failed
        except PermanentError:
            continue
    now = found.read_time
    fields = letter_fields(
        definition.name, root, change, Failure.of(error, now), definition.fingerprint, now
    )
    database.commit([Write(dead_letter_path(definition.name, root), fields)])
    return None, replace(failed, error=error)


def refuse_record(database: Database, item: Affected, change: Change) -> Outcome:
    """Write the dead letter of a record that cannot be read: an operator has to look at it.

    No event fixes it, because whatever wrote it is unknown and may write again.
    """
    assert item.unreadable is not None
    definition, root = item.definition, item.root
    failure = Failure.of(item.unreadable.error, item.read_time)
    fields = letter_fields(
        definition.name, root, change, failure, definition.fingerprint, failure.since
    )
    database.commit([Write(dead_letter_path(definition.name, root), fields)])
    return Outcome(definition.name, root, Result.DEAD_LETTER, error=failure.message)
