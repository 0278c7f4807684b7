"""Which of several materialisations share a commit, so that each commit stays within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from onto_fn.engine.materialise.locking import Gain
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import Build, Plan
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.errors import DocumentTooLarge
from onto_fn.firestore.sizes import check_size

MAX_LOCKED = 1000
"""Approximate maximum of documents that one commit writes, or reads under lock."""
MAX_BYTES = 2 * 1024 * 1024
"""Approximate maximum size of a commit in bytes. Firestore allows 10 MiB, its emulator 4 MiB."""


@dataclass(frozen=True, eq=False)
class Job:
    """One materialisation that is ready to be committed.

    Attributes:
        item: which it is, with the ledger record that the plan was made for.
        build: what was built.
        plan: what is to be written.
        gain: what the commit has to lock.
        gone: documents that were deleted before.
    """

    item: Affected
    build: Build
    plan: Plan
    gain: Gain
    gone: Sequence[str] = ()

    @cached_property
    def locked(self) -> int:
        """How many documents it writes and locks."""
        seen = sum(len(result) for _, result in self.gain.queries)
        return len(self.plan.writes) + len(self.gain.paths) + seen

    def size(self, known: dict[int, int]) -> int:
        """About how many bytes it writes; more than any commit takes if a document is too large.

        Args:
            known: sizes by the identity of a document's content. Copies share theirs.
        """
        total = 0
        for write in self.plan.writes:
            if write.fields is None:
                continue
            if self.plan.record is not None and write is self.plan.writes[-1]:
                total += _size_of_record(self.plan.record)
                continue
            size = known.get(id(write.fields))
            if size is None:
                try:
                    size = check_size(write.path, write.fields)
                except DocumentTooLarge:
                    return MAX_BYTES + 1
                known[id(write.fields)] = size
            total += size
        return total

    @property
    def changed(self) -> set[str]:
        """The documents that it writes or deletes, or that another job writes instead."""
        before = set(self.item.record.documents if self.item.record else ())
        changed = before.difference(self.plan.record.documents if self.plan.record else ()).union(
            self.plan.written
        )
        if self.item.definition.owns:  # fields, which the others do not write
            return {f"{self.item.definition.name} {path}" for path in changed}
        return changed


def _size_of_record(record: LedgerRecord) -> int:
    """About the size of a record's document, without making it."""
    read = sum(2 * len(path) + 60 for path in record.versions)
    made = sum(len(path) + 80 for path in record.documents)
    remembered = 0 if record.memory is None else len(cast(bytes, record.memory["documents"]))
    return 1000 + read + made + remembered


def grouped(jobs: Sequence[Job]) -> list[list[Job]]:
    """The jobs of each commit, in their order.

    Jobs that change the same document share a commit: one root may write a document that another no
    longer produces, and between two commits no record would list it. A single job may exceed the
    bounds because its documents and its record belong together.
    """
    commits: list[list[Job]] = []
    known: dict[int, int] = {}
    locked = size = 0
    for together in bundled(jobs):
        more, larger = sum(job.locked for job in together), sum(job.size(known) for job in together)
        if not commits or locked + more > MAX_LOCKED or size + larger > MAX_BYTES:
            commits.append([])
            locked = size = 0
        commits[-1] += together
        locked, size = locked + more, size + larger
    return commits


def bundled(jobs: Sequence[Job]) -> list[list[Job]]:
    """Lists of jobs that change the same document."""
    bundles: list[list[Job]] = []
    place: dict[str, list[Job]] = {}
    for job in jobs:
        bundle = [job]
        for path in job.changed:
            other = place.get(path, bundle)
            if other is not bundle:
                for moved in other:
                    place.update(dict.fromkeys(moved.changed, bundle))
                bundles = [kept for kept in bundles if kept is not other]
                bundle[:0] = other
            place[path] = bundle
        bundles.append(bundle)
    return bundles
