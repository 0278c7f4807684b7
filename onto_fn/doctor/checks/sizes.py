"""Sizes: ledger records and view documents near 1 MiB, commits near 10 MiB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding, Severity
from onto_fn.doctor.places import read_place
from onto_fn.doctor.project import Measured, Project
from onto_fn.store.conditions import Conditions
from onto_fn.store.queries import QueryRead

READ_SET, VIEW_SIZE, COMMIT_SIZE = "read-set", "view-size", "commit-size"
MIB = 1024 * 1024
MAX_COMMIT = 10 * MIB
BYTES_PER_SOURCE = 150
"""Approximate bytes of one document in a ledger record: twice a short path, a time, a watch key."""
_NEAR, _TOO_NEAR = 0.5, 0.9
_SPLIT = "show fewer of them (a `limit`), or split the view by pages, months or regions"


def _read_sets(project: Project) -> Iterator[Finding]:
    for definition in project.definitions():
        for read in definition.store.reads().values():
            if not isinstance(read, QueryRead) or read.count is None:
                continue
            share = read.count * BYTES_PER_SOURCE / MIB
            if share >= _NEAR:
                yield Finding(
                    READ_SET,
                    _severity(share),
                    read_place(cast("Conditions[Any]", read), project.folder),
                    f"{read.title} reads up to {read.count:,} documents, which fill about "
                    f"{share:.0%} of a ledger record's 1 MiB",
                    _SPLIT,
                )
    yield from _measured(project, READ_SET, MIB, lambda one: one.record_bytes, "the ledger record")


def _view_sizes(project: Project) -> Iterator[Finding]:
    yield from _measured(project, VIEW_SIZE, MIB, lambda one: one.document_bytes, "the document")


def _commits(project: Project) -> Iterator[Finding]:
    def size(one: Measured) -> int:
        return one.record_bytes + one.documents * one.document_bytes

    yield from _measured(project, COMMIT_SIZE, MAX_COMMIT, size, "the commit")


def _measured(
    project: Project, check: str, most: int, size: Callable[[Measured], int], what: str
) -> Iterator[Finding]:
    """The largest of each view, if it is near the limit."""
    largest: dict[str, Measured] = {}
    for one in project.measured:
        if one.definition not in largest or size(one) > size(largest[one.definition]):
            largest[one.definition] = one
    for definition in project.definitions():
        one = largest.get(definition.name)
        if one is None or size(one) / most < _NEAR:
            continue
        share = size(one) / most
        remedy = f"give {definition.name} more shards" if check == COMMIT_SIZE else _SPLIT
        yield Finding(
            check,
            _severity(share),
            project.place_of(definition),
            f"{what} of {definition.name} for {one.root} has {size(one):,} bytes, {share:.0%} of "
            f"what Firestore takes ({most // MIB} MiB)",
            remedy,
        )


def _severity(share: float) -> Severity:
    return "error" if share >= _TOO_NEAR else "warning"


CHECKS = (
    Check(READ_SET, "`limit` of queries; with `--data`, the size of ledger records", _read_sets),
    Check(VIEW_SIZE, "with `--data`, the size of view documents", _view_sizes),
    Check(COMMIT_SIZE, "with `--data`, copies times the size of a document", _commits),
)
