"""Dead letters: events that cannot be materialised until something is fixed."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from onto_fn.engine.records.ledger import DEAD_LETTER_COLLECTION, Failure, message_of
from onto_fn.events.change import Change
from onto_fn.firestore.documents import Value


def letter_fields(
    definition: str,
    root: str,
    change: Change | None,
    failure: Failure,
    fingerprint: str,
    failed_at: datetime,
) -> dict[str, Value]:
    """The content of a dead letter.

    Args:
        definition: name of the view or mediator that failed.
        root: path of the root that it failed for.
        change: the event that brought it up, or None for a rebuild by hand.
        failure: what went wrong, how often and since when.
        fingerprint: of the definition, to detect whether its code has changed since.
        failed_at: snapshot time of the last failure.
    """
    return {
        "definition": definition,
        "root": root,
        "event": None if change is None else event_fields(change),
        "error": {
            "kind": failure.kind,
            "message": failure.message,
            **({"document": failure.document} if failure.document else {}),
        },
        "fingerprint": fingerprint,
        "count": failure.count,
        "failedSince": failure.since,
        "failedAt": failed_at,
    }


def event_letter(
    change: Change | None, event_id: str, error: Exception, failed_at: datetime
) -> dict[str, Value]:
    """The content of the dead letter of an event that could not be looked up.

    Args:
        change: the event, or None if it does not say which document changed.
        event_id: the CloudEvent's id.
        error: why it is not retried any more.
        failed_at: now.
    """
    return {
        "definition": None,
        "root": None,
        "event": {"id": event_id} if change is None else event_fields(change),
        "error": {"kind": type(error).__name__, "message": message_of(error)},
        "failedAt": failed_at,
    }


def event_letter_path(function: str, event_id: str) -> str:
    """Path of the dead letter of an event. Two functions on one write share the event's id."""
    return f"{DEAD_LETTER_COLLECTION}/event~{quote(function, safe='')}~{quote(event_id, safe='')}"


def event_fields(change: Change) -> dict[str, Value]:
    """The stored part of an event: enough to find the document and to deliver it again."""
    return {
        "id": change.event_id,
        "document": change.path,
        "type": _type(change),
        "updateTime": change.after_time,
    }


def _type(change: Change) -> str:
    if change.before is None or change.after is None:
        return "unknown"
    if not change.after.exists:
        return "deleted"
    return "updated" if change.before.exists else "created"
