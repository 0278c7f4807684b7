"""The ledger: one record per materialised root, in the collection `onto_ledger`.

The record is committed together with the documents, so whatever it says is done, is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote

from onto_fn.errors import UnreadableRecord
from onto_fn.firestore import Document
from onto_fn.firestore.documents import Fields, Value
from onto_fn.store.aggregates import AGGREGATES, CONTRIBUTIONS

LEDGER_COLLECTION = "onto_ledger"
DEAD_LETTER_COLLECTION = "onto_dead_letters"
OUTBOX_COLLECTION = "onto_outbox"
INBOX_COLLECTION = "onto_inbox"
BACKFILL_COLLECTION = "onto_backfills"
OWN_COLLECTIONS = frozenset(
    {
        LEDGER_COLLECTION,
        DEAD_LETTER_COLLECTION,
        OUTBOX_COLLECTION,
        INBOX_COLLECTION,
        BACKFILL_COLLECTION,
        AGGREGATES,
        CONTRIBUTIONS,
    }
)
# A change to one of these never is a view's source, whatever template a model has (G8).
UNWATCHED_COLLECTIONS = OWN_COLLECTIONS - {AGGREGATES}
MAX_MESSAGE = 2000
_MAX_ID = 1200


@dataclass(frozen=True)
class Failure:
    """Why the last build failed.

    Attributes:
        kind: class of the error.
        message: its text.
        count: failed builds in a row.
        since: snapshot time of the first of them.
    """

    kind: str
    message: str
    count: int
    since: datetime

    @classmethod
    def of(cls, error: Exception, since: datetime, count: int = 1) -> Failure:
        """The failure that an error is."""
        return cls(type(error).__name__, message_of(error), count, since)


@dataclass(frozen=True)
class LedgerRecord:
    """What was built from what.

    Attributes:
        definition: name of the view or mediator.
        root: path of the root.
        sources: version vector of what was read by reference: path -> update time, None if MISSING.
        matched: versions of what queries returned.
        watches: keys by which a changed document finds this record.
        documents: digest of each document that was built, by path.
        fingerprint: of the definition that built it.
        built: whether it was ever built since the root was created.
        failure: set if the last build failed; `documents` are then of the last that did not.
        event_id: of the event that caused the commit.
        read_time: of the snapshot that was built from.
        update_time: of the record itself, the precondition of the next commit; None if it is new.
        shard: which of the root's records it is.
    """

    definition: str
    root: str
    sources: Mapping[str, datetime | None]
    matched: Mapping[str, datetime | None]
    watches: frozenset[str]
    documents: Mapping[str, str]
    fingerprint: str
    built: bool
    failure: Failure | None
    event_id: str
    read_time: datetime
    update_time: datetime | None = None
    shard: int = 0

    @property
    def path(self) -> str:
        """The record's own document path."""
        return ledger_path(self.definition, self.root, self.shard)

    @property
    def versions(self) -> dict[str, datetime | None]:
        """Every document that was read: path -> update time, None if MISSING."""
        return {**self.matched, **self.sources}

    def to_fields(self) -> dict[str, Value]:
        """The record's document."""
        failure = self.failure
        return {
            "definition": self.definition,
            "root": self.root,
            "shard": self.shard,
            "sources": _pairs(self.sources, "time"),
            "matched": _pairs(self.matched, "time"),
            "watches": sorted(self.watches),
            "documents": _pairs(self.documents, "digest"),
            "fingerprint": self.fingerprint,
            "built": self.built,
            "failure": None
            if failure is None
            else {
                "kind": failure.kind,
                "message": failure.message,
                "count": failure.count,
                "since": failure.since,
            },
            "eventId": self.event_id,
            "readTime": self.read_time,
        }

    @staticmethod
    def from_document(document: Document) -> LedgerRecord | None:
        """The record in a document, or None if it does not exist.

        Raises:
            UnreadableRecord: it is none of onto_fn's.
        """
        if document.fields is None:
            return None
        try:
            return LedgerRecord._of(document, document.fields)
        except (AttributeError, KeyError, TypeError) as error:
            raise UnreadableRecord(document.path, repr(error)) from error

    @staticmethod
    def _of(document: Document, fields: Fields) -> LedgerRecord:
        failure = fields["failure"]
        for name in ("definition", "root", "fingerprint"):
            if not isinstance(fields[name], str):
                raise TypeError(f"{name} is no text")
        return LedgerRecord(
            definition=fields["definition"],
            root=fields["root"],
            sources=_by_path(fields["sources"], "time"),
            matched=_by_path(fields["matched"], "time"),
            watches=frozenset(fields["watches"]),
            documents=_by_path(fields["documents"], "digest"),
            fingerprint=fields["fingerprint"],
            built=fields["built"],
            failure=None if failure is None else Failure(**failure),
            event_id=fields["eventId"],
            read_time=fields["readTime"],
            update_time=document.update_time,
            shard=fields.get("shard", 0),
        )


def _pairs(values: Mapping[str, Value], name: str) -> list[dict[str, Value]]:
    """Values by path as a list: a path may be longer than the key of a map."""
    return [{"path": path, name: value} for path, value in values.items()]


def _by_path(pairs: list[dict[str, Value]], name: str) -> dict[str, Value]:
    return {pair["path"]: pair[name] for pair in pairs}


def message_of(error: Exception) -> str:
    """An error's text as a document can hold it, whatever code and data made of it.

    A model's problems with a long list, or a lone surrogate, must not keep the dead letter from
    being written.
    """
    text = str(error).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1]}…"


def is_shard(path: str) -> bool:
    """Whether a document is one of an aggregate's: a source only of what has read that very one.

    A model whose collection is all variables could take it for one of its own.
    """
    return path.partition("/")[0] == AGGREGATES


def record_id(definition: str, root: str) -> str:
    """The id of a root's first ledger record, and of its dead letter."""
    readable = f"{definition}~{quote(root, safe='')}"
    if len(readable) <= _MAX_ID:
        return readable
    return f"{definition}~{hashlib.blake2b(root.encode(), digest_size=20).hexdigest()}"


def root_of_id(definition: str, identifier: str) -> str | None:
    """The root whose ledger record has an id, or None if the id does not tell."""
    name, _, rest = identifier.partition("~")
    root = unquote(rest.partition("~")[0])
    expected = record_id(definition, root)
    if name != definition or "/" not in root:
        return None
    return root if identifier == expected or identifier.startswith(f"{expected}~") else None


def ledger_path(definition: str, root: str, shard: int = 0) -> str:
    """Document path of a root's ledger record, or of one of its records."""
    suffix = f"~{shard}" if shard else ""
    return f"{LEDGER_COLLECTION}/{record_id(definition, root)}{suffix}"


def dead_letter_path(definition: str, root: str) -> str:
    """Document path of a root's dead letter."""
    return f"{DEAD_LETTER_COLLECTION}/{record_id(definition, root)}"
