"""Which index serves a query, or which is missing, by the rules of Firestore's Standard edition.

Production refuses a query that no index serves; the emulator answers it. `plan` decides from the
query and the content of `firestore.indexes.json` alone:

    indexes = Indexes.of(json.loads(Path("firestore.indexes.json").read_text()))
    found = plan(Query("tickets", where=All((Equal("team"), Range("price")))), indexes)
    if isinstance(found, MissingIndex):
        print(found.message("my-project"), found.entry)

`structured.read_query` reads the queries of the wire. `compare` says what of an index file is not
deployed. `onto_fn.testing.strict_indexes` puts all of this in front of the emulator.
"""

from __future__ import annotations

from onto_fn.indexing.declared import Field, Index, Indexes, IndexFileError, Mode
from onto_fn.indexing.deployed import Comparison, Difference, compare
from onto_fn.indexing.missing import MissingIndex
from onto_fn.indexing.planning import Plan, plan
from onto_fn.indexing.query import (
    NAME,
    All,
    AnyOf,
    Contains,
    Equal,
    Nearest,
    Query,
    Range,
    Sort,
    Where,
)

__all__ = [
    "NAME",
    "All",
    "AnyOf",
    "Comparison",
    "Contains",
    "Difference",
    "Equal",
    "Field",
    "Index",
    "IndexFileError",
    "Indexes",
    "MissingIndex",
    "Mode",
    "Nearest",
    "Plan",
    "Query",
    "Range",
    "Sort",
    "Where",
    "compare",
    "plan",
]
