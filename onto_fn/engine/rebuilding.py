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
from onto_fn.observing import Subject
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

    They are done together, in as few commits as their size allows. Of what that leaves (somebody
    else keeps committing one of them), each half is, and so on. What cannot be done alone either
    has its dead letter.

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
    found, rest = _together(database, target, roots, policy, afresh=afresh)
    if rest == [*roots] and len(rest) == 1:
        found[rest[0]].append(_alone(database, target, rest[0], policy, afresh=afresh))
        rest = []
    half = len(rest) // 2 if len(rest) == len(roots) else 0
    for part in (rest[:half], rest[half:]):
        for outcome in rebuild_all(database, target, part, policy, afresh=afresh):
            found[outcome.root].append(outcome)
    return [combined(found[root]) for root in roots]


def _together(
    database: Database,
    target: Target,
    roots: Sequence[str],
    policy: RetryPolicy,
    *,
    afresh: bool,
) -> tuple[dict[str, list[Outcome]], list[str]]:
    """The outcomes of each root so far, and the roots that are not done."""
    found: dict[str, list[Outcome]] = {root: [] for root in roots}
    if isinstance(target, AggregateSpec):
        outcomes = contribute_together(database, target, roots, policy, afresh=afresh)
        rest = list(roots) if outcomes is None else []
    elif target.mode != "materialise":
        outcomes, rest = None, list(roots)
    else:
        wanted = _wanted(target, roots, afresh=afresh)
        outcomes, alone = materialise_together(database, wanted, None, policy)
        left = {item.root for item in alone}
        rest = [root for root in roots if root in left]
    for outcome in outcomes or ():
        found[outcome.root].append(outcome)
    return found, rest


def _alone(
    database: Database, target: Target, root: str, policy: RetryPolicy, *, afresh: bool
) -> Outcome:
    try:
        if isinstance(target, AggregateSpec):
            return contribute(database, target, root, None, policy, afresh=afresh)
        if target.mode != "materialise":
            return direct.forward(database, target, root, None, policy)
        return combined(
            [
                materialise(
                    database,
                    policy.run(
                        Subject(item.definition.name, item.root),
                        lambda _, i=item: find_one(database, i),
                    ),
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
