"""The ledger: one record per materialised root, in the collection `onto_ledger`.

The record is committed together with the documents, so it always matches them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, cast
from urllib.parse import quote, unquote

from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.engine.records.cause import document_at_fault
from onto_fn.engine.records.place import place_of
from onto_fn.engine.records.skipped import NOTHING, Skipped
from onto_fn.errors import BuildError, OntoError, UnreadableRecord
from onto_fn.firestore import Document
from onto_fn.firestore.documents import Value
from onto_fn.firestore.rpc import RECORDS, Stored

LEDGER_COLLECTION = RECORDS
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
# A document in one of these is never a view's source, whichever template a model has (G8).
UNWATCHED_COLLECTIONS = OWN_COLLECTIONS - {AGGREGATES}
Reads = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of classes, each with names of its fields; all sorted."""
MAX_MESSAGE = 2000
_PLAIN_ROOT = re.compile(r"[\w.~/-]*", re.ASCII)
_MAX_ID = 1200
_KINDS: dict[str, Any] = {
    "definition": str,
    "root": str,
    "sources": list,
    "matched": list,
    "watches": list,
    "documents": list,
    "fingerprint": str,
    "built": bool,
    "failure": (dict, type(None)),
    "eventId": str,
    "readTime": datetime,
}
"""Of the fields that each record has."""
_PAIRS = {"sources": "time", "matched": "time", "documents": "digest"}
"""Lists of what belongs to a path each, and its name there."""


