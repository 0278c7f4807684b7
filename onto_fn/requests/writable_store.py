"""A store that is loaded to be changed: which documents its objects' changes make it write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from onto_fn.errors import BuildError
from onto_fn.firestore import Document, Query, Write
from onto_fn.models import DomainModel
from onto_fn.models.content import Made
from onto_fn.models.domain import stored_content
from onto_fn.requests.edits import Edits, Original, applied, conflict
from onto_fn.store import Reader, ReadSet, Store, load
from onto_fn.views import ViewDocument

S = TypeVar("S", bound=Store)


@dataclass
class _Recorder:
    """A reader that keeps what it has read."""

    reader: Reader
    documents: dict[str, Document] = field(default_factory=dict[str, Document])

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        found = self.reader.get(paths)
        self.documents.update(found)
        return found

    def query(self, query: Query) -> list[Document]:
        found = self.reader.query(query)
        self.documents.update({document.path: document for document in found})
        return found


@dataclass
class _Tracked:
    """An object of the store, the path of its document, and how it was when it was read."""

    model: DomainModel
    path: str
    original: Original


class WritableStore(Generic[S]):
    """A loaded store, and how its objects were when it was.

    A document that several reads have found is one object in all of them, so that a change to it
    shows everywhere.

    Attributes:
        store: the store.
        read_set: all that was read, with its versions.
    """

    def __init__(self, store: S, read_set: ReadSet, documents: dict[str, Document]) -> None:
        self.store = store
        self.read_set = read_set
        self._documents = documents
        self._tracked = [
            _Tracked(model, path, _original(model, documents[path]))
            for path, model in _unified(store, documents)
        ]

    @classmethod
    def load(cls, store: type[S], root: str, reader: Reader) -> WritableStore[S] | None:
        """Read a store; None if its root does not exist or is not of the root's class.

        Raises:
            PermanentError: a document is missing or does not fit its model, or a getter raised.
        """
        recorder, read_set = _Recorder(reader), ReadSet()
        loaded = load(store, root, recorder, read_set)
        return None if loaded is None else cls(loaded, read_set, recorder.documents)

    def owns(self, model: DomainModel) -> bool:
        """Whether an object is one of the store's."""
        return any(tracked.model is model for tracked in self._tracked)

    def writes(self) -> tuple[Write, ...]:
        """The write of each document that has changed, on the precondition of its version.

        What has not changed stays as it is stored, at every depth; see `edits`.

        Raises:
            BuildError: two objects of one document have changed one key differently, an object was
                given another id, or is a view's document.
            InvalidDocument: a changed document would not fit its model.
        """
        changes: dict[str, Edits] = {}
        for tracked in self._tracked:
            edits = _edits(tracked)
            if edits:
                _join(changes.setdefault(tracked.path, {}), edits, tracked)
        contents = {
            path: applied(self._documents[path].fields or {}, edits)
            for path, edits in changes.items()
        }
        for tracked in self._tracked:
            if tracked.path in contents:  # as every later read will see it
                type(tracked.model).from_document(
                    Document(tracked.path, contents[tracked.path], None)
                )
        return tuple(
            Write(path, contents[path], self._documents[path].update_time)
            for path in sorted(contents)
        )

    def written(self, writes: Sequence[Write], time: datetime) -> None:
        """Use the committed content as what was read: later changes are compared with it."""
        for write in writes:
            self._documents[write.path] = Document(write.path, write.fields, time)
            for versions in (self.read_set.sources, self.read_set.matched):
                if write.path in versions:
                    versions[write.path] = time
            for _, result in self.read_set.queries:
                if write.path in result:
                    result[write.path] = time
        for tracked in self._tracked:
            tracked.original = _original(tracked.model, self._documents[tracked.path])


def _original(model: DomainModel, document: Document) -> Original:
    made: Made = {}
    content = stored_content(model, made)
    return Original(document.fields or {}, content, made)


def _edits(tracked: _Tracked) -> Edits:
    model = tracked.model
    if model.doc_ref.path != tracked.path:
        raise BuildError(
            f"{tracked.path} was given the doc_id {model.doc_id!r}; the id of a document that "
            "exists cannot be changed"
        )
    made: Made = {}
    content = stored_content(model, made)
    edits = tracked.original.edits(content, made)
    if edits and isinstance(model, ViewDocument):
        raise BuildError(
            f"{tracked.path} is a view document, which is computed; change the domain models from "
            "which it is computed"
        )
    return edits


def _join(known: Edits, edits: Edits, tracked: _Tracked) -> None:
    place = conflict(known, edits)
    if place is not None:
        raise BuildError(
            f"{tracked.path}: two objects of this document were given different values for "
            f"{'.'.join(place)!r}; one of them is a {type(tracked.model).__name__}"
        )
    known |= edits


def _unified(store: Store, documents: dict[str, Document]) -> Iterator[tuple[str, DomainModel]]:
    """Make objects of one class and one document the same; yields each, with its path."""
    known: dict[tuple[type[DomainModel], str], DomainModel] = {}

    def one(model: object) -> object:
        if not isinstance(model, DomainModel) or model.doc_update_time is None:
            return model  # not a document: an aggregate, or the default of a read
        path = model.doc_ref.path
        return known.setdefault((type(model), path), model) if path in documents else model

    for name in type(store).reads():
        store.put(name, _mapped(store.loaded(name), one))
    for (_, path), model in known.items():
        yield path, model


def _mapped(value: object, change: Callable[[object], object]) -> Any:
    if isinstance(value, list):
        return [change(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {key: change(item) for key, item in items}
    return change(value)
