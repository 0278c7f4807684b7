"""Skimming: what a comparison needs of a ledger record, without decoding the rest.

A scan reads very many records, and looks at few of their fields.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.firestore import Database

_STRINGS = ("definition", "root", "fingerprint", "eventId")
_RARE = ("owns", "skipped")
_TIMES = frozenset({"timestamp_value", "null_value"})


def skimmed(database: Database, message: Any) -> LedgerRecord | None:
    """The record in a stored document, without watches, memory and the versions of sources.

    Args:
        database: where it is.
        message: the document in its protobuf form; None if there is none.

    Raises:
        UnreadableRecord: it is something else; see `LedgerRecord.from_document`.
    """
    if message is None:
        return None
    return _plain(message) or LedgerRecord.from_document(database.decoded(message))


def _plain(message: Any) -> LedgerRecord | None:
    """The record, if it has the usual form: its last build succeeded and left nothing out."""
    fields = message.fields
    if any(name in fields for name in _RARE):
        return None
    texts = [_text(fields.get(name)) for name in _STRINGS]
    sources, matched = _paths(fields.get("sources")), _paths(fields.get("matched"))
    documents = _digests(fields.get("documents"))
    if (
        None in texts
        or sources is None
        or matched is None
        or documents is None
        or _kind(fields.get("built")) != "boolean_value"
        or _kind(fields.get("failure")) != "null_value"
        or _kind(fields.get("readTime")) != "timestamp_value"
        or not _is_texts(fields.get("watches"))
        or _kind(fields.get("memory")) not in (None, "map_value")
        or _kind(fields.get("reads")) not in (None, "array_value")
        or ("shard" in fields and _kind(fields["shard"]) != "integer_value")
    ):
        return None
    definition, root, fingerprint, event_id = map(str, texts)
    return LedgerRecord(
        definition=definition,
        root=root,
        sources=sources,
        matched=matched,
        watches=frozenset(),
        documents=documents,
        fingerprint=fingerprint,
        built=fields["built"].boolean_value,
        failure=None,
        event_id=event_id,
        read_time=datetime.min,
        shard=fields["shard"].integer_value if "shard" in fields else 0,
    )


def _kind(value: Any) -> str | None:
    return None if value is None else value.WhichOneof("value_type")


def _text(value: Any) -> str | None:
    return value.string_value if _kind(value) == "string_value" else None


def _is_texts(value: Any) -> bool:
    if _kind(value) != "array_value":
        return False
    return all(_kind(item) == "string_value" for item in value.array_value.values)


def _paths(value: Any) -> dict[str, datetime | None] | None:
    """The paths of a version vector, without the versions."""
    if _kind(value) != "array_value":
        return None
    found: dict[str, datetime | None] = {}
    for item in value.array_value.values:
        pair = item.map_value.fields
        path = _text(pair.get("path"))
        if path is None or _kind(pair.get("time")) not in _TIMES:
            return None
        found[path] = None
    return found


def _digests(value: Any) -> dict[str, str] | None:
    if _kind(value) != "array_value":
        return None
    found: dict[str, str] = {}
    for item in value.array_value.values:
        pair = item.map_value.fields
        path, content = _text(pair.get("path")), _text(pair.get("digest"))
        if path is None or content is None:
            return None
        found[path] = content
    return found
