"""Materialising: read, build, commit, and retry on contention; one root, or many.

`Group` implements the protocol once: what is not covered is built, planned and committed, exactly
once (G4). A single root is a group of one. Exactly-once holds for each materialisation: a commit
has the precondition of every ledger record. `Turns` spares the builds that would be lost to another
thread of this process.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event, Lock, get_ident
from weakref import WeakKeyDictionary

from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.materialise import grouping, leftovers
from onto_fn.engine.materialise.build import LockedRead, TooManyLocked, build_all
from onto_fn.engine.materialise.first_builds import MAX_LOCKED, WIDTHS, are_locked
from onto_fn.engine.materialise.grouping import Job, grouped
from onto_fn.engine.materialise.locking import Gain, lock
from onto_fn.engine.materialise.lookup import Affected, find_one, find_these
from onto_fn.engine.materialise.plan import Build, Plan, covers, gained, plan
from onto_fn.engine.materialise.refusal import commit_failure, refuse_record
from onto_fn.engine.records.ledger import message_of
from onto_fn.errors import PermanentError, RetriesExhausted
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Query, Write
from onto_fn.firestore.transaction import Transaction

ATTEMPTS = 4
"""Attempts for several together, before the rest are done one by one."""
MOST_WAITS = 2
"""The first turn waited for may have begun before the change; the second has seen it."""
LONGEST_TURN = 2.0
"""Maximum seconds that a thread waits for the turn of another; 0 switches turns off."""


def materialise(
    database: Database, affected: Affected, change: Change | None, policy: RetryPolicy
) -> Outcome:
    """Make one root's documents and ledger record equal to its sources, exactly once.

    Args:
        database: the database.
        affected: the definition, its root, and the ledger record as the look-up found it.
        change: the event, or None to rebuild regardless of the ledger.
        policy: bounds of the retries.

    Raises:
        RetriesExhausted: contention or a fault of the platform outlasted the policy. Nothing is
            lost: nothing was committed, and the event has to be delivered again.
    """
    group = Group(database, [affected], change)
    for attempt in policy.attempts_of(Subject(affected.definition.name, affected.root)):
        with attempt:
            current = affected if attempt.number == 1 else find_one(database, affected)
            due = group.due([current], attempt.number)
            # A build from memory has seen only its own event, and covers no other.
            waits = MOST_WAITS if affected.definition.consistency == "snapshot" else 0
            while due and waits:
                with TURNS.turn(database, affected.ledger_path) as is_mine:
                    if is_mine:
                        group.build_and_commit(due, attempt.number)
                        break
                waits -= 1
                due = group.due([find_one(database, affected)], attempt.number)
            else:
                if due:
                    group.build_and_commit(due, attempt.number)
    return group.outcomes[0]


def materialise_together(
    database: Database, wanted: Sequence[Affected], change: Change | None, policy: RetryPolicy
) -> tuple[list[Outcome], list[Affected]]:
    """Make the documents and ledger records of several materialisations equal to their sources.

    Args:
        database: the database.
        wanted: materialisations of one definition; their records are read again.
        change: the event, or None to rebuild whatever the ledger says.
        policy: bounds of the retries.

    Returns:
        The outcomes of those that are done, and the items that must be done alone. One of these may
            already be committed, if the answer of the commit was lost: it is then found to be
            covered.
    """
    if len(wanted) < 2 or wanted[0].definition.isolation == "serializable":
        return [], list(wanted)
    group = Group(database, wanted, change)
    together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
    with suppress(RetriesExhausted, PermanentError):
        for attempt in together.attempts_of(Subject(wanted[0].definition.name)):
            with attempt:
                found = find_these(database, list(group.left.values()))
                due = group.due(found, attempt.number)
                if due:
                    group.build_and_commit(due, attempt.number)
    return group.outcomes, [*group.alone, *group.left.values()]


@dataclass(slots=True)
class _Turn:
    thread: int = field(default_factory=get_ident)
    ended: Event | None = None  # if somebody waits
    waiting: int = 0


class Turns:
    """Which thread of this process is building which ledger record.

    When many events of one view arrive at once, one commit covers nearly all of them, and all other
    builds are wasted. So while one thread builds a record, the others wait, and then check whether
    it covers them. This saves work but guarantees nothing: other processes do not wait, so the
    precondition on the ledger record decides as always.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._turns: WeakKeyDictionary[Database, dict[str, _Turn]] = WeakKeyDictionary()

    @contextmanager
    def turn(self, database: Database, path: str) -> Generator[bool]:
        """Take the turn, or wait until the current turn ends.

        Args:
            database: the database.
            path: of the ledger record.

        Yields:
            True if the caller has the turn, for the time of the `with` block, or if another turn
                takes too long; False if another turn has ended, and the ledger should be read
                again.
        """
        mine = _Turn()
        with self._lock:
            turns = self._turns.setdefault(database, {})
            current = turns.setdefault(path, mine)
            if current is not mine:
                current.waiting += 1
                current.ended = current.ended or Event()
        if current.ended is not None and current is not mine:
            # A turn within a turn of the same thread would wait for itself.
            yield current.thread == mine.thread or not current.ended.wait(LONGEST_TURN)
            return
        try:
            yield True
        finally:
            with self._lock:
                del turns[path]
            if mine.ended is not None:
                mine.ended.set()

    def waiting(self, database: Database, path: str) -> int:
        """Number of threads waiting for the current turn."""
        with self._lock:
            turn = self._turns.get(database, {}).get(path)
            return turn.waiting if turn is not None else 0


