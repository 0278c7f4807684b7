"""The meeting room through its running functions: scenarios M1 to M8."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from google.cloud.firestore import DELETE_FIELD, ArrayRemove, ArrayUnion, Client
from meeting_room.sample import sources

from onto_fn.testing import EmulatorSuite

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

    def __init__(self, emulators: EmulatorSuite, client: Client, eventually: Eventually) -> None:
        self._emulators = emulators
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

    def await_event(self, function: str, cause: Callable[[], Any]) -> None:
        """Do what causes an event, and wait until a function has handled it."""

        def times(what: str) -> int:
            return self._emulators.log_path.read_text().count(f'{what} "us-central1-{function}"')

        def is_idle() -> None:
            assert times("Finished") == times("Beginning execution of")

        self._eventually(is_idle)
        before = times("Finished")
        cause()

        def is_handled() -> None:
            assert times("Finished") > before

        self._eventually(is_handled)


@pytest.fixture
def room(emulators: EmulatorSuite, firestore_client: Client, eventually: Eventually) -> Room:
    return Room(emulators, firestore_client, eventually)


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

    user = session.client.document("users/tijuana")
    session.await_event("on_users_written", lambda: user.update({"favouriteColour": "green"}))

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


# M6: a patch changes the meeting's status


PATCH = "users/tijuana/MeetingSession_PATCH/p1"


def asks(**fields: Any) -> dict[str, Any]:
    return {"target_meeting_id": "meeting_1"} | fields


def outcome(session: Room, path: str) -> dict[str, Any]:
    """How a patch was marked, as its client sees it."""

    def marked() -> dict[str, Any]:
        patch = session.get(path)
        assert patch is not None
        assert "processed" in patch, patch
        return patch["processed"]

    mark = session._eventually(marked)
    return {name: value for name, value in mark.items() if name != "at"}


def update_times(session: Room) -> dict[str, Any]:
    return {
        path: session.client.document(path).get().update_time for path in sources(session.client)
    }


def test_m6_a_patch_closes_the_meeting_and_the_views_show_it(session: Room) -> None:
    before = update_times(session)

    session.client.document(PATCH).create(asks(inSession=False))

    assert outcome(session, PATCH) == {"state": "done"}
    meeting = session.get(MEETING)
    assert meeting == sources(session.client)[MEETING] | {"status": "closed"}
    session.await_sessions(dict.fromkeys(USERS, VIEW | {"inSession": False}))
    changed = {path for path, time in update_times(session).items() if time != before[path]}
    assert changed == {MEETING}


def test_m6_a_patch_opens_a_closed_meeting(session: Room) -> None:
    session.client.document(MEETING).update({"status": "closed"})

    session.client.document(PATCH).create(asks(inSession=True))

    assert outcome(session, PATCH) == {"state": "done"}
    session.await_sessions(dict.fromkeys(USERS, VIEW))
    assert session.client.document(MEETING).get().get("status") == "in-session"


@pytest.mark.parametrize(
    ("status", "value"),
    [("in-session", True), ("closed", False), ("not-started", True), ("not-started", False)],
)
def test_m6_a_status_that_forbids_it_fails_the_patch_with_the_reason(
    session: Room, status: str, value: bool
) -> None:
    session.client.document(MEETING).update({"status": status})
    before = update_times(session)

    session.client.document(PATCH).create(asks(inSession=value))

    wanted = "in session" if value else "closed"
    reason = f"a meeting that is {status} cannot be set to {wanted}"
    assert outcome(session, PATCH) == {"state": "failed", "reason": reason}
    assert update_times(session) == before
    assert not list(session.client.collection("onto_dead_letters").stream())


def test_m6_only_in_session_is_honoured(session: Room) -> None:
    session.client.document(PATCH).create(
        asks(inSession=False, address="elsewhere", status="not-started", latitude=0.0)
    )

    assert outcome(session, PATCH) == {"state": "done"}
    documents = sources(session.client)
    assert session.get(MEETING) == documents[MEETING] | {"status": "closed"}
    assert session.get("locations/L") == documents["locations/L"]


@pytest.mark.parametrize(
    "target", ["meeting_1", "no-such-meeting"], ids=["not a member", "no meeting"]
)
def test_m6_a_user_who_is_not_in_the_meeting_is_refused(session: Room, target: str) -> None:
    """And does not learn whether there is such a meeting."""
    before = update_times(session)
    patch = "users/mallory/MeetingSession_PATCH/p1"

    session.client.document(patch).create(
        {"target_meeting_id": target, "inSession": False, "user_id": "tijuana"}
    )

    reason = f"users/mallory/MeetingSession/{target} does not exist"
    assert outcome(session, patch) == {"state": "failed", "reason": reason}
    assert update_times(session) == before


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"inSession": False}, "target_meeting_id"),
        (asks(inSession="perhaps"), "inSession"),
        (asks(inSession=None), "inSession"),
        (asks(address="elsewhere"), "inSession"),
        ({"target_meeting_id": "../meetings/meeting_1", "inSession": False}, "target_meeting_id"),
        ({"target_meeting_id": 7, "inSession": False}, "target_meeting_id"),
    ],
)
def test_m6_a_patch_that_does_not_fit_fails_and_names_the_field(
    session: Room, fields: dict[str, Any], field: str
) -> None:
    session.client.document(PATCH).create(fields)

    mark = outcome(session, PATCH)
    assert mark["state"] == "failed"
    assert field in mark["reason"]
    assert session.client.document(MEETING).get().get("status") == "in-session"


# M8: write back


def test_m8_an_edited_name_writes_one_document(session: Room) -> None:
    before = update_times(session)
    patch = "users/thomasina/UserView_PATCH/p1"

    session.client.document(patch).create({"lastName": "Manes-Furlong"})

    assert outcome(session, patch) == {"state": "done"}
    thomasina = sources(session.client)["users/thomasina"] | {"lastName": "Manes-Furlong"}
    assert session.get("users/thomasina") == thomasina
    changed = {path for path, time in update_times(session).items() if time != before[path]}
    assert changed == {"users/thomasina"}
    attending = [JOSHUA, THOMASINA | {"name": "Thomasina Manes-Furlong"}, TIJUANA]
    session.await_sessions(dict.fromkeys(USERS, VIEW | {"attending": attending}))
