"""`Inbox`: applies each message once, however often it is delivered.

For receivers of messages from a `TopicSink` or an `EndpointSink`. It needs nothing from the sender
except its messages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from enum import Enum

from onto_fn.attempts import Subject
from onto_fn.engine.records.ledger import INBOX_COLLECTION
from onto_fn.events import RetryPolicy
from onto_fn.events.message import Message
from onto_fn.firestore import Database, Document, Write
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_name


class Receipt(Enum):
    """What an inbox did with a message."""

    PROCESSED = "processed"
    """The handler's writes are committed."""
    DUPLICATE = "duplicate"
    """They were committed before."""
    STALE = "stale"
    """A later version of the document was processed before, and only the latest is wanted."""


class Inbox:
    """Applies each message once, by committing its mark together with what it changes.

    Args:
        database: where the handler's writes and the marks go.
        name: of the receiver; receivers of different names each process every message.
        latest_only: leave out a message if a later version of its document was processed.
        keep: how long a mark stays. A message that is delivered later is processed again, so keep
            marks longer than the sender or broker may deliver: in Pub/Sub 7 days by default, and 31
            days at most.
        retry: bounds of the retries of one message.

    Marks are documents of `onto_inbox`. They have `expiresAt` for a TTL policy on that field; none
    is deleted without one. With `latest_only` there is one more document for each key, which stays.

    Example:
        In a function that gets a Pub/Sub subscription's pushes:

        >>> from onto_fn.editing import Database, Write
        >>> from onto_fn.messaging import Inbox, Message
        >>> def bill(message: Message) -> list[Write]:
        ...     return [Write(f"bills/{message.id}", {"session": message.subject})]
        >>> def receive(database: Database, body: bytes) -> None:
        ...     Inbox(database, "billing").process(Message.from_push(body), bill)

    Raises:
        DeclarationError: the name is empty, or has a slash or a tilde.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        latest_only: bool = False,
        keep: timedelta = timedelta(days=7),
        retry: RetryPolicy | None = None,
    ) -> None:
        self.name = check_name(name, what="inbox")
        self._database = database
        self._latest_only = latest_only
        self._keep = keep
        self._retry = retry or RetryPolicy()

    def process(self, message: Message, handler: Callable[[Message], Iterable[Write]]) -> Receipt:
        """Commit what the handler makes of a message, once.

        The handler may be called again if its commit loses a race, so it must not have side
        effects: the writes that it returns are its effect. Writes that depend on documents it read
        need a precondition, or must be `increments`.

        Args:
            message: the message, delivered for the first time or again.
            handler: returns the writes that the message leads to.

        Raises:
            RetriesExhausted: nothing was committed. Fail, so that the message comes again.
        """
        receipt = Receipt.DUPLICATE
        text = f"message {message.id} in inbox {self.name}"
        for attempt in self._retry.attempts_of(Subject(self.name, message.id, "receive", text)):
            with attempt:
                receipt = self._attempt(message, handler)
        return receipt

    def _attempt(self, message: Message, handler: Callable[[Message], Iterable[Write]]) -> Receipt:
        mark = self._path(message.source, message.id)
        newest = self._path("newest", message.source, message.key)
        documents, _ = self._database.get([mark, newest] if self._latest_only else [mark])
        if documents[mark].exists:
            return Receipt.DUPLICATE
        if self._latest_only and _version(documents[newest]) >= message.version:
            return Receipt.STALE
        now = datetime.now(UTC)
        said: dict[str, Value] = {
            "source": message.source,
            "id": message.id,
            "subject": message.subject,
            "version": message.version,
            "at": now,
        }
        writes = [*handler(message), Write(mark, {**said, "expiresAt": now + self._keep}, "absent")]
        if self._latest_only:
            writes.append(Write(newest, said, documents[newest].update_time or "absent"))
        self._database.commit(writes)
        return Receipt.PROCESSED

    def _path(self, *parts: str) -> str:
        """An id is unique for its source only, and both may have any characters."""
        digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
        return f"{INBOX_COLLECTION}/{self.name}~{digest}"


def _version(newest: Document) -> int:
    return -1 if newest.fields is None else newest.fields["version"]
