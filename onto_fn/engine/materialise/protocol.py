"""Materialising: read, build, commit, and retry on contention.

`Group` implements the protocol once: what is not covered is built, planned and committed, exactly
once (G4): a commit has the precondition of every ledger record in it. `together` has the groups of
several. `Turns` spares the builds that would be lost to another thread of this process.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event, Lock, get_ident
from weakref import WeakKeyDictionary

from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.materialise import grouping, leftovers
from onto_fn.engine.materialise.build import build_all
from onto_fn.engine.materialise.grouping import Job
from onto_fn.engine.materialise.locking import Gain, lock
from onto_fn.engine.materialise.lookup import Affected, find_one
from onto_fn.engine.materialise.plan import Build, Plan, covers, gained, lists_nothing, plan
from onto_fn.engine.materialise.refusal import commit_failure, refuse_record
from onto_fn.engine.records.ledger import message_of
from onto_fn.errors import PermanentError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Query, Write
from onto_fn.firestore.transaction import Transaction

MOST_WAITS = 2
"""The first turn waited for may have begun before the change; the second has seen it."""
LONGEST_TURN = 2.0
"""Maximum seconds that a thread waits for the turn of another; 0 switches turns off."""


def materialise(
    database: Database,
    affected: Affected,
    change: Change | None,
    policy: RetryPolicy,
    tried: int = 0,
) -> Outcome:
    """Make one root's documents and ledger record equal to its sources, exactly once.

    Args:
        database: the database.
        affected: the definition, its root, and the ledger record as the look-up found it.
        change: the event, or None to rebuild regardless of the ledger.
        policy: bounds of the retries.
        tried: how many attempts were made before, together with others.

    Raises:
        RetriesExhausted: contention or a fault of the platform outlasted the policy. Nothing is
            lost: nothing was committed, and the event has to be delivered again.
    """
    group = Group(database, change)
    for attempt in policy.attempts_of(Subject(affected.definition.name, affected.root)):
        with attempt:
            number = tried + attempt.number
            current = affected if attempt.number == 1 else find_one(database, affected)
            due = group.due([current], number)
            # A build from memory has seen only its own event, and covers no other.
            waits = MOST_WAITS if affected.definition.consistency == "snapshot" else 0
            while due and waits:
                with TURNS.turn(database, affected.ledger_path) as is_mine:
                    if is_mine:
                        group.build_and_commit(due, number)
                        break
                waits -= 1
                due = group.due([find_one(database, affected)], number)
            else:
                if due:
                    group.build_and_commit(due, number)
    return group.outcomes[0]


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

    @contextmanager
    def free(self, database: Database, paths: Iterable[str]) -> Generator[set[str]]:
        """Take all turns that are free, and wait for none.

        Args:
            database: the database.
            paths: of ledger records.

        Yields:
            Those that the caller may build, for the time of the `with` block.
        """
        mine = _Turn()
        taken: list[str] = []
        allowed: set[str] = set()
        with self._lock:
            turns = self._turns.setdefault(database, {})
            for path in paths:
                current = turns.setdefault(path, mine)
                if current is mine:
                    taken.append(path)
                if current.thread == mine.thread or LONGEST_TURN <= 0:
                    allowed.add(path)
        try:
            yield allowed
        finally:
            with self._lock:
                for path in taken:
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
    """Materialisations, and their progress; as it is, of one.

    Attributes:
        outcomes: of those that are done.

    Args:
        database: the database.
        change: the event, or None to rebuild whatever the ledger says.
    """

    def __init__(self, database: Database, change: Change | None) -> None:
        self.outcomes: list[Outcome] = []
        self._database = database
        self._change = change

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
                due += self._salvaged(item, number)
            elif change is not None and covers(item.record, change):
                self._done(item, Outcome(item.definition.name, item.root, Result.COVERED), number)
            else:
                due.append(item)
        return due

    def build_and_commit(self, due: Sequence[Affected], number: int) -> None:
        """Build, plan and commit; commits that succeeded stay if this raises.

        Raises:
            TransientError: another process was faster, or the platform failed.
            PermanentError: it cannot be read.
        """
        if due[0].definition.isolation == "serializable":
            with self._database.transaction() as transaction:
                built = build_all(self._database, due, self._change, transaction)
                self._commit(self._planned(due, built, number), number, transaction)
        else:
            built = build_all(self._database, due, self._change)
            self._commit(self._planned(due, built, number), number)

    def _planned(
        self,
        due: Sequence[Affected],
        built: Sequence[Build],
        number: int,
        made: Mapping[str, Collection[str]] | None = None,
    ) -> list[Job]:
        """What has to be committed of what was built; the rest is done.

        Args:
            due: what was built.
            built: how it was built.
            number: of the attempt.
            made: the documents of all, by their owner; see `owner_of`.
        """
        jobs: list[Job] = []
        for item, found in zip(due, built, strict=True):
            kept = made[owner_of(item)] if made else ()
            gone: Sequence[str] = ()
            if item.record is not None and len(item.record.documents) > leftovers.MAX_DELETED:
                item, gone = leftovers.bounded(self._database, item, found, kept)
            planned = plan(
                item.definition, item.record, found, item.root, self._change, item.shard, kept=kept
            )
            if planned is None:
                self._done(item, outcome_of(item, found, None), number)
            else:
                idle = item.shard and lists_nothing(item.definition, item.record, item.shard)
                listed = None if idle else item.record
                gain = gained(found.read_set, listed, item.definition.fingerprint)
                jobs.append(Job(item, found, planned, gain, gone))
        return jobs

    def _commit(
        self, jobs: Sequence[Job], number: int, transaction: Transaction | None = None
    ) -> None:
        """Commit each job by itself; a refused commit gets a dead letter."""
        for job in jobs:
            planned: Plan | None = job.plan
            found = job.build
            try:
                commit(self._database, [job], transaction)
            except PermanentError as error:
                planned, found = commit_failure(self._database, job, self._change, error)
            self._done(job.item, outcome_of(job.item, found, planned, job.gone), number)

    def _salvaged(self, item: Affected, number: int) -> list[Affected]:
        """What to build in the place of an item whose record cannot be read."""
        if self._change is None:
            return [item.salvaged()]
        self._done(item, refuse_record(self._database, item, self._change), number)
        return []

    def _done(self, item: Affected, outcome: Outcome, number: int) -> None:
        self.outcomes.append(outcome if number == 1 else replace(outcome, attempts=number))


def owner_of(item: Affected) -> str:
    """Who owns its documents: nobody else, or the definition, which owns some of their fields."""
    return item.definition.name if item.definition.owns else ""


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
    """The writes of a commit: one for each document, or for the fields that each owns in it."""
    if len(jobs) == 1:
        return jobs[0].plan.writes
    writes = (write for job in jobs for write in job.plan.writes)
    return list({(write.path, write.mask): write for write in writes}.values())


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
