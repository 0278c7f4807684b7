"""`Repository`: reads and writes domain models outside of a view."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from onto_fn.errors import InvalidReference
from onto_fn.firestore import Database, Write
from onto_fn.models.domain import DomainModel
from onto_fn.models.model_type import mark_stored
from onto_fn.models.queries import ModelQuery
from onto_fn.models.references import Ref

M = TypeVar("M", bound=DomainModel)


def path_of(model: type[DomainModel], ref: Ref[Any] | str) -> str:
    """The path of a document, by reference or id.

    Raises:
        InvalidReference: the reference is into another database.
    """
    if isinstance(ref, str):
        return model.ref(ref).path
    if ref.database is not None:
        raise InvalidReference(f"{ref} is in another database than the one that is read")
    return ref.path


class Repository:
    """Domain models of one database, for scripts, tests and HTTP handlers.

    Views do not use it: all their reads are declared in a store.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, model: type[M], ref: Ref[Any] | str) -> M | None:
        """One object by reference or id, or None if the document does not exist.

        Raises:
            InvalidDocument: the document does not fit the model.
            InvalidReference: the reference is into another database.
        """
        path = path_of(model, ref)
        documents, _ = self._database.get([path])
        document = documents[path]
        return model.from_document(document) if document.exists else None

    def find(self, query: ModelQuery[M]) -> list[M]:
        """All objects that a query matches.

        Raises:
            InvalidDocument: a document does not fit the model.
        """
        documents, _ = self._database.query(query.query())
        return [query.model.from_document(document) for document in documents]

    def save(self, *models: DomainModel) -> None:
        """Write whole documents, all or none."""
        writes = [Write(model.doc_ref.path, DomainModel.doc_fields(model)) for model in models]
        time = self._database.commit(writes)
        for model, write in zip(models, writes, strict=True):
            mark_stored(model, write.path, time)

    @overload
    def delete(self, *targets: DomainModel) -> None: ...
    @overload
    def delete(self, *targets: Ref[Any]) -> None: ...
    def delete(self, *targets: DomainModel | Ref[Any]) -> None:
        """Delete documents, all or none."""
        paths = [t.doc_ref.path if isinstance(t, DomainModel) else t.path for t in targets]
        self._database.commit([Write(path, None) for path in paths])
