"""The tests of this folder refuse what production would refuse."""

from __future__ import annotations

import pytest

from onto_fn.editing import Database
from onto_fn.firestore import Filter, Query

TWO = Query("onto_ledger", (Filter("definition", "==", "x"), Filter("fingerprint", ">", "")))
EXEMPT = Query("onto_ledger", (Filter("readTime", "==", 1),))


@pytest.mark.parametrize("query", [TWO, EXEMPT], ids=["composite", "exempt"])
def test_a_query_without_its_index_is_refused(database: Database, query: Query) -> None:
    with pytest.raises(Exception, match="requires a"):
        database.query(query)
    with pytest.raises(Exception, match="requires a"):
        database.count(query)


@pytest.mark.any_index("shows that the mark lets a query through")
def test_a_marked_test_may_ask_anything(database: Database) -> None:
    assert database.query(TWO)[0] == []
