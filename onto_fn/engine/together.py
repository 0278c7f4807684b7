"""Many materialisations of one definition in one read and one commit.

Each is exactly once for itself, as alone: the commit has the precondition of every ledger record.
If one of them is in the way of the others (somebody else keeps committing it, or Firestore refuses
its documents), each is done alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from onto_fn.engine.affected import Affected, find_these
from onto_fn.engine.builds import build_loaded, load_root, lock
from onto_fn.engine.changes import Change
from onto_fn.engine.decisions import Build, Gain, Plan, covers, gained, is_behind, plan
from onto_fn.engine.materialise import outcome
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.snapshots import Snapshot
from onto_fn.errors import PermanentError, RetriesExhausted, StaleSnapshot
from onto_fn.firestore import Database, Query
from onto_fn.observing import phase
from onto_fn.store.loading import answered_in_step

ATTEMPTS = 4
MAX_LOCKED = 1000  # documents in one transaction


def materialise_together(
    database: Database, wanted: Sequence[Affected], change: Change | None, policy: RetryPolicy
) -> list[Outcome] | None:
    """Make the documents and ledger records of several materialisations equal to their sources.

    Args:
        database: the database.
        wanted: materialisations of one definition; their records are read anew.
        change: the event, or None to rebuild whatever the ledger says.
        policy: bounds of the retries.

    Returns:
        What became of each, or None if they have to be done alone: a commit whose answer was lost
        is then found to cover them.
    """
    if len(wanted) < 2 or wanted[0].definition.isolation == "serializable":
        return None
    together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
    try:
        return together.run(
            f"{wanted[0].definition.name} of {len(wanted)} roots",
            lambda number: _attempt(database, wanted, change, number),
        )
    except (RetriesExhausted, PermanentError):
        return None


def _attempt(
    database: Database, wanted: Sequence[Affected], change: Change | None, number: int
) -> list[Outcome]:
    found = find_these(database, wanted)
    is_covered = [change is not None and covers(item.record, change) for item in found]
    outcomes = [
        Outcome(item.definition.name, item.root, Result.COVERED, number)
        for item, covered in zip(found, is_covered, strict=True)
        if covered
    ]
    due = [item for item, covered in zip(found, is_covered, strict=True) if not covered]
    if not due:
        return outcomes
    built = build_all(database, due, change)
    planned = [
        plan(i.definition, i.record, b, i.root, change, i.shard)
        for i, b in zip(due, built, strict=True)
    ]
    _commit(database, due, built, planned)
    outcomes += [
        replace(outcome(i, p, b), attempts=number)
        for i, p, b in zip(due, planned, built, strict=True)
    ]
    return outcomes


def build_all(
    database: Database, due: Sequence[Affected], change: Change | None = None
) -> list[Build]:
    """A build of each, all from one snapshot; the shards of one root share theirs.

    They are read in step: one batched read for a level of all of them.

    Raises:
        StaleSnapshot: it is older than what is known of the sources.
        PermanentError: a batched read is refused.
    """
    read_time = due[0].read_time
    ahead = {path for item in due if item.record for path in item.record.sources}
    reader = Snapshot(database, read_time, sorted(ahead | {item.root for item in due}))
    shards: dict[str, set[int]] = {}
    for item in due:
        shards.setdefault(item.root, set()).add(item.shard)
    keys = list(dict.fromkeys((item.root, item.was_built) for item in due))
    definition = due[0].definition
    with phase("read", definition.name):
        loaded = answered_in_step([load_root(definition, root) for root, _ in keys], reader)
    made = [
        build_loaded(definition, root, shards[root], found, known=known, read_time=read_time)
        for (root, known), found in zip(keys, loaded, strict=True)
    ]
    by_key = dict(zip(keys, made, strict=True))
    built = [by_key[(item.root, item.was_built)] for item in due]
    for item, found in zip(due, built, strict=True):
        if is_behind(found.read_set, item.record, change):
            raise StaleSnapshot(f"the snapshot of {read_time} does not show the change")
    return built


def _commit(
    database: Database, due: list[Affected], built: list[Build], planned: list[Plan | None]
) -> None:
    writes = {write.path: write for p in planned if p is not None for write in p.writes}
    if not writes:
        return
    paths: dict[str, datetime | None] = {}
    queries: list[tuple[Query, dict[str, datetime | None]]] = []
    for item, found, its_plan in zip(due, built, planned, strict=True):
        if its_plan is None:
            continue
        gain = gained(found.read_set, item.record)
        versions = found.read_set.versions
        paths |= {path: versions[path] for path in gain.paths}
        queries += [(q, dict(seen)) for q, seen in gain.queries if (q, seen) not in queries]
    gain = Gain(tuple(paths), tuple(queries))
    if not gain:
        database.commit(list(writes.values()))
        return
    if len(paths) > MAX_LOCKED:
        raise PermanentError(f"one transaction would lock {len(paths)} documents")
    with database.transaction() as transaction:
        lock(transaction, gain, paths)
        transaction.commit(list(writes.values()))
