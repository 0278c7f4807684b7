"""Messages: a sink that keeps what it gets, and what an outbox has to deliver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from emulator_tests.kit.writing import Writer
from onto_fn import App
from onto_fn.engine.records.outbox import OutboxEntry
from onto_fn.firestore import Document
from onto_fn.messaging import Message
from onto_fn.observability import Change, Outcome


@dataclass(eq=False)
class Recorder:
    """A sink that keeps what it gets. It raises the faults that it is told, one a message."""

    name: str = "recorder"
    sent: list[Message] = field(default_factory=list[Message])
    faults: list[BaseException] = field(default_factory=list[BaseException])
    before: Callable[[Message], object] = lambda message: None
    after: Callable[[Message], object] = lambda message: None
    lock: Lock = field(default_factory=Lock)

    def send(self, message: Message, project: str) -> None:
        self.before(message)
        with self.lock:
            if self.faults:
                raise self.faults.pop(0)
            self.sent.append(message)
        self.after(message)

    @property
    def versions(self) -> list[int]:
        return [message.version for message in self.sent]


def entries(writer: Writer) -> list[OutboxEntry]:
    """What waits in the outbox, oldest version first."""
    documents = [Document(p, f, None) for p, f in writer.collection("onto_outbox").items()]
    found = [OutboxEntry.from_document(document) for document in documents]
    return sorted((e for e in found if e is not None), key=lambda entry: entry.version)


def creations(writer: Writer) -> list[Change]:
    """The events of the entries that wait, oldest version first."""
    return [
        Change(entry.path, Document(entry.path, None, None), document, f"event-{entry.id}")
        for entry in entries(writer)
        for document in writer.database.get([entry.path])[0].values()
    ]


def deliver(app: App, writer: Writer) -> list[Outcome]:
    """Handle the events of all that waits, oldest first."""
    return [
        outcome
        for change in creations(writer)
        for outcome in app.handle_change(writer.database, change)
    ]
