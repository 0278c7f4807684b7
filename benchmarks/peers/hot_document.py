"""One hot document by hand, with google-cloud-firestore, as careful users would write it.

Firebase's decorators ask for no redelivery (`retry: false`): what one of these raises is lost.
"""

from __future__ import annotations

from google.cloud import firestore
from google.cloud.firestore import Client, DocumentReference


def count(client: Client, total: DocumentReference, option: str) -> None:
    """Count a vote: read the totals, change them, write them. Counts a duplicate twice."""

    @firestore.transactional
    def update(transaction: firestore.Transaction) -> None:
        counts = total.get(transaction=transaction).to_dict() or {}
        transaction.set(total, counts | {option: counts.get(option, 0) + 1})

    update(client.transaction())


def count_once(client: Client, total: DocumentReference, option: str, event_id: str) -> None:
    """The same, and a marker of each event, in the same transaction, tells duplicates."""
    marker = client.document(f"seen/{event_id}")

    @firestore.transactional
    def update(transaction: firestore.Transaction) -> None:
        if marker.get(transaction=transaction).exists:
            return
        counts = total.get(transaction=transaction).to_dict() or {}
        transaction.set(total, counts | {option: counts.get(option, 0) + 1})
        transaction.set(marker, {})

    update(client.transaction())


def join(client: Client, group: DocumentReference, view: DocumentReference) -> None:
    """Rebuild the view of a group. It never reads the view; a duplicate writes it again."""

    @firestore.transactional
    def update(transaction: firestore.Transaction) -> None:
        transaction.set(view, {"changes": _changes(client, transaction, group)})

    update(client.transaction())


def join_once(
    client: Client, group: DocumentReference, view: DocumentReference, event_id: str
) -> None:
    """The same, and a marker of each event, in the same transaction, tells duplicates."""
    marker = client.document(f"seen/{event_id}")

    @firestore.transactional
    def update(transaction: firestore.Transaction) -> None:
        if marker.get(transaction=transaction).exists:
            return
        transaction.set(view, {"changes": _changes(client, transaction, group)})
        transaction.set(marker, {})

    update(client.transaction())


def join_recorded(
    client: Client, group: DocumentReference, view: DocumentReference, event_id: str
) -> None:
    """The same with one record a view instead of a marker an event: the last 100 events' ids.

    Nothing is left behind, but the record is read and written by every event.
    """
    record = client.document(f"seen/{view.id}")

    @firestore.transactional
    def update(transaction: firestore.Transaction) -> None:
        seen = (record.get(transaction=transaction).to_dict() or {"events": []})["events"]
        if event_id in seen:
            return
        transaction.set(view, {"changes": _changes(client, transaction, group)})
        transaction.set(record, {"events": [*seen[-99:], event_id]})

    update(client.transaction())


def _changes(client: Client, transaction: firestore.Transaction, group: DocumentReference) -> int:
    members = group.get(transaction=transaction).get("members")
    return sum(m.get("changes") for m in client.get_all(members, transaction=transaction))
