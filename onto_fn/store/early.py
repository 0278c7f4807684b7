"""Queries that depend on the path of the root alone, so they can run before the root is read.

What is found here is a guess that saves a round trip: the answer counts only if the loaded store
asks for the same query.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from onto_fn.firestore import Query
from onto_fn.firestore.paths import last_segment
from onto_fn.models.references import Ref
from onto_fn.store.reads import NotLoaded, Read
from onto_fn.store.store import Store


class _OnlyPath:
    """Stands for a root that is not read yet."""

    def __init__(self, path: str) -> None:
        self.doc_id = last_segment(path)
        self.doc_ref: Ref[Any] = Ref(path)

    def __getattr__(self, name: str) -> Any:
        raise NotLoaded(name)


def early_queries(store_type: type[Store], root: str) -> list[Query]:
    """The queries that a store asks for whatever its root contains.

    Args:
        store_type: the store's class.
        root: document path of the root.
    """
    store = store_type()
    store.put(store_type.root().name, _OnlyPath(root))
    found: list[Query] = []
    for read in reads_with_queries(store_type):
        try:
            found += read.asks(store).queries
        except Exception:  # it needs more than the path
            continue
    return found


@cache
def reads_with_queries(store_type: type[Store]) -> tuple[Read[Any], ...]:
    """The reads of a store that run queries."""
    return tuple(read for read in store_type.reads().values() if read.shapes())
