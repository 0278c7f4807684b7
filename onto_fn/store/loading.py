"""Reading a store: level by level, one batched read a level, every read noted.

What a store asks for and who reads it are apart: a loading is a generator that asks. So one store
can be loaded by itself, or many in step, with one batched read a level for all of them.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from onto_fn.errors import BuildError, PermanentError
from onto_fn.firestore import Document, Query
from onto_fn.store.aggregate_reads import AggregateRead
from onto_fn.store.aggregates import AggregateSpec
from onto_fn.store.generations import shown_by
from onto_fn.store.queries import QueryRead
from onto_fn.store.reads import NotLoaded, Read, ReferenceRead, Root
from onto_fn.store.readset import ReadSet
from onto_fn.store.store import Store

S = TypeVar("S", bound=Store)
T = TypeVar("T")


class Reader(Protocol):
    """One consistent snapshot of the database."""

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Documents by path, those that do not exist included."""
        ...

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches."""
        ...


@dataclass(frozen=True)
class Asked:
    """What a loading needs next: documents by path, or the results of queries."""

    paths: Sequence[str] = ()
    queries: Sequence[Query] = ()


@dataclass(frozen=True)
class Answer:
    """The documents by path, and the queries' results in the order of the queries."""

    documents: dict[str, Document]
    results: list[list[Document]]


Asking = Generator[Asked, Answer, T]


def answered(asking: Asking[T], reader: Reader) -> T:
    """Answer all that is asked for, and return what comes of it."""
    return answered_in_step([asking], reader)[0]


def answered_in_step(askings: Sequence[Asking[T]], reader: Reader) -> list[T]:
    """Answer several, with one batched read for what all of them ask at a time.

    Raises:
        PermanentError: a batched read for more than one is refused.
    """
    ends: dict[int, T] = {}
    waiting: dict[int, Asked] = {}

    def go_on(place: int, answer: Answer | PermanentError | None) -> None:
        asking = askings[place]
        try:
            if isinstance(answer, PermanentError):
                waiting[place] = asking.throw(answer)
            else:
                waiting[place] = next(asking) if answer is None else asking.send(answer)
        except StopIteration as end:
            ends[place] = end.value

    for place in range(len(askings)):
        go_on(place, None)
    while waiting:
        asked, waiting = waiting, {}
        paths = list(dict.fromkeys(path for item in asked.values() for path in item.paths))
        refused: PermanentError | None = None
        documents: dict[str, Document] = {}
        try:
            documents = reader.get(paths) if paths else {}
        except PermanentError as error:
            if len(askings) > 1:
                raise
            refused = error
        for place, item in asked.items():
            go_on(place, refused or _answer(item, documents, reader))
    return [ends[place] for place in range(len(askings))]


def _answer(
    asked: Asked, documents: dict[str, Document], reader: Reader
) -> Answer | PermanentError:
    try:
        results = [reader.query(query) for query in asked.queries]
    except PermanentError as error:
        return error
    return Answer({path: documents[path] for path in asked.paths}, results)


def load(store_type: type[S], root_path: str, reader: Reader, read_set: ReadSet) -> S | None:
    """Read all that a store declares; see `loading`."""
    return answered(loading(store_type, root_path, read_set), reader)


def loading(
    store_type: type[S],
    root_path: str,
    read_set: ReadSet,
    given: Mapping[str, Any] | None = None,
) -> Asking[S | None]:
    """Ask for all that a store declares.

    Args:
        store_type: the store's class.
        root_path: document path of the root.
        read_set: receives every read as it happens, so that it is complete even when an error
            ends the loading: the error's cause is then part of it.
        given: values of reads, by name, that are not to be read.

    Returns:
        The loaded store, or None if the root does not exist or is not of the root's class.

    Raises:
        PermanentError: a document is missing or does not fit its model, or a getter raised.
    """
    store = store_type()
    declared = store_type.root()
    document = (yield from _get([root_path], read_set))[root_path]
    if document.fields is None or not declared.model.accepts(document.fields):
        return None
    store.put(declared.name, declared.value(document))
    pending = {n: r for n, r in store_type.reads().items() if not isinstance(r, Root)}
    for name, value in (given or {}).items():
        store.put(name, value)
        del pending[name]
    while pending:
        level = _ready(store, pending)
        if not level:
            raise BuildError(
                f"{store_type.__name__}: these reads wait for each other: {', '.join(pending)}"
            )
        yield from _load_level(store, level, read_set)
        for read, _ in level:
            del pending[read.name]
    return store


