"""Every error that onto_fn raises on purpose.

Three families matter to a caller:

* `DeclarationError`: a model, store, view, mediator or app is declared wrongly. Raised at import,
  where `firebase deploy` shows it.
* `PermanentError`: this input cannot be materialised without a fix. The engine writes a dead
letter. * `TransientError`: trying again may succeed. The engine retries, then lets the platform
redeliver.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "BuildError",
    "Contention",
    "DeclarationError",
    "DocumentTooLarge",
    "EmulatorMissing",
    "InvalidDocument",
    "InvalidPath",
    "InvalidReference",
    "InvalidRequest",
    "InvalidValue",
    "MessageRefused",
    "MissingDocument",
    "MissingIndex",
    "NotWritable",
    "OntoError",
    "PermanentError",
    "Refused",
    "RetriesExhausted",
    "StaleSnapshot",
    "TransientError",
    "UndecodableEvent",
    "UndecodableMessage",
    "UnreadableRecord",
]


class OntoError(Exception):
    """Base of every error raised by onto_fn."""


class DeclarationError(OntoError):
    """A declaration is wrong; the message says where it is and how to fix it."""


class PermanentError(OntoError):
    """Retrying cannot help: a document, the code, or the configuration must change first."""


class InvalidDocument(PermanentError):
    """A document does not fit its model.

    Args:
        path: path of the document, for example `users/tijuana`.
        model: name of the model that refused it.
        problems: one entry per field, `"field: what is wrong"`.
    """

    def __init__(self, path: str, model: str, problems: list[str]) -> None:
        self.path = path
        self.model = model
        self.problems = problems
        listed = "; ".join(problems)
        super().__init__(
            f"{path} is not a valid {model}: {listed}. "
            f"Correct the document, or make the field optional in {model}."
        )


class InvalidValue(PermanentError):
    """A Python value has no Firestore form."""


class InvalidPath(PermanentError):
    """A document or collection path, or a part of one, is not allowed in Firestore."""


class InvalidReference(PermanentError):
    """A reference points to a collection other than its model's."""


class MissingDocument(PermanentError):
    """A document that a store requires does not exist.

    The missing document is part of the read set, so its creation rebuilds the view.

    Args:
        path: path of the document that does not exist.
        read: the store's read that asked for it, for example `MeetingStore.location`.
    """

    def __init__(self, path: str, read: str) -> None:
        self.path = path
        self.read = read
        super().__init__(
            f"{path} does not exist, but {read} requires it. Create it, or declare what to do "
            f"without it: `default=` for one document, `missing='skip'` for many."
        )


class BuildError(PermanentError):
    """The application's code raised an error while it computed a document."""


class Refused(PermanentError):
    """The app refuses a client's request; the client may read the message.

    Raise it in a setter of a view, or in `Form.submit`: nothing is changed, and the request is
    marked as failed with the message as the reason. A refusal is an answer, not a fault of the app:
    a request that has a mark gets no dead letter.

    Example:
        >>> raise Refused("the meeting is closed")
        Traceback (most recent call last):
        onto_fn.errors.Refused: the meeting is closed
    """


class InvalidRequest(Refused):
    """A form or patch does not fit its declaration.

    Args:
        problems: one entry per field, `"field: what is wrong"`, with the field names that the
            client uses.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class NotWritable(PermanentError, AttributeError):
    """A view has no such field, or the field has no setter."""


class DocumentTooLarge(PermanentError):
    """A document would exceed Firestore's limit of 1 MiB, or a commit that of 10 MiB."""


class UnreadableRecord(PermanentError):
    """A document in the ledger is not a valid ledger record: something else wrote it.

    Args:
        path: path of the document.
        problem: what is wrong with it, and with which field.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be read as a ledger record: {problem}. Something other than onto_fn "
            "wrote it. Until it is fixed, its view does not follow its sources. Rebuild the root "
            "(replay its dead letter, or backfill the view): that replaces the record and keeps "
            "track of the documents that this one still lists."
        )


class UndecodableEvent(PermanentError):
    """An event does not say which document changed."""


class UndecodableMessage(PermanentError):
    """What was received is not a message that onto_fn has sent."""


class MessageRefused(PermanentError):
    """The receiver or the broker refuses a message permanently."""


class EmulatorMissing(PermanentError):
    """One service is an emulator and another is not; emulated data must never reach Google."""


class MissingIndex(OntoError):
    """The database has no index for a query; the event fails until it has been deployed."""


class TransientError(OntoError):
    """Trying again may succeed."""


class Contention(TransientError):
    """The ledger record or a source was written between a build's read and its commit.

    Attributes:
        changed: paths of the sources that were written, if they are known.
    """

    def __init__(self, message: str = "", changed: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.changed = frozenset(changed)


class StaleSnapshot(TransientError):
    """A snapshot is older than a version that the event or the ledger proves to exist."""


class RetriesExhausted(TransientError):
    """A view could not be committed within the bounds of `RetryPolicy`.

    The function fails, and the platform delivers the event again.
    """
