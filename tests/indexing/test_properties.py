"""What holds for every query and every set of indexes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onto_fn.indexing import (
    All,
    AnyOf,
    Contains,
    Equal,
    Indexes,
    MissingIndex,
    Nearest,
    Plan,
    Query,
    Range,
    Sort,
    Where,
    plan,
)
from tests.indexing.cases.notation import shown

FIELDS = st.sampled_from(["a", "b", "c.d", "`e.f`"])
CONDITIONS: st.SearchStrategy[Where] = st.one_of(
    FIELDS.map(Equal), FIELDS.map(Range), FIELDS.map(Contains), st.just(Range("__name__"))
)
WHERE = st.recursive(
    CONDITIONS,
    lambda inner: st.lists(inner, max_size=3).flatmap(
        lambda parts: st.sampled_from([All(tuple(parts)), AnyOf(tuple(parts) or (All(()),))])
    ),
    max_leaves=5,
)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    where = draw(WHERE)
    fields = draw(st.lists(FIELDS, unique=True, max_size=2))
    # Firestore refuses a query that sorts by anything after the name.
    if Query("c", where=where).range_fields() <= {*fields, "__name__"}:
        fields += draw(st.sampled_from([[], ["__name__"]]))
    return Query(
        "c",
        draw(st.booleans()),
        where,
        tuple(Sort(field, draw(st.booleans())) for field in fields),
        draw(st.frozensets(FIELDS, max_size=2)),
        draw(st.sampled_from([None, None, Nearest("v", 3)])),
    )


def content_for(query: Query, content: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """An index file with what is missing, one entry after the other."""
    for _ in query.disjuncts():
        found = plan(query, Indexes.of(content))
        if isinstance(found, Plan):
            break
        # A later override of a field names the indexes of the earlier one too.
        content[found.section].append(found.entry)
    return content


@given(queries())
def test_the_entries_of_the_refusals_serve_a_query(query: Query) -> None:
    content = content_for(query, {"indexes": [], "fieldOverrides": []})

    assert isinstance(plan(query, Indexes.of(content)), Plan)


@given(queries(), queries())
def test_more_entries_take_nothing_away(query: Query, other: Query) -> None:
    content = content_for(query, {"indexes": [], "fieldOverrides": []})

    assert isinstance(plan(query, Indexes.of(content_for(other, content))), Plan)


@given(queries())
def test_a_plan_holds_each_field_that_the_query_names(query: Query) -> None:
    found = plan(query, Indexes.of(content_for(query, {"indexes": [], "fieldOverrides": []})))

    assert isinstance(found, Plan)
    assert len(found.alternatives) == len(query.disjuncts())
    for disjunct, indexes in zip(
        sorted(query.disjuncts(), key=lambda each: sorted(map(repr, each))),
        found.alternatives,
        strict=True,
    ):
        held = {field.path for index in indexes for field in index.fields} | {"__name__"}
        asked = {each.field for each in disjunct} | {sort.field for sort in query.sorts}
        assert asked | query.aggregated <= held, [shown(index) for index in indexes]


@given(queries())
def test_the_order_of_conditions_does_not_matter(query: Query) -> None:
    def turned(where: Where) -> Where:
        if isinstance(where, All | AnyOf):
            return type(where)(tuple(map(turned, reversed(where.parts))))
        return where

    reverse = Query(
        query.collection,
        query.group,
        turned(query.where),
        query.sorts,
        query.aggregated,
        query.nearest,
    )
    found, other = plan(query, Indexes()), plan(reverse, Indexes())

    assert found == other


@given(queries())
def test_a_refusal_is_always_said(query: Query) -> None:
    found = plan(query, Indexes())

    if isinstance(found, MissingIndex):
        assert found.message("p").count("firestore.indexes.json") == 1
