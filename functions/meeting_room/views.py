"""View models: what a screen needs."""

from collections.abc import Iterable

from pydantic import BaseModel

from meeting_room.models import Location, Meeting, Ticket, User
from onto_fn import Refused, Store, ViewModel, keyed, many, mirror, one, query, root
from onto_fn.access import owner


class Attendee(BaseModel):
    """One line of the list of those who attend."""

    name: str
    organization: str | None = None
    hearing_aid_requested: bool


class MeetingStore(Store):
    """A meeting with everything it refers to."""

    meeting = root(Meeting)
    users = many(User, lambda store: store.meeting.users)
    tickets = keyed(Ticket, lambda store: store.meeting.tickets)
    location = one(Location, lambda store: store.meeting.location)
    ticket_users = keyed(
        User, lambda store: {key: ticket.user for key, ticket in store.tickets.items()}
    )


class MeetingSession(
    ViewModel[MeetingStore],
    path="users/{user_id}/MeetingSession/{meeting_id}",
    read=owner("user_id"),
):
    """A meeting as each of its users sees it."""

    latitude: float = mirror("location.latitude")
    longitude: float = mirror("location.longitude")
    address: str = mirror("location.address")

    @property
    def in_session(self) -> bool:
        return self.store.meeting.status == "in-session"

    @in_session.setter
    def in_session(self, value: bool) -> None:
        meeting = self.store.meeting
        if meeting.status == "in-session" and not value:
            meeting.status = "closed"
        elif meeting.status == "closed" and value:
            meeting.status = "in-session"
        else:
            wanted = "in session" if value else "closed"
            raise Refused(f"a meeting that is {meeting.status} cannot be set to {wanted}")

    @property
    def attending(self) -> list[Attendee]:
        if self.store.meeting.status == "not-started":
            return []
        users = [
            user
            for key, user in self.store.ticket_users.items()
            if self.store.tickets[key].attendance
        ]
        return [
            Attendee(
                name=f"{user.first_name} {user.last_name}",
                organization=user.organization,
                hearing_aid_requested=user.hearing_aid_requested,
            )
            for user in sorted(users, key=lambda user: user.doc_id)
        ]

    @property
    def num_hearing_aid_requested(self) -> int:
        return sum(attendee.hearing_aid_requested for attendee in self.attending)

    def targets(self) -> Iterable[dict[str, str]]:
        meeting_id = self.store.meeting.doc_id
        return [{"user_id": user.doc_id, "meeting_id": meeting_id} for user in self.store.users]


class MeetingLine(BaseModel):
    """One meeting in a user's list."""

    meeting_id: str
    status: str


class UserStore(Store):
    """A user, and the meetings that the user is in."""

    user = root(User)
    meetings = query(Meeting).where("users", "array_contains", lambda store: store.user.doc_ref)


class UserView(ViewModel[UserStore], path="users/{user_id}/UserView/view", read=owner("user_id")):
    """One user's screen."""

    first_name: str = mirror("user.first_name")
    last_name: str = mirror("user.last_name", setter=True)
    organization: str | None = mirror("user.organization")
    hearing_aid_requested: bool = mirror("user.hearing_aid_requested")

    @property
    def meetings(self) -> list[MeetingLine]:
        return [
            MeetingLine(meeting_id=meeting.doc_id, status=meeting.status)
            for meeting in sorted(self.store.meetings, key=lambda meeting: meeting.doc_id)
        ]
