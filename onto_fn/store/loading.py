"""Reading a store: level by level, one batched read a level, every read noted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, cast

from onto_fn.errors import BuildError
from onto_fn.firestore import Document, Query
from onto_fn.store.aggregates import AggregateRead
from onto_fn.store.queries import QueryRead
from onto_fn.store.reads import NotLoaded, Read, ReferenceRead, Root
from onto_fn.store.readset import ReadSet
from onto_fn.store.store import Store

S = TypeVar("S", bound=Store)


class Reader(Protocol):
    """One consistent snapshot of the database."""

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Documents by path, those that do not exist included."""
        ...

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches."""
        ...


def load(store_type: type[S], root_path: str, reader: Reader, read_set: ReadSet) -> S | None:
    """Read all that a store declares.

    Args:
        store_type: the store's class.
        root_path: document path of the root.
        reader: a consistent snapshot.
        read_set: receives every read as it happens, so that it is complete even when an error
            ends the loading: the error's cause is then part of it.

    Returns:
        The loaded store, or None if the root does not exist or is not of the root's class.

    Raises:
        PermanentError: a document is missing or does not fit its model, or a getter raised.
    """
    store = store_type()
    declared = store_type.root()
    document = _get([root_path], reader, read_set)[root_path]
    if document.fields is None or not declared.model.accepts(document.fields):
        return None
    store.put(declared.name, declared.value(document))
    pending = {n: r for n, r in store_type.reads().items() if not isinstance(r, Root)}
    while pending:
        level = _ready(store, pending)
        if not level:
            raise BuildError(
                f"{store_type.__name__}: these reads wait for each other: {', '.join(pending)}"
            )
        _load_level(store, level, reader, read_set)
        for read, _ in level:
            del pending[read.name]
    return store


def _ready(store: Store, pending: dict[str, Read[Any]]) -> list[tuple[Read[Any], Any]]:
    """The reads whose getters can be evaluated now, with what they ask for."""
    level: list[tuple[Read[Any], Any]] = []
    for read in pending.values():
        try:
            if isinstance(read, AggregateRead):
                level.append((cast("Read[Any]", read), read.group(store)))
            elif isinstance(read, ReferenceRead):
                level.append((read, read.references(store)))
            elif isinstance(read, QueryRead):
                level.append((cast("Read[Any]", read), read.bind(store)))
        except NotLoaded:
            continue
    return level


def _load_level(
    store: Store, level: list[tuple[Read[Any], Any]], reader: Reader, read_set: ReadSet
) -> None:
    paths: list[str] = []
    for read, asked in level:
        if isinstance(read, AggregateRead):
            paths += read.spec.shard_paths(asked)
        elif isinstance(read, ReferenceRead):
            paths += read.paths(asked)
    documents = _get(paths, reader, read_set)
    results: dict[str, list[Document]] = {}
    for read, asked in level:
        if isinstance(read, QueryRead) and not isinstance(read, AggregateRead):
            results[read.name] = reader.query(asked)
            read_set.add_query(asked, results[read.name])
    for read, asked in level:  # after all reads are noted: an error here leaves none out
        if isinstance(read, AggregateRead):
            store.put(
                read.name, _aggregate(cast("AggregateRead[Any]", read), asked, documents, reader)
            )
        elif isinstance(read, ReferenceRead):
            store.put(read.name, read.value(asked, documents))
        elif isinstance(read, QueryRead):
            found = cast("QueryRead[Any]", read).value(results[read.name])
            store.put(read.name, found)


def _aggregate(
    read: AggregateRead[Any], group: str, documents: dict[str, Document], reader: Reader
) -> dict[str, Any]:
    # The queries for extremes are not noted: whatever changes their result changes a shard, in
    # the same commit.
    spec = read.spec
    extremes = {name: reader.query(query) for name, query in spec.extreme_queries(group).items()}
    return spec.values([documents[path] for path in spec.shard_paths(group)], extremes)


def _get(paths: list[str], reader: Reader, read_set: ReadSet) -> dict[str, Document]:
    if not paths:
        return {}
    documents = reader.get(list(dict.fromkeys(paths)))
    read_set.add_documents(list(documents.values()))
    return documents
