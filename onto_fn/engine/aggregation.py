"""Aggregates: each source document adds what it contributes, once a version.

An event costs one read (the source, its contribution record, its dead letter) and one commit (the
record and the shards it adds to), however many documents the aggregate has. The record's update
time is the precondition, and the shards are written by increments, which need no read. The first
event of a document reads it once more, in the transaction of the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from onto_fn.engine.builds import lock
from onto_fn.engine.changes import Change
from onto_fn.engine.decisions import Gain
from onto_fn.engine.ledger import Failure, dead_letter_path
from onto_fn.engine.letters import letter_fields
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.errors import PermanentError, StaleSnapshot
from onto_fn.firestore import Database, Document, Write
from onto_fn.firestore.documents import Value
from onto_fn.observing import Subject
from onto_fn.store.aggregates import CHANGES, AggregateSpec, Amounts, decoded, encoded


@dataclass(frozen=True)
class Contribution:
    """What one version of a source document adds to its groups."""

    groups: frozenset[str]
    amounts: Amounts
    extremes: Mapping[str, int | float]
    shard: int = 0


NOTHING = Contribution(frozenset(), {}, {})


def contribute(
    database: Database,
    aggregate: AggregateSpec,
    path: str,
    change: Change | None,
    policy: RetryPolicy,
) -> Outcome:
    """Bring an aggregate up to date with one source document, exactly once a version (G4).

    A document that cannot be counted has its dead letter, and counts as if it did not exist until
    it is mended.

    Raises:
        RetriesExhausted: nothing was committed; the event has to be delivered again.
    """

    def attempt(number: int) -> Outcome:
        return replace(_attempt(database, aggregate, path, change), attempts=number)

    return policy.run(Subject(aggregate.name, path), attempt)


def _attempt(
    database: Database, aggregate: AggregateSpec, path: str, change: Change | None
) -> Outcome:
    record_path = aggregate.contribution_path(path)
    letter_path = dead_letter_path(aggregate.name, path)
    documents, _ = database.get([path, record_path, letter_path])
    source, record, letter = documents[path], documents[record_path], documents[letter_path]
    if _is_behind(source, (record.fields or {}).get("version"), change):
        raise StaleSnapshot(f"{path} is not as new as what is known of it")
    is_replay = change is None and letter.exists  # the code may have been mended since
    if is_counted(aggregate, source, record) and not is_replay:
        return Outcome(aggregate.name, path, Result.COVERED)
    try:
        writes = writes_of(aggregate, source, record, contribution_of(aggregate, source))
        if letter.exists:
            writes.append(Write(letter_path, None))
        commit_counted(database, [(source, record)], writes)
    except PermanentError as error:  # also of the commit: a key of a client's may be reserved
        writes, outcome = refusal(aggregate, source, record, change, error)
        commit_counted(database, [(source, record)], writes)
        return outcome
    written = tuple(w.path for w in writes if w.increments is not None)
    return Outcome(aggregate.name, path, Result.COMMITTED, written=written)


def is_counted(aggregate: AggregateSpec, source: Document, record: Document) -> bool:
    """Whether a source is counted as it is, by the definition as it is."""
    fields = record.fields or {}
    is_current = fields.get("definition", "") in {"", aggregate.fingerprint}
    return is_current and fields.get("version") == source.update_time


def refusal(
    aggregate: AggregateSpec,
    source: Document,
    record: Document,
    change: Change | None,
    error: PermanentError,
) -> tuple[list[Write], Outcome]:
    """The writes for a source that cannot be counted: it counts as nothing, and has its letter."""
    failure = Failure.of(error, datetime.now(UTC))
    fields = letter_fields(
        aggregate.name, source.path, change, failure, aggregate.fingerprint, failure.since
    )
    letter = Write(dead_letter_path(aggregate.name, source.path), fields)
    return (
        [*writes_of(aggregate, source, record, NOTHING), letter],
        Outcome(aggregate.name, source.path, Result.DEAD_LETTER, error=failure.message),
    )


def commit_counted(
    database: Database, counted: Iterable[tuple[Document, Document]], writes: Sequence[Write]
) -> None:
    """Commit what sources add, which are as they were read.

    Where there is a record, its precondition sees to that. Where there is none, the event of a
    deletion finds nothing to take out, and is done: so the source is locked until the commit.

    Args:
        database: the database.
        counted: each source, and its record.
        writes: of all of them.

    Raises:
        Contention: a source has changed since it was read.
    """
    new = {
        source.path: source.update_time
        for source, record in counted
        if source.exists and not record.exists
    }
    if not new:
        database.commit(writes)
        return
    with database.transaction() as transaction:
        lock(transaction, Gain(tuple(new), ()), new)
        transaction.commit(writes)


def _is_behind(source: Document, recorded: datetime | None, change: Change | None) -> bool:
    seen = source.update_time
    if seen is None:
        return False
    if recorded is not None and seen < recorded:
        return True
    return change is not None and change.after_time is not None and seen < change.after_time


def contribution_of(aggregate: AggregateSpec, source: Document) -> Contribution:
    """What a source document adds as it is.

    Raises:
        InvalidDocument: it cannot be counted.
    """
    groups = aggregate.groups_of(source)
    if not groups:
        return NOTHING
    return Contribution(
        frozenset(groups),
        aggregate.amounts(source),
        aggregate.extremes(source),
        aggregate.shard(source.path),
    )


def _recorded(record: Document) -> Contribution:
    """What is counted now, by whichever definition: it is taken out of that one's groups."""
    if record.fields is None:
        return NOTHING
    fields = record.fields
    return Contribution(
        frozenset(fields["groups"]), decoded(fields["amounts"]), fields["extremes"], fields["shard"]
    )


def writes_of(
    aggregate: AggregateSpec, source: Document, record: Document, new: Contribution
) -> list[Write]:
    """The writes that make a contribution the one that counts, and is recorded."""
    return [
        *_increments(aggregate, _recorded(record), new),
        _record_write(aggregate, source, record, new),
    ]


def _increments(aggregate: AggregateSpec, old: Contribution, new: Contribution) -> list[Write]:
    """What to add to which shard.

    A shard is touched also where only an extreme changes, as its change is what rebuilds a view.
    """
    writes: list[Write] = []
    for group in sorted(old.groups | new.groups):
        before = old.amounts if group in old.groups else {}
        after = new.amounts if group in new.groups else {}
        delta: Amounts = {
            names: difference
            for names in sorted({*before, *after})
            if (difference := after.get(names, 0) - before.get(names, 0))
        }
        moved = (old.extremes if group in old.groups else {}) != (
            new.extremes if group in new.groups else {}
        )
        if delta or moved:
            delta[(CHANGES,)] = 1
            shard = new.shard if group in new.groups else old.shard
            writes.append(Write(aggregate.shard_path(group, shard), None, increments=delta))
    return writes


def _record_write(
    aggregate: AggregateSpec, source: Document, record: Document, new: Contribution
) -> Write:
    precondition = record.update_time or "absent"
    if source.update_time is None:
        return Write(record.path, None, precondition)
    fields: dict[str, Value] = {
        "aggregate": aggregate.name,
        "definition": aggregate.fingerprint,
        "source": source.path,
        "version": source.update_time,
        "groups": sorted(new.groups),
        "shard": new.shard,
        "amounts": encoded(new.amounts),
        "extremes": dict(new.extremes),
    }
    return Write(record.path, fields, precondition)
