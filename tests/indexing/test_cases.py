"""The rules on a table of queries that the documentation names, or whose outcome is known."""

from __future__ import annotations

import pytest

from onto_fn.indexing import Indexes, MissingIndex, Plan, plan
from tests.indexing.cases import clients, documented, recorded, reported
from tests.indexing.cases.notation import Case, shown

CASES = [*documented.CASES, *recorded.CASES, *clients.CASES, *reported.CASES]
SERVED = [case for case in CASES if case.missing is None]
REFUSED = [case for case in CASES if case.missing is not None]


def test_the_table_names_a_source_for_each_of_at_least_120_cases() -> None:
    assert len(CASES) >= 120
    assert all(case.source.startswith("https://") for case in CASES)
    assert len({(case.source, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", SERVED, ids=lambda case: case.name)
def test_a_query_is_served(case: Case) -> None:
    found = plan(case.query, case.declared())

    assert isinstance(found, Plan), shown(found.index)
    if case.by is not None:
        assert sorted(map(shown, found.alternatives[0])) == sorted(case.by)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_query_is_refused_with_the_index_to_add(case: Case) -> None:
    found = plan(case.query, case.declared())

    assert isinstance(found, MissingIndex)
    assert shown(found.index) == case.missing


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_the_entry_of_a_refusal_serves_the_query(case: Case) -> None:
    content = {"indexes": [], "fieldOverrides": []}
    declared = Indexes.of(content)

    for _ in case.query.disjuncts():
        found = plan(case.query, declared)
        if isinstance(found, MissingIndex):
            content[found.section].append(found.entry)
        declared = Indexes.of(content)

    assert isinstance(plan(case.query, declared), Plan)
