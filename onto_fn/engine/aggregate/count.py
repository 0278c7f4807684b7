"""Counting: each source document contributes exactly once per version; one document, or many.

An event costs one read (the source, its contribution record, its dead letter, the register of the
aggregate's generations) and one commit (the record and the shards it adds to), however many
documents the aggregate has. The record's update time is the precondition, and the shards are
written by increments, which need no read. The first event of a document reads it once more, in the
transaction of the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import Context
from dataclasses import replace

from onto_fn.aggregates.generations import Register, fields_of
from onto_fn.aggregates.measures import Amounts
from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.aggregate.contribution import (
    Found,
    Parts,
    has_counted,
    is_behind,
    is_counted,
    parts_of,
    written,
)
from onto_fn.engine.materialise.locking import Gain, lock
from onto_fn.engine.materialise.together import ATTEMPTS
from onto_fn.engine.records.ledger import dead_letter_path
from onto_fn.errors import Contention, PermanentError, RetriesExhausted, StaleSnapshot
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Write


def contribute(
    database: Database,
    aggregate: AggregateSpec,
    path: str,
    change: Change | None,
    policy: RetryPolicy,
    *,
    force: bool = False,
    was_read: Callable[[], None] | None = None,
) -> Outcome:
    """Bring an aggregate up to date with one source document, exactly once per version (G4).

    A document that cannot be counted gets a dead letter, and counts as if it did not exist until it
    is fixed.

    Args:
        database: the database.
        aggregate: what counts it.
        path: the source document.
        change: the event, or None to count it again if the code has changed.
        policy: bounds of the retries.
        force: count it whatever the record says.
        was_read: called once each attempt has read, or failed to.

    Raises:
        RetriesExhausted: nothing was committed; the event has to be delivered again.
    """
    outcomes: dict[str, Outcome] = {}
    for attempt in policy.attempts_of(Subject(aggregate.name, path, "count")):
        with attempt:
            found = _found(database, aggregate, [path], was_read)
            outcomes = _count(database, found, {path: change}, attempt.number, force=force)
    return outcomes[path]


def contribute_together(
    database: Database,
    aggregate: AggregateSpec,
    paths: Sequence[str],
    change: Change | None,
    policy: RetryPolicy,
    *,
    force: bool = False,
) -> list[Outcome] | None:
    """Bring an aggregate up to date with several source documents, each once per version (G4).

    Args:
        database: the database.
        aggregate: what counts them.
        paths: the source documents.
        change: the event, or None to count them again if the code has changed.
        policy: bounds of the retries.
        force: count them whatever their records say.

    Returns:
        What became of each, or None if they have to be counted alone.
    """
    if len(paths) < 2:
        return None
    together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
    outcomes: dict[str, Outcome] = {}
    changes = dict.fromkeys(paths, change)
    try:
        for attempt in together.attempts_of(Subject(aggregate.name, step="count")):
            with attempt:
                found = find(database, aggregate, paths)
                outcomes = _count(database, found, changes, attempt.number, force=force)
    except (RetriesExhausted, PermanentError):
        return None
    return [outcomes[path] for path in paths]


def count_changes(
    database: Database,
    aggregate: AggregateSpec,
    changes: Mapping[str, Change],
    contexts: Mapping[str, Context],
    was_read: Callable[[], None],
) -> dict[str, Outcome]:
    """Count several documents, each for an event of its own, in one read and one commit.

    Args:
        database: the database.
        aggregate: what counts them.
        changes: the events by document.
        contexts: in which the model's code is called, by document.
        was_read: called when all is read, or could not be.

    Returns:
        What became of each, by document.

    Raises:
        TransientError: nothing was committed, as far as is known.
        PermanentError: one of the documents cannot be read or committed.
    """
    found = _found(database, aggregate, list(changes), was_read)
    return _count(database, found, changes, 1, contexts=contexts)


def _found(
    database: Database,
    aggregate: AggregateSpec,
    paths: Sequence[str],
    was_read: Callable[[], None] | None,
) -> Found:
    """What `find` reads; others wait until that is done, however it ends."""
    try:
        return find(database, aggregate, paths)
    finally:
        if was_read is not None:
            was_read()


def _count(
    database: Database,
    found: Found,
    changes: Mapping[str, Change | None],
    number: int,
    *,
    force: bool = False,
    contexts: Mapping[str, Context] | None = None,
) -> dict[str, Outcome]:
    """The protocol: count all documents that are not counted yet, in one commit."""
    aggregate = found.aggregate
    due: dict[str, Parts] = {}
    outcomes: dict[str, Outcome] = {}
    for path, change in changes.items():
        source, fields = found.source(path), found.record(path).fields or {}
        if is_behind(source, fields.get("version"), change):
            raise StaleSnapshot(f"{path} is older than the version already counted")
        is_replay = change is None and found.letter(path).exists  # the code may be corrected since
        covered = Outcome(aggregate.name, path, Result.COVERED, number)
        must_count = force or is_replay
        if is_counted(found, path, by_code=change is None) and not must_count:
            outcomes[path] = covered
            continue
        if contexts is None:
            parts = parts_of(aggregate, found.register, source)
        else:
            parts = contexts[path].run(parts_of, aggregate, found.register, source)
        # An event has to commit even so: a commit in flight of an older version must fail.
        if change is None and has_counted(found, path, parts) and not must_count:
            outcomes[path] = covered
        else:
            due[path] = parts
    if due:
        try:
            outcomes |= _commit(database, found, changes, due, number)
        except PermanentError as error:  # of the commit: a key of a client's may be refused
            if len(changes) > 1:
                raise
            failed = dict.fromkeys(due, Parts(error=error))
            outcomes |= _commit(database, found, changes, failed, number)
    return outcomes


def _commit(
    database: Database,
    found: Found,
    changes: Mapping[str, Change | None],
    parts: Mapping[str, Parts],
    number: int,
) -> dict[str, Outcome]:
    """Commit the new parts of sources; returns the outcome by source."""
    outcomes: dict[str, Outcome] = {}
    writes: list[Write] = []
    for path, part in parts.items():
        made, outcome = written(found, path, changes[path], part)
        writes += made
        outcomes[path] = outcome if number == 1 else replace(outcome, attempts=number)
    commit_counted(database, found, parts, writes if len(parts) == 1 else _added_up(writes))
    return outcomes


def find(database: Database, aggregate: AggregateSpec, paths: Sequence[str]) -> Found:
    """Read sources, their records and dead letters, and the register, which is created if missing.

    Raises:
        PermanentError: another document is in the register's place.
    """
    found = look(database, aggregate, paths)
    if found.register.update_time is not None:
        return found
    begin(database, aggregate)
    return find(database, aggregate, paths)


def look(database: Database, aggregate: AggregateSpec, paths: Sequence[str]) -> Found:
    """The same; if there is no register, the one that would be created."""
    wanted = [aggregate.register_path, *paths]
    wanted += [aggregate.contribution_path(path) for path in paths]
    wanted += [dead_letter_path(aggregate.name, path) for path in paths]
    documents, _ = database.get(wanted)
    register = Register.read(aggregate, documents[aggregate.register_path])
    return Found(aggregate, register or Register.first(aggregate), documents)


def begin(database: Database, aggregate: AggregateSpec) -> None:
    """Write the register and the pointer of an aggregate that has counted nothing yet.

    Raises:
        TransientError: the database could not be written.
    """
    register = Register.first(aggregate)
    try:
        database.commit(
            [
                Write(aggregate.register_path, register.to_fields(), "absent"),
                Write(aggregate.pointer_path, fields_of(register.shown)),
            ]
        )
    except Contention:
        return  # another event was faster


def commit_counted(
    database: Database, found: Found, counted: Iterable[str], writes: Sequence[Write]
) -> None:
    """Commit what sources contribute, if they are unchanged since they were read.

    If a record exists, its precondition ensures that. If there is none, the event of a deletion
    would find nothing to subtract and finish, and a generation that begins meanwhile would miss the
    document. So the source and the register are locked until the commit.

    Args:
        database: the database.
        found: what was read.
        counted: the sources.
        writes: of all of them.

    Raises:
        Contention: a source or the register has changed since it was read.
    """
    new = {
        path: found.source(path).update_time
        for path in counted
        if found.source(path).exists and not found.record(path).exists
    }
    if not new:
        database.commit(writes)
        return
    new[found.aggregate.register_path] = found.register.update_time
    with database.transaction() as transaction:
        lock(transaction, Gain(tuple(new), ()), new)
        transaction.commit(writes)


def _added_up(writes: Sequence[Write]) -> list[Write]:
    """The writes, with one write per shard that adds the sum for it.

    They are sorted, so that two commits that write the same shards take them in the same order.
    """
    sums: dict[str, Amounts] = {}
    others: list[Write] = []
    for write in writes:
        if write.increments is None:
            others.append(write)
            continue
        amounts = sums.setdefault(write.path, {})
        for names, amount in write.increments.items():
            amounts[names] = amounts.get(names, 0) + amount
    return [*others, *(Write(path, None, increments=sums[path]) for path in sorted(sums))]
