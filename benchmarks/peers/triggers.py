"""The meeting room by hand, as a codebase of functions: what the triggers are.

Each competitor has a database of its own, so that no write starts two of them; the paths of the
documents are the same in each.
"""

from __future__ import annotations

import functools

import meeting_room
from firebase_functions.firestore_fn import Change, DocumentSnapshot, Event, on_document_written
from google.cloud.firestore import Client

Written = Event[Change[DocumentSnapshot | None]]


@functools.cache
def database(name: str) -> Client:
    """One client for the whole life of an instance, as its connections are dear."""
    return Client(database=name)


@on_document_written(document="tickets/{ticket}", database="transactional")
def transactional_ticket(event: Written) -> None:
    meeting_room.transactional(database("transactional"), event.document, holder(event))


@on_document_written(document="tickets/{ticket}", database="plain")
def plain_ticket(event: Written) -> None:
    meeting_room.plain(database("plain"), event.document, holder(event))


@on_document_written(document="tickets/{ticket}", database="python-least")
def python_least(event: Written) -> None:
    """The least that a function in Python can do for a view: one write, and no read."""
    ticket = event.data.after
    assert ticket
    view = f"users/{holder(event)}/MeetingSession/{event.params['ticket']}"
    database("python-least").document(view).set({"attendance": ticket.get("attendance")})


def holder(event: Written) -> str:
    """The id of the user who holds the ticket, or held it."""
    ticket = event.data.after or event.data.before
    assert ticket
    return ticket.get("user").id
