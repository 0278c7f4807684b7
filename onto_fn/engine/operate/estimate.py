"""Estimates of a backfill's reads and writes, from counts and a sample of builds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from onto_fn.engine.operate.scan import count_roots
from onto_fn.engine.targets.target import Target
from onto_fn.firestore import Database

SAMPLE = 20
COUNTED_FOR_A_READ = 1000


@dataclass(frozen=True)
class Estimate:
    """Approximate billed reads and writes of a backfill of one target.

    Attributes:
        target: its name.
        roots: how many roots there are.
        due: how many of them will be built.
        reads: billed document reads.
        writes: billed document writes, messages of sinks among them.
        sampled: number of builds that were averaged.
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
    due = max(0, roots - target.count_current(database)) if stale else roots
    looked_at = roots + math.ceil(roots / COUNTED_FOR_A_READ)  # the scan, the count
    if stale:
        looked_at += roots
    cost = target.cost(database, SAMPLE)
    return Estimate(
        target.name,
        roots,
        due,
        looked_at + round(due * cost.reads),
        round(due * cost.writes),
        cost.sampled,
    )
