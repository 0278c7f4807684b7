"""The meeting room through its running functions: scenarios M1 to M5 and M7."""

import random
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import DELETE_FIELD, ArrayRemove, ArrayUnion, Client

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))

from meeting_room.sample import sources

USERS = ("tijuana", "thomasina", "joshua")
MEETING = "meetings/meeting_1"
LEDGER = "onto_ledger/MeetingSession~meetings%2Fmeeting_1"
DEAD_LETTER = "onto_dead_letters/MeetingSession~meetings%2Fmeeting_1"

JOSHUA = {"name": "Joshua Pendergrast", "organization": "SDSU", "hearing_aid_requested": True}
THOMASINA = {"name": "Thomasina Manes", "organization": "UCSD", "hearing_aid_requested": False}
TIJUANA = {"name": "Tijuana Furlong", "organization": "UCSD", "hearing_aid_requested": True}
VIEW = {
    "latitude": 32.880361,
    "longitude": -117.242929,
    "address": "9500 Gilman Drive, La Jolla, CA",
    "inSession": True,
    "attending": [JOSHUA, THOMASINA, TIJUANA],
    "numHearingAidRequested": 2,
}

Eventually = Callable[..., Any]


def session_path(user: str) -> str:
    return f"users/{user}/MeetingSession/meeting_1"


class Room:
    """The meeting room's documents, as a client sees them."""

    def __init__(self, client: Client, eventually: Eventually) -> None:
        self.client = client
        self._eventually = eventually

    def write_sources(self, order: list[str] | None = None) -> None:
        documents = sources(self.client)
        for path in order or list(documents):
            self.client.document(path).set(documents[path])

    def get(self, path: str) -> dict[str, Any] | None:
        return self.client.document(path).get().to_dict()

    def sessions(self) -> dict[str, dict[str, Any] | None]:
        return {user: self.get(session_path(user)) for user in USERS}

    def await_sessions(self, expected: dict[str, dict[str, Any] | None]) -> None:
        def check() -> None:
            assert self.sessions() == expected

        self._eventually(check)

    def await_document(self, path: str, expected: dict[str, Any] | None) -> None:
        def check() -> None:
            assert self.get(path) == expected

        self._eventually(check)

    def await_materialised(self, path: str) -> None:
        """Wait until the meeting's ledger record has the present version of a source."""
        written = self.client.document(path).get().update_time

        def check() -> None:
            ledger = self.get(LEDGER)
            assert ledger is not None
            versions = {source["path"]: source["time"] for source in ledger["sources"]}
            assert versions[path] >= written

        self._eventually(check)


@pytest.fixture
def room(firestore_client: Client, eventually: Eventually) -> Room:
    return Room(firestore_client, eventually)


@pytest.fixture
def session(room: Room) -> Room:
    """The meeting room with its three views built."""
    room.write_sources()
    room.await_sessions(dict.fromkeys(USERS, VIEW))
    return room


# M1: the sources in any order


def orders() -> list[list[str]]:
    """The meeting first, the meeting last, and a sample of the other orders."""
    paths = [
        *(f"users/{user}" for user in USERS),
        *(f"tickets/{ticket}" for ticket in ("tj_t", "ts_t", "js_t")),
        "locations/L",
        MEETING,
    ]
    sample = [[MEETING, *paths[:-1]], paths, paths[::-1]]
    generator = random.Random(20)
    for _ in range(9):
        sample.append(generator.sample(paths, len(paths)))
    return sample


@pytest.mark.parametrize("order", orders(), ids=lambda order: "-".join(p[:6] for p in order[:3]))
def test_m1_sources_in_any_order_give_three_equal_views(room: Room, order: list[str]) -> None:
    room.write_sources(order)

    room.await_sessions(dict.fromkeys(USERS, VIEW))
    room.await_document(DEAD_LETTER, None)


def test_m1_sources_in_one_commit_give_three_equal_views(room: Room) -> None:
    batch = room.client.batch()
    for path, fields in sources(room.client).items():
        batch.set(room.client.document(path), fields)
    batch.commit()

    room.await_sessions(dict.fromkeys(USERS, VIEW))


def test_m1_references_stored_as_paths_are_read_as_well(room: Room) -> None:
    documents = sources(room.client)
    documents[MEETING]["users"] = [f"users/{user}" for user in USERS]
    documents["tickets/tj_t"]["user"] = "users/tijuana"
    for path, fields in documents.items():
        room.client.document(path).set(fields)

    room.await_sessions(dict.fromkeys(USERS, VIEW))


# M2: a change far from the root


def test_m2_a_ticket_alone_changes_every_view(session: Room) -> None:
    session.client.document("tickets/tj_t").update({"attendance": False})

    expected = VIEW | {"attending": [JOSHUA, THOMASINA], "numHearingAidRequested": 1}
    session.await_sessions(dict.fromkeys(USERS, expected))


# M3: used and unused fields


def test_m3_a_user_field_shows_in_every_view(session: Room) -> None:
    session.client.document("users/tijuana").update({"organization": "SIO"})

    changed = TIJUANA | {"organization": "SIO"}
    expected = VIEW | {"attending": [JOSHUA, THOMASINA, changed]}
    session.await_sessions(dict.fromkeys(USERS, expected))


