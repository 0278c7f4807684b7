"""Many source documents of one aggregate, counted in one read and one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onto_fn.engine.aggregation import (
    commit_counted,
    find,
    is_counted,
    parts_of,
    written,
)
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.together import ATTEMPTS
from onto_fn.errors import PermanentError, RetriesExhausted
from onto_fn.firestore import Database, Write
from onto_fn.observing import Subject
from onto_fn.store import AggregateSpec
from onto_fn.store.measures import Amounts


def contribute_together(
    database: Database,
    aggregate: AggregateSpec,
    paths: Sequence[str],
    policy: RetryPolicy,
    *,
    afresh: bool = False,
) -> list[Outcome] | None:
    """Bring an aggregate up to date with several source documents, each once a version (G4).

    Args:
        database: the database.
        aggregate: what counts them.
        paths: the source documents.
        policy: bounds of the retries.
        afresh: count them whatever their records say.

    Returns:
        What became of each, or None if they have to be counted alone.
    """
    if len(paths) < 2:
        return None
    together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
    try:
        return together.run(
            Subject(aggregate.name, text=f"{aggregate.name} of {len(paths)} documents"),
            lambda number: _attempt(database, aggregate, paths, number, afresh=afresh),
        )
    except (RetriesExhausted, PermanentError):
        return None


def _attempt(
    database: Database,
    aggregate: AggregateSpec,
    paths: Sequence[str],
    number: int,
    *,
    afresh: bool,
) -> list[Outcome]:
    found = find(database, aggregate, paths)
    outcomes: list[Outcome] = []
    writes: list[Write] = []
    counted: list[str] = []
    for path in paths:
        is_done = is_counted(found, path, by_code=True) and not found.letter(path).exists
        if is_done and not afresh:
            outcomes.append(Outcome(aggregate.name, path, Result.COVERED, number))
            continue
        counted.append(path)
        parts = parts_of(aggregate, found.register, found.source(path))
        made, outcome = written(found, path, None, parts)
        writes += made
        outcomes.append(replace(outcome, attempts=number))
    if writes:
        commit_counted(database, found, counted, _added_up(writes))
    return outcomes


def _added_up(writes: Sequence[Write]) -> list[Write]:
    """The writes with one for each shard: what all add to it."""
    sums: dict[str, Amounts] = {}
    others: list[Write] = []
    for write in writes:
        if write.increments is None:
            others.append(write)
            continue
        amounts = sums.setdefault(write.path, {})
        for names, amount in write.increments.items():
            amounts[names] = amounts.get(names, 0) + amount
    return [*others, *(Write(path, None, increments=amounts) for path, amounts in sums.items())]
