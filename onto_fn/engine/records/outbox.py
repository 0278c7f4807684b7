"""The outbox: messages that are to be sent, one document each, in the collection `onto_outbox`.

They are committed together with the view documents that they describe. So there is never a change
without its message or a message without its change. The sender deletes them; the engine knows only
the name of a sink.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from onto_fn.engine.records.ledger import DEAD_LETTER_COLLECTION, OUTBOX_COLLECTION
from onto_fn.errors import DocumentTooLarge
from onto_fn.events.message import DELETED, VERSION_DIGITS, WRITTEN, Message
from onto_fn.firestore import Document, Write
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.json import json_text
from onto_fn.firestore.queries import document_key
from onto_fn.firestore.sizes import check_size
from onto_fn.views import Definition

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class OutboxEntry:
    """One message that waits to be sent.

    Attributes:
        definition: name of the view or mediator whose document changed.
        sink: name of the sink that it goes to.
        document: path of the document that changed.
        version: version of the view in which the document changed.
        type: of the CloudEvent.
        data: the content in that version as JSON text. It is stored as text so that every release
            always sends the same bytes.
        refused: whether it has a dead letter.
        update_time: of the entry itself; None if it is new.
    """

    definition: str
    sink: str
    document: str
    version: int
    type: str
    data: str
    refused: bool = False
    update_time: datetime | None = None

    @property
    def id(self) -> str:
        """The message's id, and the entry's. Ids of one queue are in the order of the versions."""
        return f"{self.queue}-{self.version:0{VERSION_DIGITS}d}"

    @property
    def path(self) -> str:
        """The entry's own document path."""
        return f"{OUTBOX_COLLECTION}/{self.id}"

    @property
    def queue(self) -> str:
        """The scope of ordered sending: one document's messages to one sink."""
        names = json.dumps([self.definition, self.sink, self.document])
        return hashlib.blake2b(names.encode(), digest_size=16).hexdigest()

    def to_fields(self) -> dict[str, Value]:
        """The entry's document."""
        return {
            "definition": self.definition,
            "sink": self.sink,
            "document": self.document,
            "key": self.queue,
            "version": self.version,
            "type": self.type,
            "data": self.data,
            "refused": self.refused,
        }

    @staticmethod
    def from_document(document: Document) -> OutboxEntry | None:
        """The entry in a document, or None if it does not exist."""
        if document.fields is None:
            return None
        fields = document.fields
        return OutboxEntry(
            definition=fields["definition"],
            sink=fields["sink"],
            document=fields["document"],
            version=fields["version"],
            type=fields["type"],
            data=fields["data"],
            refused=fields["refused"],
            update_time=document.update_time,
        )

    def message(self, source: str) -> Message:
        """What is sent.

        Args:
            source: the database, as a CloudEvents source.
        """
        return Message(
            id=self.id,
            source=source,
            type=self.type,
            subject=self.document,
            time=_EPOCH + self.version * _MICROSECOND,
            key=document_key(self.document),  # brokers allow about as many bytes as an index does
            version=self.version,
            body=self.data.encode(),
        )


def version_of(read_time: datetime) -> int:
    """The version of a view that was built from the snapshot of `read_time`, in microseconds.

    It grows with each commit of a ledger record: a build reads the record that the previous commit
    wrote, so its snapshot is later than that commit, which is later than its own snapshot.
    """
    return (read_time - _EPOCH) // _MICROSECOND


def outbox_writes(
    definition: Definition, changes: Iterable[Write], read_time: datetime
) -> list[Write]:
    """The entries for the changes of a commit: one for each document and sink.

    Args:
        definition: whose documents change.
        changes: the writes of its documents.
        read_time: of the snapshot that they were built from.
    """
    return [
        Write(entry.path, entry.to_fields(), "absent")
        for change in changes
        for entry in _entries(definition, change.path, change.fields, version_of(read_time))
    ]


def check_sendable(definition: Definition, path: str, content: Fields) -> None:
    """Refuse, before the commit, a document whose message would not fit into the outbox.

    Raises:
        DocumentTooLarge: the content as JSON, together with its addresses, is above 1 MiB.
    """
    for entry in _entries(definition, path, content, 0):
        try:
            check_size(entry.path, entry.to_fields())
        except DocumentTooLarge as error:
            raise DocumentTooLarge(
                f"{path} has {len(entry.data.encode())} bytes as JSON; with its attributes, the "
                f"message to {entry.sink!r} does not fit into a Firestore document of 1 MiB. Split "
                f"the view, or remove the sink from `sends` of {definition.name}."
            ) from error


def refusal_path(entry: OutboxEntry) -> str:
    """Where the dead letter of a message is."""
    return f"{DEAD_LETTER_COLLECTION}/{OUTBOX_COLLECTION}~{entry.id}"


def _entries(
    definition: Definition, path: str, content: Fields | None, version: int
) -> list[OutboxEntry]:
    if not definition.sends:
        return []
    kind = DELETED if content is None else WRITTEN
    data = json_text(content)
    return [
        OutboxEntry(definition.name, sink, path, version, kind, data) for sink in definition.sends
    ]