def test_m3_a_field_that_no_view_uses_writes_no_view(session: Room) -> None:
    views = [session_path(user) for user in USERS] + ["users/tijuana/UserView/view"]
    session.await_document(views[-1], user_view())
    before = [session.client.document(path).get().update_time for path in views]

    session.client.document("users/tijuana").update({"favouriteColour": "green"})

    session.await_materialised("users/tijuana")
    after = [session.client.document(path).get().update_time for path in views]
    assert after == before


# M4: leaving and coming back


def test_m4_a_user_who_leaves_loses_the_copy_in_the_same_commit(session: Room) -> None:
    thomasina = session.client.document("users/thomasina")
    session.client.document(MEETING).update(
        {"users": ArrayRemove([thomasina]), "tickets.thomasina": DELETE_FIELD}
    )

    without = VIEW | {"attending": [JOSHUA, TIJUANA]}
    session.await_sessions({"tijuana": without, "joshua": without, "thomasina": None})
    commit = session.client.document(session_path("tijuana")).get().update_time
    copy = session.client.document(session_path("thomasina"))
    assert not copy.get(read_time=commit).exists
    assert copy.get(read_time=commit - timedelta(microseconds=1)).exists


def test_m4_a_user_who_comes_back_gets_the_copy_back(session: Room) -> None:
    thomasina = session.client.document("users/thomasina")
    meeting = session.client.document(MEETING)
    meeting.update({"users": ArrayRemove([thomasina]), "tickets.thomasina": DELETE_FIELD})
    session.await_document(session_path("thomasina"), None)

    meeting.update(
        {
            "users": ArrayUnion([thomasina]),
            "tickets.thomasina": session.client.document("tickets/ts_t"),
        }
    )

    session.await_sessions(dict.fromkeys(USERS, VIEW))


# M5: deletions


def test_m5_a_deleted_meeting_leaves_nothing_behind(session: Room) -> None:
    session.client.document(MEETING).delete()

    session.await_sessions(dict.fromkeys(USERS))
    session.await_document(LEDGER, None)


def test_m5_a_deleted_location_is_a_clear_dead_letter_and_heals(
    session: Room, eventually: Eventually
) -> None:
    location = session.client.document("locations/L")
    location.delete()

    def dead_letter_is_clear() -> None:
        letter = session.get(DEAD_LETTER)
        assert letter is not None
        assert letter["error"]["kind"] == "MissingDocument"
        assert "locations/L does not exist" in letter["error"]["message"]
        assert letter["root"] == MEETING

    eventually(dead_letter_is_clear)
    assert session.sessions() == dict.fromkeys(USERS, VIEW)

    location.set(sources(session.client)["locations/L"] | {"address": "new"})

    session.await_sessions(dict.fromkeys(USERS, VIEW | {"address": "new"}))
    session.await_document(DEAD_LETTER, None)


def test_m5_a_document_that_its_model_refuses_is_a_clear_dead_letter(
    session: Room, eventually: Eventually
) -> None:
    session.client.document("locations/L").update({"latitude": "north"})

    def dead_letter_is_clear() -> None:
        letter = session.get(DEAD_LETTER)
        assert letter is not None
        assert "locations/L is not a valid Location: latitude" in letter["error"]["message"]

    eventually(dead_letter_is_clear)

    session.client.document("locations/L").update({"latitude": 1.5})

    session.await_sessions(dict.fromkeys(USERS, VIEW | {"latitude": 1.5}))
    session.await_document(DEAD_LETTER, None)


# M7: a view over a query


def user_view(**changes: Any) -> dict[str, Any]:
    line = {"meeting_id": "meeting_1", "status": "in-session"}
    return {
        "firstName": "Tijuana",
        "lastName": "Furlong",
        "organization": "UCSD",
        "hearingAidRequested": True,
        "meetings": [line],
    } | changes


VIEW_OF_TIJUANA = "users/tijuana/UserView/view"


def test_m7_a_users_screen_lists_the_meetings_that_a_query_finds(session: Room) -> None:
    session.await_document(VIEW_OF_TIJUANA, user_view())


def test_m7_a_meeting_that_comes_to_match_appears(session: Room) -> None:
    documents = sources(session.client)
    session.client.document("meetings/meeting_0").set(
        documents[MEETING] | {"status": "not-started"}
    )

    lines = [
        {"meeting_id": "meeting_0", "status": "not-started"},
        {"meeting_id": "meeting_1", "status": "in-session"},
    ]
    session.await_document(VIEW_OF_TIJUANA, user_view(meetings=lines))


def test_m7_a_meeting_that_stops_matching_disappears(session: Room) -> None:
    session.await_document(VIEW_OF_TIJUANA, user_view())
    tijuana = session.client.document("users/tijuana")

    session.client.document(MEETING).update({"users": ArrayRemove([tijuana])})

    session.await_document(VIEW_OF_TIJUANA, user_view(meetings=[]))


def test_m7_a_deleted_meeting_disappears(session: Room) -> None:
    session.await_document(VIEW_OF_TIJUANA, user_view())

    session.client.document(MEETING).delete()

    session.await_document(VIEW_OF_TIJUANA, user_view(meetings=[]))
