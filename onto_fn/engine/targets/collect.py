"""Collecting outcomes: if one of several tasks fails, the others still run."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from onto_fn.engine.targets.target import Item, Target
from onto_fn.errors import RetriesExhausted, TransientError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome
from onto_fn.events.retry import RetryPolicy
from onto_fn.firestore import Database
from onto_fn.observability.observer import tell


class Collector:
    """Collects outcomes, which observers receive, and failures, which do not stop the rest.

    Example:
        >>> collector = Collector()
        >>> for root in ["teams/a", "teams/b"]:
        ...     with collector:
        ...         raise TransientError(f"{root} is contended")
        >>> collector.outcomes()
        Traceback (most recent call last):
        onto_fn.errors.RetriesExhausted: teams/a is contended; teams/b is contended
    """

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []
        self._failures: list[Exception] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self._failures.append(error)
            return True
        return False

    def add(self, *outcomes: Outcome) -> None:
        """Keep outcomes that the observers have received."""
        tell(outcomes)
        self._outcomes += outcomes

    def outcomes(self) -> list[Outcome]:
        """All of them, in their order.

        Raises:
            RetriesExhausted: something failed that may succeed on a retry.
        """
        for failure in self._failures:
            if not isinstance(failure, TransientError):
                raise failure
        if self._failures:
            text = "; ".join(map(str, self._failures))
            raise RetriesExhausted(text) from self._failures[0]
        return self._outcomes


def do_all(
    database: Database,
    target: Target,
    items: Sequence[Item],
    change: Change | None,
    policy: RetryPolicy,
    collector: Collector,
) -> None:
    """Bring roots of one target up to date: together, and the rest one by one.

    Args:
        database: the database.
        target: the view, mediator or aggregate.
        items: the roots and their shards.
        change: the event, or None to rebuild regardless of the records.
        policy: bounds of the retries.
        collector: receives the outcomes.
    """
    left: Sequence[Item] = ()
    with collector:
        done, left = target.together(database, items, change, policy)
        collector.add(*done)
    for item in left:
        with collector:
            collector.add(target.one(database, item, change, policy))
