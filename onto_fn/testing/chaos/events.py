"""Recorded CloudEvents of Firestore and Pub/Sub, in the form that production delivers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

__all__ = ["RecordedEvent", "microseconds"]

_RESOURCE_SEGMENTS = 5  # projects/P/databases/D/documents


@dataclass(frozen=True)
class RecordedEvent:
    """One event: a document changed, or a message was published.

    Attributes:
        trigger: key of its trigger.
        path: path of the document; empty for a message.
        headers: the CloudEvent's attributes as HTTP headers, in binary mode.
        payload: the `DocumentEventData` message, or the JSON of a Pub/Sub message, as production
            sends it.
        number: number of earlier events of this trigger for the document.
        received: time of arrival, in seconds since the epoch.
        droppable: whether the platform may deliver it without its payload.
    """

    trigger: str
    path: str
    headers: Mapping[str, str]
    payload: bytes
    number: int = 0
    received: float = field(default_factory=time.time)
    droppable: bool = True

    @classmethod
    def decode(cls, trigger: str, headers: Mapping[str, str], payload: bytes) -> RecordedEvent:
        """Decode a request. The path comes from the payload, because headers may be encoded."""
        event = cls(trigger, "", headers, payload)
        message = event.message()
        found = message.value if message.HasField("value") else message.old_value
        path = "/".join(str(found.name).split("/")[_RESOURCE_SEGMENTS:])
        return replace(event, path=path)

    def message(self) -> Any:
        """The payload, parsed: `value`, `old_value` and `update_mask`."""
        from google.events.cloud.firestore import (  # pyright: ignore[reportMissingTypeStubs]
            DocumentEventData,
        )

        # The generated class carries no types.
        return cast(Any, DocumentEventData).pb().FromString(self.payload)


def microseconds(timestamp: Any) -> int:
    """A protobuf Timestamp as microseconds since the epoch, which is Firestore's precision."""
    return timestamp.seconds * 1_000_000 + timestamp.nanos // 1000
