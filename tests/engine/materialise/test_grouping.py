"""Which materialisations share a commit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn import DomainModel, Store, root
from onto_fn.engine.materialise import grouping as commits
from onto_fn.engine.materialise.grouping import Job, grouped
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import Build, gained, plan
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.firestore import PathTemplate
from onto_fn.store import ReadSet
from onto_fn.views import Definition

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


class Page(DomainModel, collection="pages"):
    pass


class PageStore(Store):
    page = root(Page)


DEFINITION = Definition(
    name="V",
    store=PageStore,
    build=lambda store, transition: {},
    targets=(PathTemplate("views/{id}"),),
    fingerprint="1",
)


def job(number: int, before: set[int], after: set[int]) -> Job:
    """A root that had some documents, and has others now."""
    path = f"pages/p{number}"
    record = LedgerRecord(
        definition="V",
        root=path,
        sources={path: None},
        matched={},
        watches=frozenset(),
        documents={f"views/{n}": "old" for n in before},
        fingerprint="1",
        built=True,
        failure=None,
        event_id="",
        read_time=TIME,
        update_time=TIME,
    )
    made = Build(ReadSet(), TIME, {f"views/{n}": {"new": number} for n in after}, True)
    planned = plan(DEFINITION, record, made, path, None)
    assert planned is not None
    gain = gained(made.read_set, record, "1")
    return Job(Affected(DEFINITION, path, 0, record, TIME), made, planned, gain)


numbers = st.sets(st.integers(0, 12), max_size=3)
jobs = st.lists(st.tuples(numbers, numbers), max_size=8).map(
    lambda pairs: [job(number, *pair) for number, pair in enumerate(pairs)]
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "MAX_LOCKED", 9)


@given(jobs)
def test_each_job_is_in_one_commit_with_all_that_change_a_document_of_its(jobs: list[Job]) -> None:
    """In between two commits, no record would list a document that moves."""
    found = grouped(jobs)

    assert sorted(j.item.root for commit in found for j in commit) == sorted(
        j.item.root for j in jobs
    )
    changed = [path for commit in found for path in {p for j in commit for p in j.changed}]
    assert len(changed) == len(set(changed))


@given(jobs)
def test_a_commit_above_the_bound_cannot_be_divided(jobs: list[Job]) -> None:
    for commit in grouped(jobs):
        if sum(j.locked for j in commit) > commits.MAX_LOCKED:
            assert _is_connected(commit)


def test_commits_are_no_smaller_than_they_have_to_be() -> None:
    found = grouped([job(number, set(), {number}) for number in range(9)])

    assert [len(commit) for commit in found] == [4, 4, 1], "each writes a view and its record"


def _is_connected(jobs: list[Job]) -> bool:
    reached, rest = set(jobs[0].changed), jobs[1:]
    while touching := [j for j in rest if j.changed & reached]:
        reached = reached.union(*(j.changed for j in touching))
        rest = [j for j in rest if j not in touching]
    return not rest
