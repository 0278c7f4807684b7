"""Many source documents of one aggregate, counted in one read and one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from onto_fn.engine.aggregation import (
    commit_counted,
    contribution_of,
    is_counted,
    refusal,
    writes_of,
)
from onto_fn.engine.ledger import dead_letter_path
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.together import ATTEMPTS
from onto_fn.errors import PermanentError, RetriesExhausted
from onto_fn.firestore import Database, Document, Write
from onto_fn.observing import Subject
from onto_fn.store.aggregates import AggregateSpec, Amounts


def contribute_together(
    database: Database, aggregate: AggregateSpec, paths: Sequence[str], policy: RetryPolicy
) -> list[Outcome] | None:
    """Bring an aggregate up to date with several source documents, each once a version (G4).

    Args:
        database: the database.
        aggregate: what counts them.
        paths: the source documents.
        policy: bounds of the retries.

    Returns:
        What became of each, or None if they have to be counted alone.
    """
    if len(paths) < 2:
        return None
    together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
    try:
        return together.run(
            Subject(aggregate.name, text=f"{aggregate.name} of {len(paths)} documents"),
            lambda number: _attempt(database, aggregate, paths, number),
        )
    except (RetriesExhausted, PermanentError):
        return None


def _attempt(
    database: Database, aggregate: AggregateSpec, paths: Sequence[str], number: int
) -> list[Outcome]:
    records = {path: aggregate.contribution_path(path) for path in paths}
    letters = {path: dead_letter_path(aggregate.name, path) for path in paths}
    documents, _ = database.get([*paths, *records.values(), *letters.values()])
    outcomes: list[Outcome] = []
    writes: list[Write] = []
    counted: list[tuple[Document, Document]] = []
    for path in paths:
        source, record, letter = documents[path], documents[records[path]], documents[letters[path]]
        if is_counted(aggregate, source, record) and not letter.exists:
            outcomes.append(Outcome(aggregate.name, path, Result.COVERED, number))
            continue
        counted.append((source, record))
        try:
            made = writes_of(aggregate, source, record, contribution_of(aggregate, source))
        except PermanentError as error:
            made, outcome = refusal(aggregate, source, record, None, error)
        else:
            made += [Write(letter.path, None)] if letter.exists else []
            written = tuple(write.path for write in made if write.increments is not None)
            outcome = Outcome(aggregate.name, path, Result.COMMITTED, written=written)
        writes += made
        outcomes.append(replace(outcome, attempts=number))
    if not writes:
        return outcomes
    commit_counted(database, counted, _added_up(writes))
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
