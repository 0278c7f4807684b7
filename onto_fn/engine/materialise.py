"""One materialisation: read, build, commit, and again if somebody was faster."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime

from onto_fn.engine.affected import Affected
from onto_fn.engine.changes import Change
from onto_fn.engine.decisions import (
    Build,
    Gain,
    Plan,
    check_targets,
    covers,
    gained,
    is_behind,
    plan,
)
from onto_fn.engine.ledger import LedgerRecord, dead_letter_path, ledger_path
from onto_fn.engine.outbox import check_sendable
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.snapshots import LockedRead, Snapshot
from onto_fn.errors import Contention, PermanentError, StaleSnapshot
from onto_fn.firestore import Database
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.database import Transaction
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.values import check_size, encode_fields
from onto_fn.store import Reader, ReadSet, Store, load
from onto_fn.views import BuiltDocuments, Definition, Transition


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

    def attempt(number: int) -> Outcome:
        current = affected if number == 1 else _refresh(database, affected)
        return replace(_attempt(database, current, change), attempts=number)

    return policy.run(f"{affected.definition.name} of {affected.root}", attempt)


def _refresh(database: Database, affected: Affected) -> Affected:
    path = ledger_path(affected.definition.name, affected.root)
    documents, read_time = database.get([path])
    record = LedgerRecord.from_document(documents[path])
    return replace(affected, record=record, read_time=read_time)


def _attempt(database: Database, affected: Affected, change: Change | None) -> Outcome:
    definition, root, record = affected.definition, affected.root, affected.record
    if change is not None and covers(record, change):
        return Outcome(definition.name, root, Result.COVERED)
    with ExitStack() as stack:
        transaction: Transaction | None = None
        if definition.isolation == "serializable":
            transaction = stack.enter_context(database.transaction())
            reader: Reader = LockedRead(transaction)
        else:
            ahead = record.sources if record else ()
            reader = Snapshot(database, affected.read_time, ahead)
        build = _build(definition, root, record, reader, affected.read_time)
        if is_behind(build.read_set, record, change):
            raise StaleSnapshot(f"the snapshot of {affected.read_time} does not show the change")
        planned = plan(definition, record, build, root, change)
        if planned is None:
            return _unchanged(definition, root, build)
        gain = gained(build.read_set, record)
        if transaction is None and gain:
            transaction = stack.enter_context(database.transaction())
            _lock(transaction, gain, build.read_set)
        try:
            (transaction or database).commit(planned.writes)
        except PermanentError as error:
            if build.error is not None:
                raise
            return _commit_failure(database, affected, build, error, change)
    return _outcome(definition, root, planned, build)


def _commit_failure(
    database: Database,
    affected: Affected,
    build: Build,
    error: PermanentError,
    change: Change | None,
) -> Outcome:
    """Firestore refuses the documents for good: commit the dead letter instead.

    If it refuses the ledger record as well (a read set above 1 MiB), the dead letter is written
    alone. The build is then tried, and refused, again at each event.
    """
    definition, record, root = affected.definition, affected.record, affected.root
    failed = replace(build, documents=None, error=error)
    planned = plan(definition, record, failed, root, change)
    if planned is None:
        return _unchanged(definition, root, failed)
    try:
        with database.transaction() as transaction:
            gain = gained(build.read_set, record)
            if gain:
                _lock(transaction, gain, build.read_set)
            transaction.commit(planned.writes)
    except PermanentError:
        letter = dead_letter_path(definition.name, root)
        database.commit([write for write in planned.writes if write.path == letter])
    return _outcome(definition, root, planned, failed)


def _build(
    definition: Definition,
    root: str,
    record: LedgerRecord | None,
    reader: Reader,
    read_time: datetime,
) -> Build:
    read_set = ReadSet()
    exists = True
    try:
        store = load(definition.store, root, reader, read_set)
        exists = store is not None
        documents = _documents(definition, root, record, store)
        check_targets(definition, documents or {})
        for path, content in (documents or {}).items():
            _check_storable(path, content)
            check_sendable(definition, path, content)
    except PermanentError as error:
        return Build(read_set, read_time, None, exists, error)
    return Build(read_set, read_time, documents, exists)


def _documents(
    definition: Definition, root: str, record: LedgerRecord | None, store: Store | None
) -> BuiltDocuments | None:
    known = record is not None and record.built
    if store is None and definition.removed is None:
        return {}
    if store is None:  # the hook runs once a life of the root; after that, leave what it made
        return definition.removed(root) if definition.removed and known else None
    return definition.build(store, Transition.UPDATED if known else Transition.CREATED)


def _check_storable(path: str, content: Fields) -> None:
    """Refuse before the commit what Firestore would refuse at it."""
    digest(content)
    check_size(path, content)
    encode_fields(content, documents="", where=path)


def _lock(transaction: Transaction, gain: Gain, read_set: ReadSet) -> None:
    """Lock what is new to the read set, and make sure that the build has seen its latest version.

    A change to it then either came before (and is seen here), or comes after the commit (and its
    event finds the ledger record).
    """
    if gain.paths:
        now = {path: d.update_time for path, d in transaction.get(gain.paths).items()}
        _check_same({path: read_set.versions[path] for path in gain.paths}, now)
    for query, seen in gain.queries:
        _check_same(seen, {d.path: d.update_time for d in transaction.query(query)})


def _check_same(seen: Mapping[str, datetime | None], now: Mapping[str, datetime | None]) -> None:
    if dict(seen) != dict(now):
        changed = sorted(p for p in {*seen, *now} if seen.get(p) != now.get(p))
        raise Contention(f"changed since it was read: {', '.join(changed)}")


def _unchanged(definition: Definition, root: str, build: Build) -> Outcome:
    if build.error is not None:  # its dead letter is there already
        return Outcome(definition.name, root, Result.DEAD_LETTER, error=str(build.error))
    return Outcome(definition.name, root, Result.UNCHANGED)


def _outcome(definition: Definition, root: str, planned: Plan, build: Build) -> Outcome:
    return Outcome(
        definition.name,
        root,
        Result.COMMITTED if build.error is None else Result.DEAD_LETTER,
        written=planned.written,
        deleted=planned.deleted,
        error="" if build.error is None else str(build.error),
    )
