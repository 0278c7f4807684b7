"""`Change`: one delivered event, decoded from protobuf, JSON, or no payload at all."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, cast

from onto_fn.errors import InvalidPath, UndecodableEvent
from onto_fn.firestore import Document
from onto_fn.firestore.paths import check_document_path
from onto_fn.firestore.values import decode_fields, decode_path, decode_time

_log = logging.getLogger("onto_fn")


@dataclass(frozen=True)
class Change:
    """A document changed.

    It may be delivered many times, late, out of order and concurrently.

    Attributes:
        path: the document.
        before: the document before the change (`exists` is False if it was created), or None if
            unknown.
        after: the document after the change (`exists` is False if it was deleted), or None if
            unknown.
        event_id: the CloudEvent's id; the same for every function that one write triggers.
        versions_only: whether `before` and `after` have versions but no content.
    """

    path: str
    before: Document | None
    after: Document | None
    event_id: str = ""
    versions_only: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the event carried its payload. A payload that is too large is left out."""
        return self.before is not None and self.after is not None

    @property
    def has_content(self) -> bool:
        """Whether it has the document's present content."""
        return self.is_known and not self.versions_only

    @property
    def is_no_op(self) -> bool:
        """Whether the write changed nothing: the version is the same before and after."""
        if self.before is None or self.after is None:
            return False
        return self.before.update_time == self.after.update_time

    @property
    def identity(self) -> str:
        """The event's id, or where it has none, a digest of the document and its versions."""
        if self.event_id:
            return self.event_id
        text = f"{self.path} {self.before_time} {self.after_time}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def after_time(self) -> datetime | None:
        """Update time of the version that the change made; None if it deleted it or is unknown."""
        return self.after.update_time if self.after is not None else None

    @property
    def before_time(self) -> datetime | None:
        """Update time of the version that the change replaced; None if there was none."""
        return self.before.update_time if self.before is not None else None


class CloudEvent(Protocol):
    """What is needed of a `cloudevents` event."""

    def get(self, key: str, default: Any = None) -> Any:
        """An attribute."""
        ...

    def get_data(self) -> Any:
        """The payload: bytes, text, a dict, or None."""
        ...


@dataclass(frozen=True)
class DecodedEvent:
    """A change, the database that it happened in, and when (cut to seconds; not for ordering)."""

    change: Change
    database: str
    project: str | None
    time: datetime | None


def decode_event(event: CloudEvent) -> DecodedEvent:
    """Decode a Firestore event once, for all definitions.

    A payload that is missing (production drops those of about 10 MB) or damaged gives a `Change`
    of unknown content, which is rebuilt from the sources.

    Raises:
        UndecodableEvent: the event does not even say which document changed.
    """
    message = _payload(event)
    path = _path(event, message)
    before: Document | None = None
    after: Document | None = None
    if message is not None:
        before = _document(path, message, "old_value")
        after = _document(path, message, "value")
    return DecodedEvent(
        change=Change(path, before, after, event_id=str(event.get("id", ""))),
        database=str(event.get("database") or "(default)"),
        project=event.get("project"),
        time=event_time(event),
    )


def _payload(event: CloudEvent) -> Any:
    from google.events.cloud.firestore import (  # pyright: ignore[reportMissingTypeStubs]
        DocumentEventData,
    )
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError

    data = event.get_data()
    message = cast(Any, DocumentEventData).pb()()
    try:
        if isinstance(data, str | bytes) and _is_json(event, data):
            data = json.loads(data)
        if isinstance(data, Mapping):
            json_format.ParseDict(dict(cast("Mapping[str, Any]", data)), message)
        elif isinstance(data, bytes | bytearray | memoryview):
            message.ParseFromString(bytes(cast(bytes, data)))
        elif data is not None:
            raise ValueError(f"a payload of type {type(data).__name__}")
    except (DecodeError, json_format.Error, ValueError) as error:
        _log.warning("event %s: payload cannot be read (%s); rebuilding", event.get("id"), error)
        return None
    return message if _named_path(message) else None


def _named_path(message: Any) -> str:
    """The path in a payload's document name, or "" if it names none."""
    found = message.value if message.HasField("value") else message.old_value
    return decode_path(found.name)


def _is_json(event: CloudEvent, data: str | bytes) -> bool:
    content_type = str(event.get("datacontenttype") or "")
    return isinstance(data, str) or "json" in content_type


def _path(event: CloudEvent, message: Any) -> str:
    if message is not None:  # headers may be encoded, names in the payload are not
        path = _named_path(message)
    else:
        path = _header(event, "document") or _header(event, "subject").removeprefix("documents/")
    try:
        return check_document_path(path)
    except InvalidPath as error:
        raise UndecodableEvent(
            f"event {event.get('id')!r} of type {event.get('type')!r} names no document: {error}"
        ) from error


def event_time(event: CloudEvent) -> datetime | None:
    """When an event happened, cut to seconds; None if it does not say."""
    try:
        time = datetime.fromisoformat(str(event.get("time")).replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _header(event: CloudEvent, name: str) -> str:
    """An attribute as text. WSGI hands UTF-8 headers over as if they were Latin-1."""
    value = str(event.get(name) or "")
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _document(path: str, message: Any, field: str) -> Document:
    if not message.HasField(field):
        return Document(path, None, None)
    found = getattr(message, field)
    documents = found.name.removesuffix(f"/{path}")
    fields = decode_fields(found.fields, documents)
    return Document(path, fields, decode_time(found.update_time))
