"""Domain models: the truth, one collection each."""

from typing import Literal

from onto_fn import DomainModel, Ref


class User(DomainModel, collection="users"):
    """Somebody who can take part in meetings."""

    first_name: str
    last_name: str
    hearing_aid_requested: bool = False
    organization: str | None = None


class Ticket(DomainModel, collection="tickets"):
    """A user's right to take part in a meeting, and whether they do."""

    role: Literal["Organizer", "Participant"]
    user: Ref[User]
    attendance: bool = False


class Location(DomainModel, collection="locations"):
    """Where meetings take place."""

    latitude: float
    longitude: float
    address: str


class Meeting(DomainModel, collection="meetings"):
    """A meeting of users at a location; its tickets are keyed by user id."""

    users: list[Ref[User]]
    tickets: dict[str, Ref[Ticket]]
    location: Ref[Location]
    status: Literal["not-started", "in-session", "closed"]
