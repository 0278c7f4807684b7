"""Memory: sources of a view's last build, kept in its ledger record (`consistency="eventual"`).

With it, an event costs only the look-up that finds the record: the event's payload replaces the
remembered version, and the build uses that. Each source advances separately and never goes back: an
event with the remembered version or an older one is covered. A source that is not remembered is
read, and locked until the commit like every gain.

A payload is used only for a document that is remembered as existing. For a document that is
missing, or that no query selected, the event may be older than a deletion that was already seen, so
the document is read.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from google.cloud.firestore_v1.types import ListDocumentsResponse
from google.protobuf.message import DecodeError

from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.records.ledger import LedgerRecord, is_shard
from onto_fn.events.change import Change
from onto_fn.firestore import Document, Query
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.matching import identity, is_decidable, matches, selected
from onto_fn.firestore.paths import parent_collection
from onto_fn.firestore.values import (
    ANY_DATABASE,
    decode_fields,
    decode_time,
    fill_fields,
    fill_time,
)
from onto_fn.store import ReadSet
from onto_fn.store.asking import Answer, Asked
from onto_fn.views import Definition

Project = Callable[[Document], Document]

_log = logging.getLogger("onto_fn")
# The protobuf form of the generated class, which carries no types.
_Documents = cast(Any, ListDocumentsResponse).pb()


@dataclass(frozen=True)
class Memory:
    """Documents and queries that need not be read.

    Attributes:
        documents: by path, those that are missing included.
        queries: identities of the queries that the last build asked. Decidable ones select only
            among `documents` and the document of `change`.
        change: the event, if its document must be read before the event can be used.
        messages: documents in their protobuf form, which can be reused.
    """

    documents: Mapping[str, Document] = field(default_factory=dict[str, Document])
    queries: frozenset[str] = frozenset()
    change: Change | None = None
    messages: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __bool__(self) -> bool:
        return bool(self.documents)

    def recalls(self, query: Query) -> bool:
        """Whether the result of a query is known, apart from the event's change."""
        return is_decidable(query) and identity(query) in self.queries

    def overlooks(self, read_set: ReadSet) -> bool:
        """Whether a recalled result lacks a matching document that another read found.

        The record would cover a version that the query did not see, and the later event would find
        nothing to do.
        """
        results = [(query, found) for query, found in read_set.queries if self.recalls(query)]
        return any(
            path not in found and matches(query, document)
            for path, document in read_set.documents.items()
            if document is not self.documents.get(path)
            for query, found in results
        )

    def after(self, change: Change, project: Project) -> Memory:
        """What is remembered after an event that is not covered."""
        known = self.documents.get(change.path)
        if known is None or not known.exists or not change.has_content:
            rest = {path: found for path, found in self.documents.items() if path != change.path}
            return replace(self, documents=rest, change=change)
        now = project(cast(Document, change.after))
        messages = {path: known for path, known in self.messages.items() if path != change.path}
        return replace(self, documents={**self.documents, change.path: now}, messages=messages)

    def lacking(self, asked: Asked) -> Asked:
        """The part of a store's reads that is not remembered."""
        recalled = [query for query in asked.queries if self.recalls(query)]
        paths = [path for path in asked.paths if path not in self.documents]
        if any(self._may_enter(query) for query in recalled):
            paths.append(cast(Change, self.change).path)
        unknown = [query for query in asked.queries if query not in recalled]
        return Asked(list(dict.fromkeys(paths)), unknown)

    def completed(self, asked: Asked, answer: Answer) -> Answer:
        """The answer to all reads of a store, from memory and what was read."""
        known = {**self.documents, **answer.documents}
        # Documents read by reference are not part of a recalled result; see `overlooks`.
        entering = [] if self.change is None else [self.change.path]
        candidates = {**self.documents, **{p: known[p] for p in entering if p in known}}
        results = iter(answer.results)
        return Answer(
            {path: known[path] for path in asked.paths},
            [
                selected(query, candidates.values()) if self.recalls(query) else next(results)
                for query in asked.queries
            ],
        )

    def _may_enter(self, query: Query) -> bool:
        """Whether the event's document may match the query now but did not before."""
        change = self.change
        if change is None or parent_collection(change.path) != query.collection:
            return False
        return not change.has_content or matches(query, cast(Document, change.after))