TURNS = Turns()
"""Those of this process."""


class Group:
    """Materialisations of one definition, and their progress.

    In a group of one, a refused commit gets a dead letter. In a larger group, an item that blocks
    the others must be done alone: an unreadable record, or a refused commit.

    Attributes:
        left: those that are not done yet, by root and shard.
        alone: those that must be done alone.
        outcomes: of those that are done.

    Args:
        database: the database.
        items: the materialisations.
        change: the event, or None to rebuild whatever the ledger says.
    """

    def __init__(
        self, database: Database, items: Sequence[Affected], change: Change | None
    ) -> None:
        self.left = {(item.root, item.shard): item for item in items}
        self.alone: list[Affected] = []
        self.outcomes: list[Outcome] = []
        self._database = database
        self._change = change
        self._is_one = len(items) == 1

    def due(self, found: Sequence[Affected], number: int) -> list[Affected]:
        """The items that must be built; covered ones are done.

        Args:
            found: what is left, as the ledger has it now.
            number: of the attempt.
        """
        change = self._change
        due: list[Affected] = []
        for item in found:
            if item.unreadable is not None:
                if not self._is_one:
                    self.alone.append(self.left.pop((item.root, item.shard)))
                elif change is None:
                    due.append(item.salvaged())
                else:
                    self._done(item, refuse_record(self._database, item, change), number)
            elif change is not None and covers(item.record, change):
                self._done(item, Outcome(item.definition.name, item.root, Result.COVERED), number)
            else:
                due.append(item)
        return due

    def build_and_commit(self, due: Sequence[Affected], number: int) -> None:
        """Build, plan and commit; commits that succeeded stay if this raises.

        Raises:
            TransientError: another process was faster, or the platform failed.
            PermanentError: one of several cannot be read or committed.
        """
        if due[0].definition.isolation == "serializable":
            with self._database.transaction() as transaction:
                self._build_and_commit(due, number, transaction)
            return
        if self._change is None and not self._is_one and are_locked(self._database, due):
            name, roots = due[0].definition.name, len(due)
            with suppress(TooManyLocked), self._database.transaction() as transaction:
                reader = LockedRead(transaction, most=MAX_LOCKED)
                try:
                    self._build_and_commit(due, number, transaction, reader)
                finally:
                    WIDTHS.saw(self._database, name, reader.locked, roots)
                return
        self._build_and_commit(due, number, None)

    def _build_and_commit(
        self,
        due: Sequence[Affected],
        number: int,
        transaction: Transaction | None,
        reader: LockedRead | None = None,
    ) -> None:
        """The same, with reads locked in a transaction, or from a snapshot."""
        database, change = self._database, self._change
        built = build_all(database, due, change, transaction, reader)
        made = () if self._is_one else {p for found in built for p in found.documents or ()}
        jobs: list[Job] = []
        for item, found in zip(due, built, strict=True):
            gone: Sequence[str] = ()
            if item.record is not None and len(item.record.documents) > leftovers.MAX_DELETED:
                item, gone = leftovers.bounded(database, item, found, made)
            planned = plan(
                item.definition, item.record, found, item.root, change, item.shard, kept=made
            )
            if planned is None:
                self._done(item, outcome_of(item, found, None), number)
            else:
                gain = gained(found.read_set, item.record)
                jobs.append(Job(item, found, planned, gain, gone))
        for together in [jobs] if len(jobs) == 1 else grouped(jobs):
            try:
                commit(database, together, transaction)
                transaction = None  # it has ended; what does not fit into it locks what is new
            except PermanentError as error:
                if not self._is_one:
                    raise
                [job] = together
                planned, failed = commit_failure(database, job, change, error)
                self._done(job.item, outcome_of(job.item, failed, planned), number)
            else:
                for job in together:
                    its_outcome = outcome_of(job.item, job.build, job.plan, job.gone)
                    self._done(job.item, its_outcome, number)

    def _done(self, item: Affected, outcome: Outcome, number: int) -> None:
        self.outcomes.append(outcome if number == 1 else replace(outcome, attempts=number))
        del self.left[(item.root, item.shard)]


