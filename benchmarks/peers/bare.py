"""The least that a hand-written function imports and declares."""

from firebase_functions.firestore_fn import Change, DocumentSnapshot, Event, on_document_written
from google.cloud import firestore  # noqa: F401


@on_document_written(document="tickets/{ticket_id}")
def on_ticket(event: Event[Change[DocumentSnapshot | None]]) -> None:
    """Does nothing."""
