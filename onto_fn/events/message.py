"""`Message`: one change of one document, as it is sent and received.

On the wire it is a CloudEvent 1.0 in binary mode: over HTTP the attributes are `ce-…` headers, on
Pub/Sub they are `ce-…` attributes. If the path is too long for these, the message is in structured
mode. Received messages may be in either mode.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote, unquote

from onto_fn.errors import UndecodableMessage
from onto_fn.firestore.json import iso_time

WRITTEN = "fn.onto.document.written"
DELETED = "fn.onto.document.deleted"

_CONTENT_TYPE = "application/json"
_STRUCTURED = "application/cloudevents+json"
MAX_ATTRIBUTE = 1024
"""Bytes that Pub/Sub allows in the value of an attribute, and in an ordering key."""
MAX_HEADER = 4096
"""Characters of a header that servers take; many allow 8 KiB for all of them."""
# The CloudEvents HTTP binding encodes space, quotes, percent and all that is not printable ASCII.
_PLAIN_IN_HEADERS = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')
# Versions, microseconds since 1970, are also compared as text: of one length from 2001 to 2286.
VERSION_DIGITS = 16


@dataclass(frozen=True)
class Message:
    """What happened to a document, for one receiver.

    Attributes:
        id: the same each time that the message is delivered; no other message has it.
        source: the database, `//firestore.googleapis.com/projects/P/databases/D`.
        type: `fn.onto.document.written` or `fn.onto.document.deleted`.
        subject: the document's path.
        time: the instant of the snapshot that the document was built from (when it was received
            if the sender left it out).
        key: messages of one key are sent in the order of their versions.
        version: the view's version: later contents of a document have a higher one.
        body: the content as JSON text in UTF-8; `null` for a deletion.

    Example:
        >>> message = Message.from_http(
        ...     {
        ...         "ce-specversion": "1.0",
        ...         "ce-id": "4711",
        ...         "ce-source": "//firestore.googleapis.com/projects/p/databases/(default)",
        ...         "ce-type": "fn.onto.document.written",
        ...         "ce-subject": "users/ada",
        ...         "ce-time": "2026-01-02T00:00:00Z",
        ...         "ce-partitionkey": "users/ada",
        ...         "ce-sequence": "1767312000000000",
        ...         "content-type": "application/json",
        ...     },
        ...     b'{"name": "Ada"}',
        ... )
        >>> message.subject, message.data
        ('users/ada', {'name': 'Ada'})
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    key: str
    version: int
    body: bytes

    @property
    def data(self) -> Any:  # whatever JSON holds
        """The document's content, parsed; None for a deletion."""
        return json.loads(self.body)

    def attributes(self) -> dict[str, str]:
        """The attributes of the CloudEvents binding for Pub/Sub."""
        return {
            "ce-specversion": "1.0",
            "ce-id": self.id,
            "ce-source": self.source,
            "ce-type": self.type,
            "ce-subject": self.subject,
            "ce-time": iso_time(self.time),
            "ce-partitionkey": self.key,
            "ce-sequence": f"{self.version:0{VERSION_DIGITS}d}",
            "content-type": _CONTENT_TYPE,
        }

    def headers(self) -> dict[str, str]:
        """The headers of the CloudEvents binding for HTTP, and the `Idempotency-Key`."""
        headers = {
            name: quote(value, safe=_PLAIN_IN_HEADERS) for name, value in self.attributes().items()
        }
        return {**headers, "Idempotency-Key": self.id}

    def for_pubsub(self) -> tuple[dict[str, str], bytes]:
        """Attributes and data of the Pub/Sub message: in binary mode if Pub/Sub takes it.

        The path of a document may be longer than an attribute.
        """
        attributes = self.attributes()
        if all(len(value.encode()) <= MAX_ATTRIBUTE for value in attributes.values()):
            return attributes, self.body
        return {"content-type": _STRUCTURED}, self._structured()

    def for_http(self) -> tuple[dict[str, str], bytes]:
        """Headers and body of the HTTP request: in binary mode if servers take such headers."""
        headers = self.headers()
        if all(len(value) <= MAX_HEADER for value in headers.values()):
            return headers, self.body
        return {"content-type": _STRUCTURED, "Idempotency-Key": self.id}, self._structured()

    def _structured(self) -> bytes:
        """The whole event as JSON, its content to the byte as it is."""
        attributes = {
            name.removeprefix("ce-"): value
            for name, value in self.attributes().items()
            if name != "content-type"
        }
        head = json.dumps({**attributes, "datacontenttype": _CONTENT_TYPE}, ensure_ascii=False)
        return b'%b,"data":%b}' % (head[:-1].encode(), self.body)

    @classmethod
    def from_http(cls, headers: Mapping[str, str], body: bytes | str) -> Message:
        """The message in an HTTP request.

        Args:
            headers: of the request, in whatever case.
            body: of the request.

        Raises:
            UndecodableMessage: the request is not a CloudEvent that onto_fn has sent.
        """
        decoded = {
            name: unquote(value) if name.lower().startswith("ce-") else value
            for name, value in headers.items()
        }
        return cls.from_pubsub(decoded, body)

    @classmethod
    def from_push(cls, body: bytes | str | Mapping[str, Any]) -> Message:
        """The message in the body of a Pub/Sub push request.

        Pub/Sub's own CloudEvents, which functions get, carry the same: pass `event.get_data()`.

        Args:
            body: `{"message": {"attributes": {…}, "data": "base64…"}, …}`, as text or parsed.

        Raises:
            UndecodableMessage: it is not that, or not a message that onto_fn has sent.
        """
        try:
            parsed: Any = body if isinstance(body, Mapping) else json.loads(body)
            envelope: Any = parsed["message"]
            attributes = dict(envelope["attributes"])
            data = base64.b64decode(envelope["data"], validate=True)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise UndecodableMessage(
                'not a Pub/Sub push request, which is {"message": {"attributes": …, "data": …}}'
                f" ({type(error).__name__}: {error}). Does the subscription unwrap its messages?"
            ) from error
        return cls.from_pubsub(attributes, data)

    @classmethod
    def from_pubsub(cls, attributes: Mapping[str, str], data: bytes | str) -> Message:
        """The message in a pulled Pub/Sub message.

        Args:
            attributes: of the Pub/Sub message.
            data: of the Pub/Sub message.

        Raises:
            UndecodableMessage: it is not a message that onto_fn has sent.
        """
        from cloudevents import http
        from cloudevents.exceptions import GenericException

        text = data.encode() if isinstance(data, str) else data
        try:
            # The two bindings differ in how attributes are escaped, and in nothing else.
            event = cast(Any, http).from_http(dict(attributes), text, _unparsed)
            content = event.get_data()
            return cls(
                id=event["id"],
                source=event["source"],
                type=event["type"],
                subject=event["subject"],
                time=_time(event["time"]),
                key=event["partitionkey"],
                version=int(event["sequence"]),
                body=content.encode() if isinstance(content, str) else content or b"null",
            )
        except (GenericException, KeyError, TypeError, ValueError) as error:
            raise UndecodableMessage(
                f"this is not a message of onto_fn: {type(error).__name__}: {error}. It needs the "
                "CloudEvents attributes id, source, type, subject, partitionkey, sequence"
            ) from error


def _unparsed(content: Any) -> Any:
    """The data as JSON text: bytes of a body in binary mode, a string in structured mode."""
    return content


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
