"""Several materialisations together: one read, few commits, and none holds up another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from typing_extensions import override

from onto_fn.attempts import Collector, RetryPolicy, Subject, retry
from onto_fn.engine.materialise import first_builds
from onto_fn.engine.materialise.build import LockedRead, TooManyLocked, build_all
from onto_fn.engine.materialise.grouping import Job, bundled, grouped
from onto_fn.engine.materialise.lookup import Affected, find_these
from onto_fn.engine.materialise.plan import Build
from onto_fn.engine.materialise.protocol import (
    TURNS,
    Group,
    commit,
    materialise,
    outcome_of,
    owner_of,
)
from onto_fn.errors import Contention, PermanentError, RetriesExhausted
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome
from onto_fn.firestore import Database
from onto_fn.firestore.transaction import Transaction

ATTEMPTS = 4
"""Attempts for several together, before the rest are done one by one."""


def materialise_all(
    database: Database,
    affected: Sequence[Affected],
    change: Change,
    policy: RetryPolicy,
    collector: Collector[Outcome],
) -> None:
    """Make all that an event affects equal to its sources, each exactly once.

    They are read and committed together, as far as that fits. One that would block the others is
    done alone afterwards: another process or thread is building it, its record is unreadable,
    Firestore refuses its commit, or it locks all that it reads.

    Args:
        database: the database.
        affected: as one look-up found them, of any definitions.
        change: the event.
        policy: bounds of the retries.
        collector: receives the outcomes, and `RetriesExhausted` of each that failed.
    """
    together = [item for item in affected if item.definition.isolation != "serializable"]
    alone: Sequence[Affected] = affected
    group = Together(database, together, change)
    if len(together) > 1:
        alone = [item for item in affected if item.definition.isolation == "serializable"]
        left = group.run(policy, together)
        collector.add(*group.outcomes)
        alone = [*left, *alone]
    for item in alone:
        with collector:
            tried = group.tried.get(item.ledger_path, 0)
            collector.add(materialise(database, item, change, policy, tried))


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
        The outcomes of those that are done, and the items that must be done alone. One of these may
            already be committed, if the answer of the commit was lost: it is then found to be
            covered.
    """
    if len(wanted) < 2 or wanted[0].definition.isolation == "serializable":
        return [], list(wanted)
    group = Together(database, wanted, change)
    left = group.run(policy)
    return group.outcomes, left