NOTHING = Memory()


def recall(item: Affected, change: Change | None) -> Memory:
    """What a build of a materialisation does not have to read.

    A rebuild, or a build after a change of the definition's code, reads everything.
    """
    record, definition = item.record, item.definition
    if definition.consistency != "eventual" or change is None or record is None:
        return NOTHING
    if record.memory is None or record.fingerprint != definition.fingerprint:
        return NOTHING
    try:
        container = _Documents.FromString(zlib.decompress(record.memory["documents"]))
        messages = {message.name: message for message in container.documents}
        known = Memory(
            {path: _document(message) for path, message in messages.items()},
            frozenset(record.memory["queries"]),
            messages=messages,
        )
    except (DecodeError, KeyError, TypeError, ValueError, zlib.error) as error:
        _log.warning(
            "%s: its remembered sources cannot be read (%r); reading the sources instead",
            record.path,
            error,
        )
        return NOTHING
    return known.after(change, projection(definition)) or NOTHING


def remembered(
    definition: Definition, read_set: ReadSet, before: Memory = NOTHING
) -> dict[str, Value]:
    """What a ledger record keeps of a build's reads, for `recall`.

    Args:
        definition: what was built.
        read_set: what the build has read.
        before: what it did not have to read.
    """
    project = projection(definition)
    kept = set(read_set.sources)
    for query, result in read_set.queries:
        kept |= set(result) if is_decidable(query) else set()
    container = _Documents()
    for path, document in read_set.documents.items():
        if path not in kept:
            continue
        message = container.documents.add()
        if path in before.messages and document is before.documents.get(path):
            message.CopyFrom(before.messages[path])
        else:
            _fill(message, project(document))
    return {
        "queries": sorted({identity(query) for query, _ in read_set.queries}),
        "documents": zlib.compress(container.SerializeToString(), 1),
    }


def is_new(query: Query, record: LedgerRecord | None) -> bool:
    """Whether a query is new: the record does not show that its build asked it.

    An event that uses remembered sources (the root, for instance) does not ask the query either. It
    may then find nothing to do about a document that the query selects.
    """
    memory = record.memory if record else None
    if memory is None:
        return False
    queries = memory.get("queries")
    return not isinstance(queries, list) or identity(query) not in queries


def projection(definition: Definition) -> Project:
    """Keeps only the document fields that the models of a definition read.

    Those are the declared ones, of models with `extra="ignore"`; any other sees all fields.
    """
    models = definition.store.models()
    names: dict[str, frozenset[str] | None] = {}

    def of(path: str) -> frozenset[str] | None:
        if is_shard(path):
            return None
        seen = [model.seen_fields() for model in models if model.owns(path)]
        if not seen or None in seen:
            return None
        return frozenset[str]().union(*(one for one in seen if one is not None))

    def project(document: Document) -> Document:
        collection = parent_collection(document.path)
        if collection not in names:
            names[collection] = of(document.path)
        wanted = names[collection]
        if wanted is None or document.fields is None or document.fields.keys() <= wanted:
            return document
        fields: Fields = {name: v for name, v in document.fields.items() if name in wanted}
        return replace(document, fields=fields)

    return project


def _fill(message: Any, document: Document) -> None:
    message.name = document.path
    if document.fields is not None and document.update_time is not None:
        fill_time(message.update_time, document.update_time, document.path)
        fill_fields(message.fields, document.fields, documents=ANY_DATABASE, where=document.path)


def _document(message: Any) -> Document:
    if not message.HasField("update_time"):
        return Document(message.name, None, None)
    fields = decode_fields(message.fields, ANY_DATABASE)
    return Document(message.name, fields, decode_time(message.update_time))
