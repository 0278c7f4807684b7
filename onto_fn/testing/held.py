"""A database in a dict, which replaces Firestore in unit tests."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from onto_fn.aggregates.spec import AGGREGATES, AggregateSpec, Contribution
from onto_fn.engine.aggregate.contribution import contribution_fields
from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, Query
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.matching import found
from onto_fn.firestore.paths import check_document_path, parent_collection
from onto_fn.firestore.sizes import check_size
from onto_fn.firestore.values import decode_fields, encode_fields
from onto_fn.models import DomainModel
from onto_fn.store import Store

__all__ = ["Documents", "Held", "stored"]

Documents = Mapping[str, Fields] | Iterable[DomainModel]
"""The documents of a test's database: fields by document path, or objects of domain models."""

_LOG = logging.getLogger("onto_fn")  # pytest shows the log of a failed test
_DATABASE = "projects/demo-unit-test/databases/(default)/documents"
_VERSION = datetime(2000, 1, 1, tzinfo=UTC)


class Held:
    """A `Reader` of given documents, as one snapshot.

    Queries match as in Firestore. Aggregates are counted over the documents.

    Args:
        documents: all documents of the database.
        stores: the stores whose aggregates are counted.

    Raises:
        InvalidPath: a path does not name a document.
        InvalidValue: a value has no form in Firestore; the message names document and field.
    """

    def __init__(self, documents: Documents, stores: Iterable[type[Store]] = ()) -> None:
        given = (
            cast("Mapping[str, Fields]", documents).items()
            if isinstance(documents, Mapping)
            else ((model.doc_ref.path, model.doc_fields()) for model in documents)
        )
        self._documents: dict[str, Document] = {}
        for path, fields in given:
            self._put(check_document_path(path), stored(path, fields))
        sources = list(self._documents.values())
        for store in stores:
            for aggregate in store.aggregates():
                self._count(aggregate.numbered(0), sources)

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """The documents by path, including those that do not exist."""
        return {path: self._documents.get(path, Document(path, None, None)) for path in paths}

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches, in its order."""
        return found(query, self._documents.values())

    def _put(self, path: str, fields: Fields) -> None:
        self._documents[path] = Document(path, fields, _VERSION, _VERSION)

    def _count(self, aggregate: AggregateSpec, sources: list[Document]) -> None:
        """Add the documents that the functions would have written for an aggregate."""
        shards: dict[str, dict[str, Any]] = {}
        for source in sources:
            collection = aggregate.shape.collection.match(parent_collection(source.path))
            if collection is None or not aggregate.accepts(source):
                continue
            part = _part(aggregate, source)
            if part is None:
                continue
            self._put(aggregate.contribution_path(source.path), contribution_fields(part))
            for group in part.groups:
                path = f"{AGGREGATES}/{group}/shards/{part.shard}"
                for names, amount in part.amounts.items():
                    _add(shards.setdefault(path, {}), names, amount)
        for path, fields in shards.items():
            self._put(path, fields)


def stored(path: str, fields: Fields) -> dict[str, Value]:
    """A document's fields as a client reads them after a write.

    Raises:
        InvalidValue: a value has no form in Firestore; the message names document and field.
        DocumentTooLarge: they exceed Firestore's limit for a document.
    """
    encoded = encode_fields(fields, documents=_DATABASE, where=path)
    check_size(path, fields)
    return decode_fields(encoded, _DATABASE)


def _part(aggregate: AggregateSpec, source: Document) -> Contribution | None:
    """A document's contribution; None, with an error in the log, if it cannot be counted.

    Functions write a dead letter instead.
    """
    try:
        return aggregate.contribution(source, aggregate.model.from_document(source))
    except PermanentError as error:
        _LOG.error("%s does not count %s: %s", aggregate.name, source.path, error)
        return None


def _add(fields: dict[str, Any], names: Sequence[str], amount: float) -> None:
    *outer, last = names
    for name in outer:
        fields = fields.setdefault(name, {})
    fields[last] = fields.get(last, 0) + amount