@dataclass(frozen=True)
class Failure:
    """Why the last build failed.

    Attributes:
        kind: class of the error.
        message: its text.
        count: failed builds in a row.
        since: snapshot time of the first of them.
        document: path of the document at fault, if the error names one. The dead letter has it, the
            ledger record does not.
    """

    kind: str
    message: str
    count: int
    since: datetime
    document: str = ""

    @classmethod
    def of(cls, error: Exception, since: datetime, count: int = 1) -> Failure:
        """The failure for an error."""
        document = document_at_fault(error)
        return cls(type(error).__name__, message_of(error), count, since, document)


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
        failure: set if the last build failed; `documents` are then those of the last successful
            build.
        event_id: of the event that caused the commit.
        read_time: of the snapshot that was built from.
        update_time: of the record itself, the precondition of the next commit; None if it is new.
        shard: which of the root's records it is.
        memory: what a view of `consistency="eventual"` remembers of its sources; see `memory`.
        owns: the fields that it owns in its documents; empty if it owns whole documents.
        skipped: the invalid documents that were left out.
        reads: the fields that were read of the source documents: names of attributes by the name of
            the class, `*` for all. A class of which nothing was read is not listed. None if it is
            unknown, as in a record of an earlier version of onto_fn: then all were read.
        stored: what it was read from, of which the next record may copy.
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
    memory: Mapping[str, Value] | None = None
    owns: tuple[str, ...] = ()
    skipped: Skipped = NOTHING
    reads: Reads | None = None
    stored: Stored | None = field(default=None, compare=False, repr=False)

    @property
    def path(self) -> str:
        """The record's own document path."""
        return ledger_path(self.definition, self.root, self.shard)

    @cached_property
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
            **({} if self.memory is None else {"memory": self.memory}),
            **({"owns": list(self.owns)} if self.owns else {}),
            **(self.skipped.to_fields() if self.skipped.count else {}),
            **({} if self.reads is None else {"reads": _reads_to_fields(self.reads)}),
        }

    @staticmethod
    def from_document(document: Document) -> LedgerRecord | None:
        """The record in a document, or None if the document does not exist.

        Raises:
            UnreadableRecord: it is something else.
        """
        stored = document.fields
        if stored is None:
            return None
        fields = stored.decoded(_PAIRS) if isinstance(stored, Stored) else stored
        try:
            for name, kind in _KINDS.items():
                if not isinstance(fields[name], kind):
                    raise TypeError(f"{name} is {fields[name]!r:.100}, not {kind}")
            failure, skipped = fields["failure"], fields.get("skipped")
            return LedgerRecord(
                definition=fields["definition"],
                root=fields["root"],
                sources=_by_path(fields, "sources", "time", (datetime, type(None))),
                matched=_by_path(fields, "matched", "time", (datetime, type(None))),
                watches=frozenset(fields["watches"]),
                documents=_by_path(fields, "documents", "digest", str),
                fingerprint=fields["fingerprint"],
                built=fields["built"],
                failure=None if failure is None else Failure(**failure),
                event_id=fields["eventId"],
                read_time=fields["readTime"],
                update_time=document.update_time,
                shard=int(fields.get("shard", 0)),
                memory=_optional(fields, "memory", dict),
                owns=tuple(_optional(fields, "owns", list) or ()),
                skipped=NOTHING if skipped is None else Skipped.from_fields(fields),
                reads=_reads(_optional(fields, "reads", list)),
                stored=stored if isinstance(stored, Stored) else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            problem = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise UnreadableRecord(document.path, problem) from error


def _pairs(values: Mapping[str, Value], name: str) -> list[dict[str, Value]]:
    """Values by path as a list: a path may be longer than a map key."""
    return [{"path": path, name: value} for path, value in values.items()]


def _optional(fields: Mapping[str, Value], name: str, kind: type[Any]) -> Any:
    """The value of an optional field."""
    value = fields.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise TypeError(f"{name} is {value!r:.100}, not {kind.__name__}")


def _reads_to_fields(reads: Reads) -> list[dict[str, Value]]:
    """A list, because Firestore does not take every name of a class as a key."""
    return [{"class": name, "fields": list(fields)} for name, fields in reads]


def _reads(found: list[Any] | None) -> Reads | None:
    if found is None:
        return None
    return tuple((str(entry["class"]), tuple(map(str, entry["fields"]))) for entry in found)


def _by_path(
    fields: Mapping[str, Value], name: str, key: str, kind: type[Any] | tuple[type[Any], ...]
) -> dict[str, Value]:
    by_path = {pair["path"]: pair[key] for pair in fields[name]}
    if all(isinstance(p, str) and isinstance(v, kind) for p, v in by_path.items()):
        return by_path
    raise TypeError(f"{name} has an entry without a path and its {key}")


def salvaged(
    document: Document,
    definition: str,
    root: str,
    shard: int,
    is_target: Callable[[str], bool],
    now: datetime,
) -> LedgerRecord:
    """The documents that an unreadable record lists.

    The result has read nothing and covers nothing, so the next build reads, locks and writes
    everything again. It has a failure, so that the next build deletes the dead letter.

    Args:
        document: the unreadable record.
        definition: the definition that it belongs to.
        root: the root that it belongs to.
        shard: which of the root's records it is.
        is_target: whether the definition may write to a path; others are not its documents.
        now: time of the snapshot.
    """
    fields = document.fields or {}
    listed = fields.get("documents")
    paths: list[object] = [
        cast("Mapping[str, object]", pair).get("path")
        for pair in (cast("list[object]", listed) if isinstance(listed, list) else [])
        if isinstance(pair, dict)
    ]
    return LedgerRecord(
        definition=definition,
        root=root,
        sources={},
        matched={},
        watches=frozenset(),
        documents={path: "" for path in paths if isinstance(path, str) and is_target(path)},
        fingerprint="",
        built=fields.get("built") is True,
        failure=Failure(UnreadableRecord.__name__, "", 1, now),
        event_id="",
        read_time=now,
        update_time=document.update_time,
        shard=shard,
    )


def message_of(error: Exception) -> str:
    """An error's text in a form that any document can hold.

    A very long list of problems, or a lone surrogate, must not prevent the dead letter from being
    written. The text of an error in the application's code ends with the place, `(views.py:12)`.
    """
    text = _storable(str(error))
    # Other errors of the library are about documents or requests, and a client may read them.
    is_codes = isinstance(error, BuildError) or not isinstance(error, OntoError)
    place = place_of(error) if is_codes else ""
    suffix = f" ({_storable(place)})" if place else ""
    most = MAX_MESSAGE - len(suffix)
    return f"{text if len(text) <= most else f'{text[: most - 1]}…'}{suffix}"


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def is_shard(path: str) -> bool:
    """Whether a document is an aggregate's shard: a source only of views that read that shard.

    A model whose collection consists of variables could match it.
    """
    return path.partition("/")[0] == AGGREGATES


@lru_cache(maxsize=1024)  # an event asks several times
def record_id(definition: str, root: str) -> str:
    """The id of a root's first ledger record, and of its dead letter."""
    is_plain = _PLAIN_ROOT.fullmatch(root) is not None  # in which only the slashes are quoted
    quoted = root.replace("/", "%2F") if is_plain else quote(root, safe="")
    readable = f"{definition}~{quoted}"
    if len(readable) <= _MAX_ID:
        return readable
    return f"{definition}~{hashlib.blake2b(root.encode(), digest_size=20).hexdigest()}"


def root_of_id(definition: str, identifier: str) -> str | None:
    """The root whose ledger record has an id, or None if the id is ambiguous."""
    readings = readings_of_id(definition, identifier)
    return readings[0][0] if len(readings) == 1 else None


def readings_of_id(definition: str, identifier: str) -> list[tuple[str, int]]:
    """Roots and shards whose ledger record has an id.

    None if the id is a digest or not from onto_fn; two results if a shard's number may also be the
    end of the root's id.
    """
    name, _, rest = identifier.partition("~")
    quoted, _, number = rest.rpartition("~")
    readings = [(unquote(rest), 0)]
    if number.isdecimal():
        readings.append((unquote(quoted), int(number)))
    return [
        (root, shard)
        for root, shard in readings
        if name == definition
        and "/" in root
        and ledger_path(definition, root, shard) == f"{LEDGER_COLLECTION}/{identifier}"
    ]


def ledger_path(definition: str, root: str, shard: int = 0) -> str:
    """Document path of a root's ledger record, or of one of its records."""
    suffix = f"~{shard}" if shard else ""
    return f"{LEDGER_COLLECTION}/{record_id(definition, root)}{suffix}"


def dead_letter_path(definition: str, root: str) -> str:
    """Document path of a root's dead letter."""
    return f"{DEAD_LETTER_COLLECTION}/{record_id(definition, root)}"