def _ready(store: Store, pending: dict[str, Read[Any]]) -> list[tuple[Read[Any], Any]]:
    """The reads whose getters can be evaluated now, with what they ask for."""
    level: list[tuple[Read[Any], Any]] = []
    for read in pending.values():
        try:
            if isinstance(read, AggregateRead):
                level.append((cast("Read[Any]", read), read.bind(store)))
            elif isinstance(read, ReferenceRead):
                level.append((read, read.references(store)))
            elif isinstance(read, QueryRead):
                level.append((cast("Read[Any]", read), read.bind(store)))
        except NotLoaded:
            continue
    return level


def _load_level(
    store: Store, level: list[tuple[Read[Any], Any]], read_set: ReadSet
) -> Asking[None]:
    paths: list[str] = []
    for read, asked in level:
        if isinstance(read, AggregateRead):
            paths.append(read.spec.pointer_path)
        elif isinstance(read, ReferenceRead):
            paths += read.paths(asked)
    documents = yield from _get(paths, read_set)
    queries: dict[str, Query] = {
        read.name: asked
        for read, asked in level
        if isinstance(read, QueryRead) and not isinstance(read, AggregateRead)
    }
    results: dict[str, list[Document]] = {}
    if queries:
        try:
            answer = yield Asked(queries=list(queries.values()))
        except PermanentError as error:
            titles = ", ".join(f"{type(store).__name__}.{name}" for name in queries)
            raise BuildError(f"{titles}: {error}") from error
        for name, found in zip(queries, answer.results, strict=True):
            results[name] = found
            read_set.add_query(queries[name], found)
    # After all reads are noted: an error here leaves none out.
    yield from _load_aggregates(
        store,
        [(read, asked) for read, asked in level if isinstance(read, AggregateRead)],
        documents,
        read_set,
    )
    for read, asked in level:
        if isinstance(read, AggregateRead):
            continue
        if isinstance(read, ReferenceRead):
            store.put(read.name, read.value(asked, documents, read_set.skipped))
        elif isinstance(read, QueryRead):
            queried = cast("QueryRead[Any]", read)
            store.put(read.name, queried.value(results[read.name], read_set.skipped))


def _load_aggregates(
    store: Store,
    level: list[tuple[AggregateRead[Any], Query]],
    pointers: dict[str, Document],
    read_set: ReadSet,
) -> Asking[None]:
    """Read the shards of the generations that the pointers name, and add them up."""
    wanted: list[tuple[AggregateRead[Any], AggregateSpec, str]] = []
    for read, query in level:
        shown = shown_by(read.spec, pointers[read.spec.pointer_path])
        wanted.append((read, shown, read.group(query, shown)))
    paths = [path for _, shown, group in wanted for path in shown.shard_paths(group)]
    shards = yield from _get(paths, read_set)
    for read, shown, group in wanted:
        # The queries for extremes are not noted: whatever changes their result changes a shard, in
        # the same commit.
        queries = {
            name: query
            for name, query in shown.extreme_queries(group).items()
            if read.spec.can_show(name, shown)  # else its index may be deleted already
        }
        extremes: dict[str, list[Document]] = {}
        if queries:
            answer = yield Asked(queries=list(queries.values()))
            extremes = dict(zip(queries, answer.results, strict=True))
        found = [shards[path] for path in shown.shard_paths(group)]
        store.put(read.name, read.spec.values(found, extremes, shown))


def _get(paths: list[str], read_set: ReadSet) -> Asking[dict[str, Document]]:
    if not paths:
        return {}
    answer = yield Asked(list(dict.fromkeys(paths)))
    read_set.add_documents(list(answer.documents.values()))
    return answer.documents
