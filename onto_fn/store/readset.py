"""`ReadSet`: all that a build has read, with the versions that it saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document
from onto_fn.firestore.queries import SHORT, Query, document_key


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
    """

    sources: dict[str, datetime | None] = field(default_factory=dict[str, "datetime | None"])
    matched: dict[str, datetime] = field(default_factory=dict[str, datetime])
    queries: list[tuple[Query, dict[str, datetime | None]]] = field(
        default_factory=list[tuple[Query, "dict[str, datetime | None]"]]
    )
    skipped: dict[str, InvalidDocument] = field(default_factory=dict[str, InvalidDocument])
    documents: dict[str, Document] = field(default_factory=dict[str, Document])

    def add_documents(self, documents: Iterable[Document]) -> None:
        """Note documents read by reference."""
        for document in documents:
            self.sources[document.path] = document.update_time
            self.documents[document.path] = document

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
