"""The meeting room by hand, with google-cloud-firestore: what a ticket's trigger has to do.

Two ways, as a careful user would write them: `transactional`, as Firebase's documentation has it,
which is right unless it gives up; and `plain`, which is faster and can leave stale views when
events overlap or come out of order. Neither tells a duplicate from a new event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud import firestore
from google.cloud.firestore import Client, DocumentReference, DocumentSnapshot, FieldFilter

Snapshots = Mapping[str, DocumentSnapshot]


def transactional(client: Client, ticket: str, user: str) -> None:
    """Rebuild the views of the meetings that a ticket is for, in a read-write transaction.

    Args:
        client: of the project.
        ticket: path of the ticket that has changed.
        user: id of its holder, as the event has it.
    """

    @firestore.transactional
    def update(transaction: firestore.Transaction) -> None:
        contents: dict[str, dict[str, Any]] = {}
        # All reads go before the first write: a transaction refuses them in another order.
        for meeting in meetings_of(client, ticket, user).stream(transaction=transaction):
            read = by_path(client.get_all(references(meeting), transaction=transaction))
            contents |= views(meeting, read)
        for view, content in contents.items():
            transaction.set(client.document(view), content)

    update(client.transaction())


def plain(client: Client, ticket: str, user: str) -> None:
    """The same without a transaction."""
    for meeting in meetings_of(client, ticket, user).stream():
        read = by_path(client.get_all(references(meeting)))
        batch = client.batch()
        for view, content in views(meeting, read).items():
            batch.set(client.document(view), content)
        batch.commit()


def meetings_of(client: Client, ticket: str, user: str) -> Any:
    """The meetings that list a ticket under the key of its holder."""
    holds = FieldFilter(f"tickets.{user}", "==", client.document(ticket))
    return client.collection("meetings").where(filter=holds)


def references(meeting: DocumentSnapshot) -> list[DocumentReference]:
    """What a meeting refers to; the holders of its tickets are its users."""
    fields = meeting.to_dict() or {}
    return [*fields["users"], *fields["tickets"].values(), fields["location"]]


def by_path(documents: Iterable[DocumentSnapshot]) -> dict[str, DocumentSnapshot]:
    return {document.reference.path: document for document in documents}


def views(meeting: DocumentSnapshot, read: Snapshots) -> dict[str, dict[str, Any]]:
    """The views of a meeting, by path."""
    fields = meeting.to_dict() or {}
    location = read[fields["location"].path].to_dict() or {}
    attending: list[dict[str, Any]] = []
    if fields["status"] != "not-started":
        for ticket in fields["tickets"].values():
            held = read[ticket.path].to_dict() or {}
            if held["attendance"]:
                user = read[held["user"].path].to_dict() or {}
                attending.append(
                    {
                        "name": f"{user['firstName']} {user['lastName']}",
                        "organization": user["organization"],
                        "hearing_aid_requested": user["hearingAidRequested"],
                    }
                )
    content = {
        "latitude": location["latitude"],
        "longitude": location["longitude"],
        "address": location["address"],
        "inSession": fields["status"] == "in-session",
        "attending": sorted(attending, key=lambda one: one["name"]),
        "numHearingAidRequested": sum(one["hearing_aid_requested"] for one in attending),
    }
    return {f"users/{user.id}/MeetingSession/{meeting.id}": content for user in fields["users"]}
