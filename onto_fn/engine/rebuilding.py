"""Rebuilding many roots of one target: as many in a commit as it takes, none lost among them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from onto_fn.engine import direct
from onto_fn.engine.affected import Affected, find_one
from onto_fn.engine.aggregation import contribute
from onto_fn.engine.counting import contribute_together
from onto_fn.engine.ledger import Failure, dead_letter_path, message_of
from onto_fn.engine.letters import letter_fields
from onto_fn.engine.materialise import materialise
from onto_fn.engine.outcomes import Outcome, Result, combined
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.scanning import Target
from onto_fn.engine.together import materialise_together
from onto_fn.errors import OntoError
from onto_fn.firestore import Database, Write
from onto_fn.store import AggregateSpec
from onto_fn.views import Definition


def rebuild_all(
    database: Database,
    target: Target,
    roots: Sequence[str],
    policy: RetryPolicy,
    *,
    afresh: bool = False,
) -> list[Outcome]:
    """Bring the documents of some roots up to date, with the exactly-once commits of live traffic.

    They are done in one commit. If that does not go (somebody else keeps committing one of them, or
    they are too large together), each half is, and so on. What cannot be done alone either has its
    dead letter.

    Args:
        database: the database.
        target: the view, mediator or aggregate.
        roots: paths of roots.
        policy: bounds of the retries.
        afresh: write the documents whatever the ledger says that they hold.

    Returns:
        One outcome a root, in the order of the roots.

    Raises:
        TransientError: not even a dead letter could be written.
    """
    if not roots:
        return []
    outcomes = _together(database, target, roots, policy, afresh=afresh)
    if outcomes is not None:
        return outcomes
    if len(roots) == 1:
        return [_alone(database, target, roots[0], policy, afresh=afresh)]
    half = len(roots) // 2
    return [
        outcome
        for part in (roots[:half], roots[half:])
        for outcome in rebuild_all(database, target, part, policy, afresh=afresh)
    ]


def _together(
    database: Database,
    target: Target,
    roots: Sequence[str],
    policy: RetryPolicy,
    *,
    afresh: bool,
) -> list[Outcome] | None:
    if isinstance(target, AggregateSpec):
        return contribute_together(database, target, roots, policy)
    if target.mode != "materialise":
        return None
    outcomes = materialise_together(database, _wanted(target, roots, afresh=afresh), None, policy)
    if outcomes is None:
        return None
    by_root: dict[str, list[Outcome]] = {root: [] for root in roots}
    for outcome in outcomes:
        by_root[outcome.root].append(outcome)
    return [combined(found) for found in by_root.values()]


def _alone(
    database: Database, target: Target, root: str, policy: RetryPolicy, *, afresh: bool
) -> Outcome:
    try:
        if isinstance(target, AggregateSpec):
            return contribute(database, target, root, None, policy)
        if target.mode != "materialise":
            return direct.forward(database, target, root, None, policy)
        return combined(
            [
                materialise(
                    database,
                    policy.run(item.ledger_path, lambda _, i=item: find_one(database, i)),
                    None,
                    policy,
                )
                for item in _wanted(target, [root], afresh=afresh)
            ]
        )
    except OntoError as error:  # of this root alone: the others go on
        now = datetime.now(UTC)
        fields = letter_fields(
            target.name, root, None, Failure.of(error, now), target.fingerprint, now
        )
        database.commit([Write(dead_letter_path(target.name, root), fields)])
        return Outcome(target.name, root, Result.DEAD_LETTER, error=message_of(error))


def _wanted(definition: Definition, roots: Sequence[str], *, afresh: bool) -> list[Affected]:
    return [
        Affected(definition, root, shard, afresh=afresh)
        for root in roots
        for shard in range(definition.shards)
    ]
