"""Many materialisations of one definition in one read and few commits.

Each is exactly once for itself, as alone: a commit has the precondition of every ledger record. If
one of them is in the way of the others (somebody else keeps committing it, Firestore refuses its
documents, its record is unreadable), it has to be done alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from onto_fn.engine import owned
from onto_fn.engine.affected import Affected, find_these
from onto_fn.engine.builds import build_loaded, load_root, lock
from onto_fn.engine.changes import Change
from onto_fn.engine.commits import MAX_LOCKED, Job, grouped, writes_of
from onto_fn.engine.decisions import Build, Gain, covers, is_behind, plan
from onto_fn.engine.leftovers import bounded
from onto_fn.engine.materialise import outcome
from onto_fn.engine.memory import recall
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.snapshots import Snapshot
from onto_fn.errors import PermanentError, RetriesExhausted, StaleSnapshot
from onto_fn.firestore import Database, Query
from onto_fn.observing import Subject, phase
from onto_fn.store.loading import answered_in_step

ATTEMPTS = 4

_Key = tuple[str, bool, int | None]  # root, whether it was built before, shard


def materialise_together(
    database: Database, wanted: Sequence[Affected], change: Change | None, policy: RetryPolicy
) -> tuple[list[Outcome], list[Affected]]:
    """Make the documents and ledger records of several materialisations equal to their sources.

    Args:
        database: the database.
        wanted: materialisations of one definition; their records are read anew.
        change: the event, or None to rebuild whatever the ledger says.
        policy: bounds of the retries.

    Returns:
        What became of those that are done, and those that have to be done alone. One of these may
        be committed already, by a commit whose answer was lost: it is then found to be covered.
    """
    if len(wanted) < 2 or wanted[0].definition.isolation == "serializable":
        return [], list(wanted)
    together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
    group = _Group(database, change, {(item.root, item.shard): item for item in wanted})
    with suppress(RetriesExhausted, PermanentError):
        name = wanted[0].definition.name
        subject = Subject(name, text=f"{name} of {len(wanted)} roots")
        together.run(subject, group.attempt)
    return group.outcomes, [*group.alone, *group.left.values()]


@dataclass
class _Group:
    """Materialisations, and how far they are.

    Attributes:
        left: those that are not done yet, by root and shard.
        alone: those that the others cannot wait for.
        outcomes: of those that are done.
    """

    database: Database
    change: Change | None
    left: dict[tuple[str, int], Affected]
    alone: list[Affected] = field(default_factory=list[Affected])
    outcomes: list[Outcome] = field(default_factory=list[Outcome])

    def attempt(self, number: int) -> None:
        """Do all that is left; what is committed stays so if this raises."""
        due: list[Affected] = []
        for item in find_these(self.database, list(self.left.values())):
            if item.unreadable is not None:
                self.alone.append(self.left.pop((item.root, item.shard)))
            elif self.change is not None and covers(item.record, self.change):
                name = item.definition.name
                self._done(item, Outcome(name, item.root, Result.COVERED, number))
            else:
                due.append(item)
        if not due:
            return
        built = build_all(self.database, due, self.change)
        made = {path for found in built for path in found.documents or ()}
        jobs: list[Job] = []
        for item, found in zip(due, built, strict=True):
            item, gone = bounded(self.database, item, found, made)
            planned = plan(
                item.definition, item.record, found, item.root, self.change, item.shard, kept=made
            )
            if planned is None:
                self._done(item, replace(outcome(item, None, found), attempts=number))
            else:
                jobs.append(Job(item, found, planned, gone))
        for commit in grouped(jobs):
            _commit(self.database, commit)
            for job in commit:
                its_outcome = outcome(job.item, job.plan, job.build, job.gone)
                self._done(job.item, replace(its_outcome, attempts=number))

    def _done(self, item: Affected, its_outcome: Outcome) -> None:
        self.outcomes.append(its_outcome)
        del self.left[(item.root, item.shard)]


def build_all(
    database: Database, due: Sequence[Affected], change: Change | None = None
) -> list[Build]:
    """A build of each, all from one snapshot; the shards of one root share theirs.

    They are read in step: one batched read for a level of all of them. What one remembers of its
    sources it does not read.

    Raises:
        StaleSnapshot: it is older than what is known of the sources.
        PermanentError: a batched read is refused.
    """
    read_time = due[0].read_time
    definition = due[0].definition
    memories = [recall(item, change) for item in due]
    read = [item for item, memory in zip(due, memories, strict=True) if not memory]
    ahead = {path for item in read if item.record for path in item.record.sources}
    reader = Snapshot(database, read_time, sorted(ahead | {item.root for item in read}))
    # What is built from one snapshot is the same for all shards; what each remembers may not be.
    keys = [
        (item.root, item.was_built, item.shard if memory else None)
        for item, memory in zip(due, memories, strict=True)
    ]
    shards: dict[_Key, set[int]] = {}
    for item, key in zip(due, keys, strict=True):
        shards.setdefault(key, set()).add(item.shard)
    asked = dict(zip(keys, memories, strict=True))
    with phase("read", definition.name):
        loaded = answered_in_step(
            [load_root(definition, key[0], memory) for key, memory in asked.items()], reader
        )
    by_key = {
        key: build_loaded(definition, key[0], shards[key], found, known=key[1], read_time=read_time)
        for key, found in zip(asked, loaded, strict=True)
    }
    built = [
        owned.seen(definition, item.record, by_key[key], reader)
        for item, key in zip(due, keys, strict=True)
    ]
    for item, found in zip(due, built, strict=True):
        if is_behind(found.read_set, item.record, change):
            raise StaleSnapshot(f"the snapshot of {read_time} does not show the change")
    return built


def _commit(database: Database, jobs: Sequence[Job]) -> None:
    paths: dict[str, datetime | None] = {}
    queries: list[tuple[Query, dict[str, datetime | None]]] = []
    for job in jobs:
        versions = job.build.read_set.versions
        paths |= {path: versions[path] for path in job.gain.paths}
        queries += [(q, dict(seen)) for q, seen in job.gain.queries if (q, seen) not in queries]
    gain = Gain(tuple(paths), tuple(queries))
    if not gain:
        database.commit(writes_of(jobs))
        return
    if len(paths) > MAX_LOCKED:
        raise PermanentError(f"one transaction would lock {len(paths)} documents")
    with database.transaction() as transaction:
        lock(transaction, gain, paths)
        transaction.commit(writes_of(jobs))