def commit(database: Database, jobs: Sequence[Job], transaction: Transaction | None = None) -> None:
    """Commit jobs together; their gains are locked until the commit.

    Args:
        database: the database.
        jobs: at least one.
        transaction: in which all that was read is locked already.

    Raises:
        Contention: a ledger record, or something that is new to one of them, has changed.
        PermanentError: Firestore refuses the commit, or it would lock too much.
    """
    writes = _writes(jobs)
    if transaction is not None:
        transaction.commit(writes)
        return
    gain, versions = _gain(jobs)
    if not gain.paths and not gain.queries:
        database.commit(writes)
        return
    if len(jobs) > 1 and len(gain.paths) > grouping.MAX_LOCKED:
        raise PermanentError(f"one transaction would lock {len(gain.paths)} documents")
    with database.transaction() as transaction:
        lock(transaction, gain, versions)
        transaction.commit(writes)


def _gain(jobs: Sequence[Job]) -> tuple[Gain, dict[str, datetime | None]]:
    """The gain of all jobs, and the versions that they read."""
    paths: dict[str, datetime | None] = {}
    queries: list[tuple[Query, dict[str, datetime | None]]] = []
    for job in jobs:
        if job.gain.paths or job.gain.queries:
            versions = job.build.read_set.versions
            paths |= {path: versions[path] for path in job.gain.paths}
            queries += [(q, dict(seen)) for q, seen in job.gain.queries if (q, seen) not in queries]
    return Gain(tuple(paths), tuple(queries)), paths


def _writes(jobs: Sequence[Job]) -> Sequence[Write]:
    """The writes of a commit, one for each document."""
    if len(jobs) == 1:
        return jobs[0].plan.writes
    return list({write.path: write for job in jobs for write in job.plan.writes}.values())


def outcome_of(
    item: Affected, found: Build, planned: Plan | None, gone: Sequence[str] = ()
) -> Outcome:
    """The outcome of one materialisation; without a plan nothing was committed.

    Args:
        item: which it is.
        found: what was built.
        planned: what was committed.
        gone: documents that were deleted before.
    """
    error = "" if found.error is None else message_of(found.error)
    name, root = item.definition.name, item.root
    skipped = tuple(sorted(found.read_set.skipped))
    if planned is None:  # of a build that failed, the dead letter is there already
        result = Result.DEAD_LETTER if error else Result.UNCHANGED
        return Outcome(name, root, result, error=error, skipped=skipped)
    return Outcome(
        name,
        root,
        Result.DEAD_LETTER if error else Result.COMMITTED,
        written=planned.written,
        deleted=tuple(sorted({*gone, *planned.deleted})),
        error=error,
        skipped=skipped,
    )
