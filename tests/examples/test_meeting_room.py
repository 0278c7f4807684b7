"""The meeting room's views are stored as they were when each of their fields was a property."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meeting_room import views
from meeting_room.models import Location, Meeting, Ticket, User
from meeting_room.patches import UserViewPatch
from meeting_room.views import MeetingLine, MeetingStore, UserStore

from onto_fn import App, DomainModel, Patch, ViewModel
from onto_fn.access import owner
from onto_fn.firestore.values import encode_fields
from onto_fn.generate.rules import rules_text
from onto_fn.generate.typescript import typescript
from onto_fn.testing import build, edit


class MeetingSession(
    ViewModel[MeetingStore],
    path="users/{user_id}/MeetingSession/{meeting_id}",
    read=owner("user_id"),
):
    """A meeting as each of its users sees it."""

    @property
    def latitude(self) -> float:
        return self.store.location.latitude

    @property
    def longitude(self) -> float:
        return self.store.location.longitude

    @property
    def address(self) -> str:
        return self.store.location.address

    in_session = views.MeetingSession.in_session
    attending = views.MeetingSession.attending
    num_hearing_aid_requested = views.MeetingSession.num_hearing_aid_requested

    def targets(self) -> Iterable[dict[str, str]]:
        meeting_id = self.store.meeting.doc_id
        return [{"user_id": user.doc_id, "meeting_id": meeting_id} for user in self.store.users]


class UserView(ViewModel[UserStore], path="users/{user_id}/UserView/view", read=owner("user_id")):
    """One user's screen."""

    @property
    def first_name(self) -> str:
        return self.store.user.first_name

    @property
    def last_name(self) -> str:
        return self.store.user.last_name

    @last_name.setter
    def last_name(self, value: str) -> None:
        self.store.user.last_name = value

    @property
    def organization(self) -> str | None:
        return self.store.user.organization

    @property
    def hearing_aid_requested(self) -> bool:
        return self.store.user.hearing_aid_requested

    @property
    def meetings(self) -> list[MeetingLine]:
        return [
            MeetingLine(meeting_id=meeting.doc_id, status=meeting.status)
            for meeting in sorted(self.store.meetings, key=lambda meeting: meeting.doc_id)
        ]


PAIRS = [(views.MeetingSession, MeetingSession, "m"), (views.UserView, UserView, "ada")]

texts = st.text(max_size=10)
users = st.builds(
    lambda **fields: User(doc_id="ada", **fields),
    first_name=texts,
    last_name=texts,
    hearing_aid_requested=st.booleans(),
    organization=st.none() | texts,
)
locations = st.builds(
    lambda **fields: Location(doc_id="l", **fields),
    latitude=st.floats() | st.integers(-90, 90),
    longitude=st.floats(),
    address=texts,
)
statuses = st.sampled_from(["not-started", "in-session", "closed"])


def stored(view: type[ViewModel[Any]], root: str, documents: list[DomainModel]) -> dict[str, bytes]:
    """What is sent to Firestore for each document, byte for byte."""
    return {
        path: b"".join(
            name.encode() + value.SerializeToString(deterministic=True)
            for name, value in encode_fields(
                fields, documents="projects/p/databases/d/documents", where=path
            ).items()
        )
        for path, fields in build(view, root, documents).items()
    }


@pytest.mark.parametrize(("mirrored", "written", "root"), PAIRS)
@settings(max_examples=50, deadline=None)
@given(user=users, location=locations, status=statuses, attends=st.booleans())
def test_the_documents_are_the_same_byte_for_byte(
    mirrored: type[ViewModel[Any]],
    written: type[ViewModel[Any]],
    root: str,
    user: User,
    location: Location,
    status: Any,
    attends: bool,
) -> None:
    ticket = Ticket(doc_id="t", role="Organizer", user=user.doc_ref, attendance=attends)
    meeting = Meeting(
        doc_id="m",
        users=[user.doc_ref],
        tickets={"ada": ticket.doc_ref},
        location=location.doc_ref,
        status=status,
    )
    documents = [user, location, ticket, meeting]

    assert stored(mirrored, root, documents) == stored(written, root, documents)


@pytest.mark.parametrize(("mirrored", "written", "root"), PAIRS)
def test_the_types_rules_and_schema_are_the_same(
    mirrored: type[ViewModel[Any]], written: type[ViewModel[Any]], root: str
) -> None:
    assert mirrored.__fields__ == written.__fields__
    assert mirrored.Document.model_json_schema() == written.Document.model_json_schema()
    assert typescript(App([mirrored])) == typescript(App([written]))
    assert rules_text(App([mirrored])) == rules_text(App([written]))


def test_a_patch_of_the_user_writes_the_same() -> None:
    ada = User(doc_id="ada", first_name="Ada", last_name="Byron")

    change = {"last_name": "Lovelace"}

    assert edit(views.UserView, "ada", change, [ada]) == edit(UserView, "ada", change, [ada])
    assert issubclass(UserViewPatch, Patch)
