"""Faults of the library, one of which a run may ask for: chaos must find each of them.

`make chaos BREAK=…` sets one of these names; see `BREAKS`.
"""

import os
from collections.abc import Callable
from typing import Any

from onto_fn.engine.aggregate import contribution, count
from onto_fn.engine.aggregate.group_commit import GroupCommit
from onto_fn.engine.aggregate.unaffected import Unaffected
from onto_fn.engine.materialise import plan, unread
from onto_fn.engine.materialise.protocol import outcome_of
from onto_fn.engine.materialise.together import Together
from onto_fn.firestore.rpc import Stored
from onto_fn.firestore.values import fill_fields
from onto_fn.observability import Outcome, Result

VARIABLE = "ONTO_FN_CHAOS_BREAK"


def _counts_twice() -> None:
    """Every tenth change of a document is counted twice."""
    right = contribution._increments
    seen = 0

    def twice(old: Any, new: Any) -> Any:
        nonlocal seen
        seen += 1
        writes = right(old, new)
        return writes + writes if seen % 10 == 0 else writes

    contribution._increments = twice


def _counts_groups_twice() -> None:
    """What several documents add together is added twice."""
    right = count._added_up

    def twice(writes: Any) -> Any:
        summed = right(writes)
        return summed + [write for write in summed if write.increments is not None]

    count._added_up = twice


def _leaves_groups() -> None:
    """A group that could not be counted is not split: each of its events is taken as counted."""
    right = GroupCommit._lead

    def lead(self: Any, database: Any, queue: Any, mine: Any, policy: Any) -> Any:
        def split(leader: Any, size: int) -> None:
            for member in leader.group:
                path = member.change.path
                member.outcome = Outcome(self._aggregate.name, path, Result.COVERED)
            raise _NotSplit

        queue.split = split
        try:
            return right(self, database, queue, mine, policy)
        except _NotSplit:
            return mine.outcome

    GroupCommit._lead = lead


class _NotSplit(BaseException):
    """Instead of a split."""


def _skips_a_field() -> None:
    """One of the fields that an event has changed is overlooked by the views that read it."""
    right = unread._differing
    unread._differing = lambda old, new: frozenset(sorted(right(old, new))[1:])


def _drops_neighbours() -> None:
    """If the build of one view fails, the others of the event are not committed."""
    right = Together._planned

    def planned(self: Any, due: Any, built: Any, number: int, made: Any = None) -> Any:
        if not any(found.error for found in built):
            return right(self, due, built, number, made)
        for item, found in zip(due, built, strict=True):
            if not found.error:
                self._done(item, outcome_of(item, found, None), number)
        kept = [pair for pair in zip(due, built, strict=True) if pair[1].error]
        return right(self, [item for item, _ in kept], [found for _, found in kept], number, made)

    Together._planned = planned


def _loses_for_all() -> None:
    """If one view of an event loses its race, all of them are taken as done."""

    def done(self: Any, bundles: Any, error: Any, number: int) -> None:
        for job in (job for bundle in bundles for job in bundle):
            self._done(job.item, outcome_of(job.item, job.build, job.plan, job.gone), number)

    Together._contended = done


def _copies_changed_lists() -> None:
    """Lists of a ledger record that are as long as before are stored as they were."""

    def fill(self: Any, target: Any, fields: Any, *, documents: str, where: str) -> None:
        others: dict[str, Any] = {}
        for name, value in fields.items():
            before = self._lists.get(name)
            if before is not None and isinstance(value, list) and len(value) == len(before):
                target[name].CopyFrom(self._message[name])
            else:
                others[name] = value
        fill_fields(target, others, documents=documents, where=where)

    Stored.fill = fill


def _skips_too_much() -> None:
    """An event of a document that exists before and after it is taken to change nothing."""

    def is_done(self: Any, database: Any, change: Any) -> bool:
        return bool(change.has_content and change.before.exists and change.after.exists)

    Unaffected.is_done = is_done


def _forgets_messages() -> None:
    """Every third commit writes no message."""
    right = plan.outbox_writes
    seen = 0

    def some(*arguments: Any) -> Any:
        nonlocal seen
        seen += 1
        return [] if seen % 3 == 0 else right(*arguments)

    plan.outbox_writes = some


BREAKS: dict[str, Callable[[], None]] = {
    "counts_twice": _counts_twice,
    "counts_groups_twice": _counts_groups_twice,
    "leaves_groups": _leaves_groups,
    "skips_too_much": _skips_too_much,
    "skips_a_field": _skips_a_field,
    "drops_neighbours": _drops_neighbours,
    "loses_for_all": _loses_for_all,
    "copies_changed_lists": _copies_changed_lists,
    "forgets_messages": _forgets_messages,
}


def break_if_asked() -> None:
    """Break what the environment says, in this process."""
    name = os.environ.get(VARIABLE)
    if name:
        BREAKS[name]()
