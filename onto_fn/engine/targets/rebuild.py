"""Rebuilding many roots of one target: as many per commit as fit, without losing any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from onto_fn.attempts import RetryPolicy
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import Failure, dead_letter_path, message_of
from onto_fn.engine.targets.target import Target
from onto_fn.errors import OntoError
from onto_fn.events.outcome import Outcome, Result, combined
from onto_fn.firestore import Database, Write


def rebuild_all(
    database: Database,
    target: Target,
    roots: Sequence[str],
    policy: RetryPolicy,
    *,
    force: bool = False,
) -> list[Outcome]:
    """Bring the documents of some roots up to date, with the exactly-once commits of live traffic.

    They are done together, in as few commits as their size allows. If some are left (because
    another process keeps committing one of them), each half is tried, and so on. A root that also
    fails alone gets a dead letter.

    Args:
        database: the database.
        target: the view, mediator or aggregate.
        roots: paths of roots.
        policy: bounds of the retries.
        force: write the documents even if the ledger lists the same digests.

    Returns:
        One outcome per root, in the order of the roots.

    Raises:
        TransientError: not even a dead letter could be written.
    """
    if not roots:
        return []
    done, left = target.together(database, target.items(roots), None, policy, force=force)
    found: dict[str, list[Outcome]] = {root: [] for root in roots}
    for outcome in done:
        found[outcome.root].append(outcome)
    rest = list(dict.fromkeys(root for root, _ in left))
    if rest == [*roots] and len(rest) == 1:
        found[rest[0]].append(_alone(database, target, rest[0], policy, force=force))
        rest = []
    half = len(rest) // 2 if len(rest) == len(roots) else 0
    for part in (rest[:half], rest[half:]):
        for outcome in rebuild_all(database, target, part, policy, force=force):
            found[outcome.root].append(outcome)
    return [combined(found[root]) for root in roots]


def _alone(
    database: Database, target: Target, root: str, policy: RetryPolicy, *, force: bool
) -> Outcome:
    try:
        return combined(
            [target.one(database, item, None, policy, force=force) for item in target.items([root])]
        )
    except OntoError as error:  # of this root alone: the others go on
        now = datetime.now(UTC)
        fields = letter_fields(
            target.name, root, None, Failure.of(error, now), target.fingerprint, now
        )
        database.commit([Write(dead_letter_path(target.name, root), fields)])
        return Outcome(target.name, root, Result.DEAD_LETTER, error=message_of(error))
