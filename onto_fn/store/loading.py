"""Reading a store: level by level, one batched read per level; every read is recorded.

A `Loading` does not read: it says what it needs next and receives the answer; `load_all` is the
only loop that reads. So one store can be loaded alone, many in step with one batched read per
level, or from memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from onto_fn.errors import BuildError, InvalidDocument, PermanentError
from onto_fn.firestore import Document, Query
from onto_fn.firestore.queries import SHORT, document_key
from onto_fn.models.tracked import FieldsRead
from onto_fn.store.asking import NO_ANSWER, Answer, Asked
from onto_fn.store.objects import Objects, Templates
from onto_fn.store.reads import NOTHING_THERE, NotLoaded, Read
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


@runtime_checkable
class AtOnce(Protocol):
    """A snapshot that runs several queries at the same time."""

    def queries(self, queries: Sequence[Query]) -> list[list[Document] | PermanentError]:
        """The documents that each query matches, or why it is refused."""
        ...


@dataclass
class ReadSet:
    """What one build has read.

    Attributes:
        sources: documents read by reference: path -> update time, or None where MISSING.
        matched: documents that queries returned: path -> update time.
        queries: the queries that were run, each with its result: path -> update time.
        skipped: invalid documents that were left out, by path. They are part of the read set, so
            that fixing them rebuilds the view.
        documents: the documents themselves, by path. If a document was read at two versions
            (possible only with `consistency="eventual"`), the older one is kept here and above: the
            event of the newer one is still to come.
        fields: which of their fields were read; None if that is unknown.
    """

    sources: dict[str, datetime | None] = field(default_factory=dict[str, "datetime | None"])
    matched: dict[str, datetime] = field(default_factory=dict[str, datetime])
    queries: list[tuple[Query, dict[str, datetime | None]]] = field(
        default_factory=list[tuple[Query, "dict[str, datetime | None]"]]
    )
    skipped: dict[str, InvalidDocument] = field(default_factory=dict[str, InvalidDocument])
    documents: dict[str, Document] = field(default_factory=dict[str, Document])
    fields: FieldsRead | None = None

    def add_documents(self, documents: Iterable[Document]) -> None:
        """Note documents read by reference."""
        sources, known = self.sources, self.documents
        for document in documents:
            path = document.path
            sources[path] = document.update_time
            known[path] = document

    def add_query(self, query: Query, documents: list[Document]) -> None:
        """Note a query and its result."""
        self.queries.append((query, {d.path: d.update_time for d in documents}))
        for document in documents:
            if document.update_time is None:
                continue
            before = self.matched.get(document.path)
            if before is None or document.update_time < before:
                self.matched[document.path] = document.update_time
                if document.path not in self.sources:
                    self.documents[document.path] = document

    @property
    def versions(self) -> dict[str, datetime | None]:
        """Every document read: path -> update time, or None where MISSING."""
        return {**self.matched, **self.sources}

    def watches(self) -> frozenset[str]:
        """The keys by which a changed document finds this build; see `firestore.queries`."""
        read = (self.matched, self.sources)
        keys = {
            path if len(path) <= SHORT else document_key(path) for paths in read for path in paths
        }
        for query, _ in self.queries:
            keys |= query.keys()
        return frozenset(keys)


class Known(Protocol):
    """Remembered documents, which are not read again."""

    def lacking(self, asked: Asked) -> Asked:
        """What has to be read of what is asked for."""
        ...

    def completed(self, asked: Asked, answer: Answer) -> Answer:
        """The whole answer, from what was read and what is known."""
        ...

    def overlooks(self, read_set: ReadSet) -> bool:
        """Whether an answer lacks what was read otherwise, so that all has to be read."""
        ...


class Asking(Protocol):
    """Requests documents until it has what it needs."""

    def asks(self) -> Asked | None:
        """What it needs next; None if it needs nothing more."""
        ...

    def receive(self, answer: Answer | PermanentError) -> None:
        """Receive the answer, or the reason why no document could be read."""
        ...


class _Entry:
    """A read of the level at hand, what it asks for, and what came."""

    __slots__ = ("answer", "asked", "read")

    def __init__(self, read: Read[Any], asked: Asked) -> None:
        self.read = read
        self.asked = asked
        self.answer = NO_ANSWER


class Loading(Generic[S]):
    """One store that is being loaded.

    Attributes:
        read_set: what was read.
        store: the store, once it is loaded; None if the root does not exist or is not of the root's
            class.
        error: why it cannot be loaded: a document is missing or does not fit its model, or a getter
            raised.
        known: what did not have to be read.

    Args:
        store_type: the store's class.
        root_path: document path of the root.
        read_set: receives every read as it happens, so that it is complete even when an error
            ends the loading: the error's cause is then part of it.
        given: values of reads, by name, that are not to be read.
        known: what need not be read.
        tracks: whether the read set notes which fields are read of the store's objects.
        templates: validated objects to share with other loadings that track.
    """

    def __init__(
        self,
        store_type: type[S],
        root_path: str,
        read_set: ReadSet,
        *,
        given: Mapping[str, Any] | None = None,
        known: Known | None = None,
        tracks: bool = False,
        templates: Templates | None = None,
    ) -> None:
        self._type = store_type
        self._root_path = root_path
        self._given = given or {}
        self._tracks = tracks
        self._templates = templates
        self._begin(read_set, known)

    def _begin(self, read_set: ReadSet, known: Known | None) -> None:
        self.read_set = read_set
        self.known = known
        if self._tracks:
            read_set.fields = FieldsRead()
        self._objects = Objects(read_set.skipped, read_set.fields, self._templates)
        self.store: S | None = None
        self.error: PermanentError | None = None
        self._loaded = self._type()
        self._values = vars(self._loaded)
        self._pending = dict(self._type.__reads__)
        for name, value in self._given.items():
            self._values[name] = value
            del self._pending[name]
        self._level = [_Entry(self._type.__root__, Asked((self._root_path,)))]
        self._waiting = self._level
        self._asked: Asked | None = self._level[0].asked

    def asks(self) -> Asked | None:
        """What has to be read next; None once the store is loaded or cannot be."""
        while self.known is not None:
            if self._asked is None:
                if not self.known.overlooks(self.read_set):
                    return None
                self._begin(ReadSet(), None)
                break
            rest = self.known.lacking(self._asked)
            if rest.paths or rest.queries:
                return rest
            self.receive(Answer({}))
        return self._asked

    def receive(self, answer: Answer | PermanentError) -> None:
        """Take what came of what was asked for."""
        try:
            if isinstance(answer, PermanentError):
                raise answer
            if self.known is not None and self._asked is not None and answer.error is None:
                answer = self.known.completed(self._asked, answer)
            self._asked = self._next(answer)
        except PermanentError as error:
            self.error, self._asked = error, None

    def result(self) -> S | None:
        """The store.

        Raises:
            PermanentError: it cannot be loaded.
        """
        if self.error is not None:
            raise self.error
        return self.store

    def _next(self, answer: Answer) -> Asked | None:
        """Note what came; what to ask then: more for this level, or for the next."""
        self._note(answer)
        begin = 0
        entries, self._waiting = self._waiting, list[_Entry]()
        for entry in entries:
            entry.answer = answer
            if answer.results:
                end = begin + len(entry.asked.queries)
                entry.answer, begin = Answer(answer.documents, answer.results[begin:end]), end
                self._note_queries(entry)
        for entry in entries:
            more = entry.read.more(entry.asked, entry.answer) if entry.read.asks_twice else None
            if more is not None:
                entry.asked = more
                self._waiting.append(entry)
        if self._waiting:
            return _together(self._waiting)
        # After all reads of a level are noted: an error here leaves none out.
        for entry in self._level:
            read = entry.read
            value = read.value(entry.asked, entry.answer, self._objects)
            if value is NOTHING_THERE:
                return None
            self._values[read.name] = value
            del self._pending[read.name]
        if not self._pending:
            self.store = self._loaded
            return None
        self._level = self._waiting = self._ready()
        return _together(self._level)

    def _note(self, answer: Answer) -> None:
        """Note the documents that came.

        Raises:
            PermanentError: a query was refused.
        """
        self.read_set.add_documents(answer.documents.values())
        if answer.error is None:
            return
        noted = [entry for entry in self._waiting if entry.asked.queries and entry.asked.is_noted]
        if noted:
            titles = ", ".join(f"{self._type.__name__}.{entry.read.name}" for entry in noted)
            raise BuildError(f"{titles}: {answer.error}") from answer.error
        raise answer.error

    def _note_queries(self, entry: _Entry) -> None:
        if entry.asked.is_noted:
            for query, result in zip(entry.asked.queries, entry.answer.results, strict=True):
                self.read_set.add_query(query, result)

    def _ready(self) -> list[_Entry]:
        """The reads whose getters can be evaluated now, with what they ask for."""
        level: list[_Entry] = []
        for read in self._pending.values():
            try:
                level.append(_Entry(read, read.asks(self._loaded)))
            except NotLoaded:
                continue
        if not level:
            names = ", ".join(self._pending)
            raise BuildError(f"{self._type.__name__}: these reads depend on each other: {names}")
        return level


def load_all(loadings: Sequence[Asking], reader: Reader) -> None:
    """Read all that several ask for, with one batched read for what all of them ask at a time.

    Their queries of a time run at once, if the reader can.

    Args:
        loadings: receive what they ask for, until they ask no more.
        reader: one snapshot.

    Raises:
        PermanentError: a batched read for more than one is refused.
        TransientError: a read failed.
    """
    while True:
        waiting = [(asking, asked) for asking in loadings if (asked := asking.asks()) is not None]
        if not waiting:
            return
        paths = dict.fromkeys(path for _, asked in waiting for path in asked.paths)
        documents: Mapping[str, Document] = {}
        if paths:
            try:
                documents = reader.get(list(paths))
            except PermanentError as error:
                if len(loadings) > 1:
                    raise
                waiting[0][0].receive(error)
                continue
        queries = [query for _, asked in waiting for query in asked.queries]
        results = iter(_results(queries, reader) if queries else ())
        for asking, asked in waiting:
            found = [next(results) for _ in asked.queries]
            asking.receive(_answer(asked, documents, found))


def _results(queries: Sequence[Query], reader: Reader) -> Sequence[list[Document] | PermanentError]:
    """The result of each query, all at once if the reader can, or why it is refused."""
    if len(queries) > 1 and isinstance(reader, AtOnce):
        return reader.queries(queries)
    results: list[list[Document] | PermanentError] = []
    for query in queries:
        try:
            results.append(reader.query(query))
        except PermanentError as error:
            results.append(error)
    return results


def _answer(
    asked: Asked,
    documents: Mapping[str, Document],
    results: Sequence[list[Document] | PermanentError],
) -> Answer:
    own = {path: documents[path] for path in asked.paths}
    found: list[list[Document]] = []
    for result in results:
        if isinstance(result, PermanentError):
            return Answer(own, (), result)
        found.append(result)
    return Answer(own, found)


def load(
    store_type: type[S],
    root_path: str,
    reader: Reader,
    read_set: ReadSet,
    given: Mapping[str, Any] | None = None,
) -> S | None:
    """Read all that a store declares; None if its root does not exist or is of another class.

    Args:
        store_type: the store's class.
        root_path: document path of the root.
        reader: one snapshot.
        read_set: receives every read as it happens.
        given: values of reads, by name, that are not to be read.

    Raises:
        PermanentError: a document is missing or does not fit its model, or a getter raised.
    """
    loading = Loading(store_type, root_path, read_set, given=given)
    load_all([loading], reader)
    return loading.result()


def _together(entries: Sequence[_Entry]) -> Asked:
    """What several reads ask for at a time."""
    if len(entries) == 1:
        return entries[0].asked
    paths = [path for entry in entries for path in entry.asked.paths]
    return Asked(paths, [query for entry in entries for query in entry.asked.queries])
