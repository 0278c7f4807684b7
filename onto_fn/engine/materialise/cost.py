"""Costs: estimate billed reads and writes by building some roots without committing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onto_fn.engine.materialise.build import build_all
from onto_fn.engine.materialise.lookup import Affected, find_these
from onto_fn.engine.materialise.plan import Build, gained
from onto_fn.errors import PermanentError
from onto_fn.firestore import Database
from onto_fn.views import Definition


def average_cost(
    database: Database, definition: Definition, roots: Sequence[str]
) -> tuple[float, float]:
    """Billed reads and writes of one root, on average; 0 of none.

    Raises:
        TransientError: a read failed.
    """
    if not roots:
        return 0.0, 0.0
    wanted = [Affected(definition, root, s) for root in roots for s in range(definition.shards)]
    try:
        due = find_these(database, wanted)
        built = build_all(database, due)
    except PermanentError:  # one of the sample is in the way: what is certain for each
        return 1.0 + definition.shards, 1.0 + definition.shards
    reads = writes = 0
    for item, made in zip(due, built, strict=True):
        gain = gained(made.read_set, item.record, definition.fingerprint)
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