class Together(Group):
    """Materialisations of any definitions, and their progress.

    A lost race and a refused commit do not concern the others: who has lost is done alone, and the
    others are committed as they were built. An unreadable record is left to be done alone.

    Attributes:
        left: those that are not done yet, by the path of their ledger record.
        alone: those that must be done alone, likewise, as they were last found.
        tried: how many attempts were made of those that lost a race.

    Args:
        database: the database.
        items: the materialisations.
        change: the event, or None to rebuild whatever the ledger says.
    """

    def __init__(
        self, database: Database, items: Sequence[Affected], change: Change | None
    ) -> None:
        super().__init__(database, change)
        self.left: dict[str, Affected] = {item.ledger_path: item for item in items}
        self.alone: dict[str, Affected] = {}
        self.tried: dict[str, int] = {}
        self._lost_together: Contention | None = None

    def run(self, policy: RetryPolicy, found: Sequence[Affected] = ()) -> list[Affected]:
        """Do all of them together.

        Args:
            policy: bounds of the retries.
            found: the items, if their ledger records are as one look-up has just found them.

        Returns:
            Those that must be done alone, in their order.
        """
        order = {path: place for place, path in enumerate(self.left)}
        takes_turns = bool(found)
        together = replace(policy, attempts=min(ATTEMPTS, policy.attempts))
        with suppress(RetriesExhausted, PermanentError):
            for attempt in together.attempts_of(self._subject()):
                with attempt:
                    if attempt.number > 1 or not found:
                        found = find_these(self._database, list(self.left.values()))
                        self.left = {item.ledger_path: item for item in found}
                    self._attempt(found, attempt.number, takes_turns=takes_turns)
        rest = {**self.left, **self.alone}
        return [rest[path] for path in sorted(rest, key=order.__getitem__)]

    def _subject(self) -> Subject:
        names = dict.fromkeys(item.definition.name for item in self.left.values())
        if len(names) == 1:
            return Subject(next(iter(names)))
        about = f" after a change of {self._change.path}" if self._change else ""
        return Subject(text=f"{', '.join(names)}{about}")

    def _attempt(self, found: Sequence[Affected], number: int, *, takes_turns: bool) -> None:
        due = self.due(found, number)
        # A build from memory has seen only its own event, and covers no other.
        exclusive = {
            item.ledger_path: item
            for item in due
            if takes_turns and item.definition.consistency == "snapshot"
        }
        with TURNS.free(self._database, exclusive) as free:
            busy = exclusive.keys() - free
            for path in busy:
                self._leave(exclusive[path])
            due = [item for item in due if item.ledger_path not in busy]
            if due:
                self.build_and_commit(due, number)

    @override
    def build_and_commit(self, due: Sequence[Affected], number: int) -> None:
        with ExitStack() as stack:
            try:
                built, transaction = self._built(due, stack)
            except PermanentError:
                stack.close()
                if len(due) == 1:
                    self._leave(due[0])
                else:
                    half = len(due) // 2
                    self.build_and_commit(due[:half], number)
                    self.build_and_commit(due[half:], number)
                return
            self._commit(self._planned(due, built, number, _made(due, built)), number, transaction)

    def _built(
        self, due: Sequence[Affected], stack: ExitStack
    ) -> tuple[list[Build], Transaction | None]:
        """The builds, and the transaction in which all that they have read is locked, if any."""
        if self._change is None and first_builds.are_locked(self._database, due):
            name = due[0].definition.name
            with ExitStack() as own, suppress(TooManyLocked):
                transaction = own.enter_context(self._database.transaction())
                reader = LockedRead(transaction, most=first_builds.MAX_LOCKED)
                try:
                    built = build_all(self._database, due, None, transaction, reader)
                finally:
                    first_builds.WIDTHS.saw(self._database, name, reader.locked, len(due))
                stack.push(own.pop_all())
                return built, transaction
        return build_all(self._database, due, self._change), None

    @override
    def _commit(
        self, jobs: Sequence[Job], number: int, transaction: Transaction | None = None
    ) -> None:
        for together in [jobs] if len(jobs) == 1 else grouped(jobs):
            self._commit_several(together, number, transaction)
            transaction = None  # it has ended; the next ones lock what is new to them
        if self._lost_together is not None:
            error, self._lost_together = self._lost_together, None
            raise error

    @override
    def _salvaged(self, item: Affected, number: int) -> list[Affected]:
        self._leave(item)
        return []

    @override
    def _done(self, item: Affected, outcome: Outcome, number: int) -> None:
        super()._done(item, outcome, number)
        del self.left[item.ledger_path]

    def _commit_several(
        self, jobs: Sequence[Job], number: int, transaction: Transaction | None = None
    ) -> None:
        """Commit jobs together; if that fails, those that are not to blame without the others."""
        try:
            try:
                commit(self._database, jobs, transaction)
            finally:
                if transaction is not None:
                    transaction.rollback()  # of one that has failed: others need what it locks
        except PermanentError:
            bundles = bundled(jobs)
            if len(bundles) > 1:
                self._in_halves(bundles, number)
            elif len(jobs) > 1:
                for job in jobs:
                    self._leave(job.item)
            else:
                self._refused(jobs[0], number)
        except Contention as error:
            self._contended(bundled(jobs), error, number)
        else:
            for job in jobs:
                self._done(job.item, outcome_of(job.item, job.build, job.plan, job.gone), number)

    def _in_halves(self, bundles: Sequence[Sequence[Job]], number: int) -> None:
        half = len(bundles) // 2
        for part in (bundles[:half], bundles[half:]):
            self._commit_several([job for bundle in part for job in bundle], number)

    def _refused(self, job: Job, number: int) -> None:
        """Commit what was refused by itself: its dead letter, if it is refused again."""
        try:
            super()._commit([job], number)
        except Contention as error:
            self._contended([[job]], error, number)

    def _contended(self, bundles: Sequence[Sequence[Job]], error: Contention, number: int) -> None:
        """Leave out who has lost a race, and commit the others as they were built.

        What they were built from is as good as before: their records are unchanged, and the commit
        locks again what is new to them.
        """
        found = find_these(self._database, [job.item for bundle in bundles for job in bundle])
        now = {item.ledger_path: item for item in found}
        kept = [bundle for bundle in bundles if all(_holds(job, now, error) for job in bundle)]
        if len(kept) == len(bundles) > 1:  # nothing says who is to blame
            self._in_halves(bundles, number)
            return
        for bundle in bundles:
            if len(bundles) > 1 and bundle in kept:
                continue
            if len(bundle) > 1:  # a document moves between them, so they stay together
                self._lost_together = error
            else:
                self._lost(now[bundle[0].item.ledger_path], error, number)
        if kept and len(bundles) > 1:
            self._commit_several([job for bundle in kept for job in bundle], number)

    def _lost(self, item: Affected, error: Contention, number: int) -> None:
        """Note that another was faster; the item is as the ledger has it now, perhaps covered."""
        self.tried[item.ledger_path] = number
        self._leave(item)
        retry(Subject(item.definition.name, item.root), number, error)

    def _leave(self, item: Affected) -> None:
        """Leave an item to be done alone."""
        del self.left[item.ledger_path]
        self.alone[item.ledger_path] = item


def _made(due: Sequence[Affected], built: Sequence[Build]) -> dict[str, set[str]]:
    """The documents that are made, by their owner."""
    made: dict[str, set[str]] = {}
    for item, found in zip(due, built, strict=True):
        made.setdefault(owner_of(item), set()).update(found.documents or ())
    return made


def _holds(job: Job, now: Mapping[str, Affected], error: Contention) -> bool:
    """Whether a job can still be committed as it was built."""
    before, item = job.item.record, now[job.item.ledger_path]
    if item.unreadable is not None or job.gain.has(error.changed):
        return False
    if before is None or item.record is None:
        return before is item.record
    return before.update_time == item.record.update_time
