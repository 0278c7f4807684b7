"""Materialising: read, build, commit, and again if somebody was faster; one root, or many."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from onto_fn.engine.affected import Affected, find_one, find_these
from onto_fn.engine.changes import Change
from onto_fn.engine.group import Group
from onto_fn.engine.outcomes import Outcome
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.turns import TURNS
from onto_fn.errors import PermanentError, RetriesExhausted
from onto_fn.firestore import Database
from onto_fn.observing import Subject

ATTEMPTS = 4
"""So often several are tried together, before what is left of them is done alone."""
MOST_WAITS = 2
"""The first turn waited for may have begun before the change, the second has seen it."""


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
    group = Group(database, [affected], change)
    for attempt in policy.attempts_of(Subject(affected.definition.name, affected.root)):
        with attempt:
            current = affected if attempt.number == 1 else find_one(database, affected)
            due = group.due([current], attempt.number)
            # What is built from memory has seen its own event alone, and covers no other.
            waits = MOST_WAITS if affected.definition.consistency == "snapshot" else 0
            while due and waits:
                with TURNS.turn(database, affected.ledger_path) as is_mine:
                    if is_mine:
                        group.publish(due, attempt.number)
                        break
                waits -= 1
                due = group.due([find_one(database, affected)], attempt.number)
            else:
                if due:
                    group.publish(due, attempt.number)
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
        What became of those that are done, and those that have to be done alone. One of these may
        be committed already, by a commit whose answer was lost: it is then found to be covered.
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
                    group.publish(due, attempt.number)
    return group.outcomes, [*group.alone, *group.left.values()]
