"""Skimming: what a comparison needs of a ledger record, without decoding the rest.

A scan reads very many records, and looks at few of their fields.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.firestore import Database

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
    """The record, if it has the usual form: its last build succeeded and left nothing out.

    Each look at a value takes about as long as ten at a Python object, so there are few.
    """
    fields = message.fields
    of = fields.get
    if _RARE[0] in fields or _RARE[1] in fields:
        return None
    definition, root = _text(of("definition")), _text(of("root"))
    fingerprint, event_id = _text(of("fingerprint")), _text(of("eventId"))
    if definition is None or root is None or fingerprint is None or event_id is None:
        return None
    sources, matched = _paths(of("sources")), _paths(of("matched"))
    documents = _digests(of("documents"))
    built, failure, read_time, shard = of("built"), of("failure"), of("readTime"), of("shard")
    if (
        sources is None
        or matched is None
        or documents is None
        or built is None
        or not (built.boolean_value or _kind(built) == "boolean_value")
        or failure is None
        or not failure.HasField("null_value")
        or read_time is None
        or not read_time.HasField("timestamp_value")
        or not _is_texts(of("watches"))
        or _kind(of("memory")) not in (None, "map_value")
        or _kind(of("reads")) not in (None, "array_value")
        or _kind(shard) not in (None, "integer_value")
    ):
        return None
    return LedgerRecord(
        definition=definition,
        root=root,
        sources=sources,
        matched=matched,
        watches=frozenset(),
        documents=documents,
        fingerprint=fingerprint,
        built=built.boolean_value,
        failure=None,
        event_id=event_id,
        read_time=datetime.min,
        shard=0 if shard is None else shard.integer_value,
    )


def _kind(value: Any) -> str | None:
    return None if value is None else value.WhichOneof("value_type")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text: str = value.string_value  # empty if it is of another kind
    return text if text or value.HasField("string_value") else None


def _items(value: Any) -> Any:
    """The items of a list; None if it is something else."""
    if value is None:
        return None
    items = value.array_value.values
    return items if items or value.HasField("array_value") else None


def _is_texts(value: Any) -> bool:
    items = _items(value)
    if items is None:
        return False
    return all(item.string_value or item.HasField("string_value") for item in items)


def _paths(value: Any) -> dict[str, datetime | None] | None:
    """The paths of a version vector, without the versions."""
    items = _items(value)
    if items is None:
        return None
    found: dict[str, datetime | None] = {}
    for item in items:
        pair = item.map_value.fields
        path = _text(pair.get("path"))
        if path is None or _kind(pair.get("time")) not in _TIMES:
            return None
        found[path] = None
    return found


def _digests(value: Any) -> dict[str, str] | None:
    items = _items(value)
    if items is None:
        return None
    found: dict[str, str] = {}
    for item in items:
        pair = item.map_value.fields
        path, content = _text(pair.get("path")), _text(pair.get("digest"))
        if path is None or content is None:
            return None
        found[path] = content
    return found
