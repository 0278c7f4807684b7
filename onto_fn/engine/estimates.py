"""Estimates: what a backfill will read and write, from counts and a sample of builds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from onto_fn.engine.affected import Affected, find_these
from onto_fn.engine.decisions import Build, gained
from onto_fn.engine.scanning import Target, count_roots, records_of, root_query
from onto_fn.engine.switching import is_shown
from onto_fn.engine.together import build_all
from onto_fn.errors import PermanentError
from onto_fn.firestore import Database
from onto_fn.store import AggregateSpec
from onto_fn.views import Definition

SAMPLE = 20
COUNTED_FOR_A_READ = 1000


@dataclass(frozen=True)
class Estimate:
    """What a backfill of one target will be billed, about.

    Attributes:
        target: its name.
        roots: how many roots there are.
        due: how many of them will be built.
        reads: billed document reads.
        writes: billed document writes, messages of sinks among them.
        sampled: of how many builds the averages are.
    """

    target: str
    roots: int
    due: int
    reads: int
    writes: int
    sampled: int


def estimate(database: Database, target: Target, *, stale: bool = False) -> Estimate:
    """Estimate what a backfill will cost: roots are counted, and a few are built, not committed.

    Args:
        database: the database.
        target: what would be built.
        stale: whether only what is missing or stale would be.

    Raises:
        TransientError: the database could not be read.
    """
    roots = count_roots(database, target)
    due = roots
    if stale and isinstance(target, Definition) and target.mode == "materialise":
        current = database.count(records_of(target, target.fingerprint)) // target.shards
        due = max(0, roots - current)
    looked_at = roots + math.ceil(roots / COUNTED_FOR_A_READ)  # the scan, the count
    if stale:
        looked_at += roots
    if isinstance(target, AggregateSpec):  # source, record, letter, and the source once more
        reads, writes = looked_at + 4 * due, 2 * due
        if not is_shown(database, target):  # then the earlier definition leaves every record
            reads, writes = reads + 5 * due, writes + 3 * due
        return Estimate(target.name, roots, due, reads, writes, 0)
    found, _ = database.query(replace(root_query(target), limit=SAMPLE))
    reads, writes = _averages(database, target, [document.path for document in found])
    return Estimate(
        target.name,
        roots,
        due,
        looked_at + round(due * reads),
        round(due * writes),
        len(found),
    )


def _averages(
    database: Database, definition: Definition, roots: Sequence[str]
) -> tuple[float, float]:
    """Billed reads and writes of one root, on average; those of its root alone without any."""
    if not roots:
        return 0.0, 0.0
    if definition.mode != "materialise":
        return 2.0, 1.0
    wanted = [Affected(definition, root, s) for root in roots for s in range(definition.shards)]
    try:
        due = find_these(database, wanted)
        built = build_all(database, due)
    except PermanentError:  # one of the sample is in the way: what is certain for each
        return 1.0 + definition.shards, 1.0 + definition.shards
    reads = writes = 0
    for item, made in zip(due, built, strict=True):
        gain = gained(made.read_set, item.record)
        reads += 1 + len(gain.paths) + sum(max(1, len(seen)) for _, seen in gain.queries)
        if item.shard == 0:
            reads += len(made.read_set.sources)
            reads += sum(max(1, len(seen)) for _, seen in made.read_set.queries)
        documents = _documents(item, made)
        writes += 1 + documents * (1 + len(definition.sends))
    return reads / len(roots), writes / len(roots)


def _documents(item: Affected, made: Build) -> int:
    """How many documents the commit of a root, or of one of its shards, writes."""
    contents = [p for p in made.documents or {} if item.definition.shard_of(p) == item.shard]
    if made.error is not None:
        return 1  # the dead letter
    listed: Mapping[str, str] = item.record.documents if item.record else {}
    return sum(listed.get(path) != made.digests[path] for path in contents)
