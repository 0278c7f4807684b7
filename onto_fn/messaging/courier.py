"""`Courier`: sends the messages in the outbox.

A message is sent, its receiver confirms it, and then its entry is deleted. So it is sent at least
once, and always with the same id: the receiver applies it once by that id.

For each document and sink, no message is sent before the one of the version before it was
confirmed, or has become a dead letter: an event sends all that waits before its own entry first.
Because events may be handled twice or at the same time, a message may be sent again after a later
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import takewhile

from onto_fn.attempts import Subject
from onto_fn.engine.records.dead_letter import event_letter
from onto_fn.engine.records.ledger import OUTBOX_COLLECTION
from onto_fn.engine.records.outbox import OutboxEntry, refusal_path
from onto_fn.errors import MessageRefused, PermanentError
from onto_fn.events import Change, Outcome, Result, RetryPolicy
from onto_fn.firestore import Database, Filter, Query, Write
from onto_fn.messaging.sinks import Sink

# Few attempts: a receiver that is down gets more time from the platform's redelivery.
_RETRY = RetryPolicy(attempts=5, first_wait=0.25, longest_wait=4.0, deadline=20.0)
_PAGE = 10  # entries read at once; each may have 1 MiB


class Courier:
    """Sends the messages of an app's outbox to its sinks.

    Args:
        sinks: by name.
        retry: bounds of the retries of one message within one invocation.
    """

    def __init__(self, sinks: Mapping[str, Sink], *, retry: RetryPolicy | None = None) -> None:
        self._sinks = dict(sinks)
        self._retry = retry or _RETRY

    def send(self, database: Database, change: Change) -> list[Outcome]:
        """Send the message of a new entry, after all that wait before it.

        A refused message keeps its entry and gets a dead letter; later events skip it. A change
        without content (a replayed dead letter) retries refused messages.

        Raises:
            RetriesExhausted: a receiver does not confirm. What comes after that message was not
                sent; the event has to be delivered again.
        """
        entry = self._entry(database, change)
        if entry is None:
            return []
        again = not change.is_known
        outcomes: list[Outcome] = []
        for waiting in self._queue(database, entry):
            if again or not waiting.refused:
                outcomes.append(self._send(database, waiting))
        return outcomes or [Outcome(entry.definition, entry.document, Result.COVERED)]

    def give_up(self, database: Database, change: Change, error: Exception) -> None:
        """Write a dead letter for an entry whose event is too old, so that later ones skip it.

        Args:
            database: the database.
            change: the event, of the outbox.
            error: why its message could not be sent.
        """
        entry = self._entry(database, change)
        if entry is not None:
            failure = MessageRefused(
                f"{error}. No more retries; replay this dead letter to try again"
            )
            self._conclude(database, entry, failure)

    def _entry(self, database: Database, change: Change) -> OutboxEntry | None:
        """The entry that a change created, or that it is about if it has no content."""
        if change.before is None or change.after is None:
            entry = None
            for attempt in self._retry.attempts_of(Subject(root=change.path, step="send")):
                with attempt:
                    entry = _read(database, change.path)
            return entry
        if change.before.exists:  # an entry was deleted or marked: nothing to send
            return None
        return OutboxEntry.from_document(change.after)

    def _queue(self, database: Database, entry: OutboxEntry) -> Iterator[OutboxEntry]:
        """What waits up to this entry, in the order of the versions, which is that of the ids."""
        query = Query(OUTBOX_COLLECTION, (Filter("key", "==", entry.queue),))
        for page in database.pages(query, _PAGE):
            waiting = [found for d in page if (found := OutboxEntry.from_document(d)) is not None]
            due = list(takewhile(lambda found: found.version <= entry.version, waiting))
            yield from due
            if len(due) < len(waiting):
                return

    def _send(self, database: Database, entry: OutboxEntry) -> Outcome:
        what = f"the {entry.type} of {entry.document} to {entry.sink!r}"
        source = f"//firestore.googleapis.com/projects/{database.project}"
        message = entry.message(f"{source}/databases/{database.database}")
        try:
            sink = self._sink(entry)
            subject = Subject(entry.definition, entry.document, "send", what)
            for attempt in self._retry.attempts_of(subject):
                with attempt:
                    sink.send(message, database.project)
        except PermanentError as error:
            text = f"{what} cannot be sent. {error}. Then replay this dead letter"
            failure = MessageRefused(text)
            self._conclude(database, entry, failure)
            return Outcome(entry.definition, entry.document, Result.DEAD_LETTER, error=text)
        self._conclude(database, entry, None)
        return Outcome(entry.definition, entry.document, Result.SENT)

    def _sink(self, entry: OutboxEntry) -> Sink:
        if entry.sink not in self._sinks:
            declared = ", ".join(map(repr, sorted(self._sinks))) or "none"
            raise MessageRefused(
                f"The app has no sink of this name any more (it has {declared}): declare it in "
                f"`sends` again, or delete {entry.path}"
            )
        return self._sinks[entry.sink]

    def _conclude(
        self, database: Database, entry: OutboxEntry, failure: MessageRefused | None
    ) -> None:
        """Commit the result for an entry, unless it is gone: then another process also sent it.

        Args:
            database: the database.
            entry: the entry.
            failure: why its message was not sent; None if it was.
        """
        subject = Subject(entry.definition, entry.document, "send")
        for attempt in self._retry.attempts_of(subject):
            with attempt:
                now = entry if attempt.number == 1 else _read(database, entry.path)
                if now is not None:
                    writes = _removal(now) if failure is None else _refusal(now, failure)
                    database.commit(writes)


def _read(database: Database, path: str) -> OutboxEntry | None:
    documents, _ = database.get([path])
    return OutboxEntry.from_document(documents[path])


def _removal(entry: OutboxEntry) -> list[Write]:
    writes = [Write(entry.path, None, entry.update_time)]
    if entry.refused:
        writes.append(Write(refusal_path(entry), None))
    return writes


def _refusal(entry: OutboxEntry, error: MessageRefused) -> list[Write]:
    change = Change(entry.path, None, None, entry.id)
    letter = event_letter(change, entry.id, error, datetime.now(UTC))
    marked = {**entry.to_fields(), "refused": True}
    return [Write(refusal_path(entry), letter), Write(entry.path, marked, entry.update_time)]
