"""Users at the running functions, by the Firebase JS SDK and under the generated rules.

They sign in on the Auth emulator, write forms and patches, and watch what becomes of them: the
scenarios M6, M8 and City. Only domain documents that no form creates are written otherwise.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from google.cloud.firestore import Client
from meeting_room.sample import sources

from emulator_tests.access.guards.sdk import Answer, Sdk, Users
from emulator_tests.apps.city import City, Municipality, StandardCity
from onto_fn.editing import Database, Repository
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually

MEETING = "meetings/meeting_1"
TIJUANA, THOMASINA, MALLORY = "tijuana", "thomasina", "mallory"
PATCHES = f"users/{TIJUANA}/MeetingSession_PATCH"
CLOSE = {"target_meeting_id": "meeting_1", "inSession": False}


def session_of(user: str) -> str:
    return f"users/{user}/MeetingSession/meeting_1"


def marked(users: Users, user: str, path: str) -> dict[str, Any]:
    """How a request is marked, as the one who made it sees it happen."""
    watch = users.watch(user, path=path)
    while True:
        answer = watch.next()
        assert answer.outcome == "allowed", answer
        if answer.value and "processed" in answer.value:
            watch.stop()
            mark = answer.value["processed"]
            return {name: value for name, value in mark.items() if name != "at"}


# The meeting room


@pytest.fixture(scope="module")
def guests(emulators: EmulatorSuite, sdk: Sdk) -> Users:
    users = Users(sdk, emulators, emulators.project_id)
    for name in (TIJUANA, THOMASINA, MALLORY):
        users.sign_in(name)
    users.nobody("nobody")
    return users


@pytest.fixture
def room(firestore_client: Client, guests: Users, eventually: Eventually) -> Users:
    """The meeting room, its views built, with three users signed in."""
    for path, fields in sources(firestore_client).items():
        firestore_client.document(path).set(fields)
    for name in (TIJUANA, THOMASINA):
        view = firestore_client.document(session_of(name))
        eventually(lambda view=view: len(view.get().get("attending") or ()) == 3, deadline=90)
        watch = guests.watch(name, path=session_of(name))
        watch.until(lambda view: view is not None and len(view["attending"]) == 3)
        watch.stop()
    return guests


def test_m6_a_patch_of_a_client_closes_the_meeting_while_others_watch(
    room: Users, firestore_client: Client
) -> None:
    own = room.watch(TIJUANA, path=session_of(TIJUANA))
    other = room.watch(THOMASINA, path=session_of(THOMASINA))
    assert own.next().value["inSession"] is True
    assert other.next().value["inSession"] is True

    assert room.call(TIJUANA, "set", path=f"{PATCHES}/p1", fields=CLOSE).outcome == "allowed"

    assert own.until(lambda view: not view["inSession"]).value["attending"]
    assert other.until(lambda view: not view["inSession"]).value["attending"]
    assert marked(room, TIJUANA, f"{PATCHES}/p1") == {"state": "done"}
    meeting = firestore_client.document(MEETING).get().to_dict()
    assert meeting == sources(firestore_client)[MEETING] | {"status": "closed"}
    own.stop()
    other.stop()


def test_m6_a_status_that_forbids_it_is_the_reason_that_the_client_reads(room: Users) -> None:
    path = f"{PATCHES}/again"

    room.call(TIJUANA, "set", path=path, fields=CLOSE | {"inSession": True})

    reason = "a meeting that is in-session cannot be set to in session"
    assert marked(room, TIJUANA, path) == {"state": "failed", "reason": reason}


def test_m6_a_patch_for_a_meeting_that_one_is_not_in_is_refused(
    room: Users, firestore_client: Client
) -> None:
    path = f"users/{MALLORY}/MeetingSession_PATCH/p1"

    assert room.call(MALLORY, "set", path=path, fields=CLOSE).outcome == "allowed"

    reason = f"{session_of(MALLORY)} does not exist"
    assert marked(room, MALLORY, path) == {"state": "failed", "reason": reason}
    assert firestore_client.document(MEETING).get().get("status") == "in-session"


def test_m6_a_patch_is_not_applied_again_by_whatever_a_client_tries(
    room: Users, firestore_client: Client
) -> None:
    path = f"{PATCHES}/p1"
    room.call(TIJUANA, "set", path=path, fields=CLOSE)
    assert marked(room, TIJUANA, path) == {"state": "done"}
    before = firestore_client.document(MEETING).get().update_time

    tried = [
        room.call(TIJUANA, "set", path=path, fields=CLOSE),
        room.call(TIJUANA, "set", path=path, fields={"processed": None}, merge=True),
        room.call(TIJUANA, "update", path=path, fields={"processed": {"state": "new"}}),
        room.call(TIJUANA, "delete", path=path),
    ]

    assert {answer.code for answer in tried} == {"permission-denied"}
    assert firestore_client.document(MEETING).get().update_time == before


def test_a_live_view_of_another_user_is_denied(room: Users) -> None:
    for user in (MALLORY, "nobody"):
        assert room.watch(user, path=session_of(TIJUANA)).next().code == "permission-denied"
        listed = room.watch(user, path=f"users/{TIJUANA}/MeetingSession").next()
        assert listed.code == "permission-denied"
    everywhere = room.watch(TIJUANA, group="MeetingSession").next()
    assert everywhere.code == "permission-denied"


def test_m8_a_client_changes_its_own_name_and_no_others(
    room: Users, firestore_client: Client
) -> None:
    watch = room.watch(THOMASINA, path=f"users/{THOMASINA}/UserView/view")
    patch = {"lastName": "Furlong-Manes"}
    path = f"users/{THOMASINA}/UserView_PATCH/p1"

    assert room.call(MALLORY, "set", path=path, fields=patch).code == "permission-denied"
    assert room.call(THOMASINA, "set", path=path, fields=patch).outcome == "allowed"

    watch.until(lambda view: view is not None and view["lastName"] == "Furlong-Manes")
    watch.stop()
    expected = sources(firestore_client)[f"users/{THOMASINA}"] | patch
    assert firestore_client.document(f"users/{THOMASINA}").get().to_dict() == expected


# City


LA = {"name": "Los Angeles", "country": "USA"}
FORM = "users/uid1/cityForms/LA"


@pytest.fixture(scope="module")
def citizens(city_emulators: EmulatorSuite, sdk: Sdk) -> Users:
    users = Users(sdk, city_emulators, city_emulators.project_id)
    for name in ("uid1", "uid2"):
        users.sign_in(name)
    users.nobody("nobody")
    return users


@pytest.fixture
def cities(city_emulators: EmulatorSuite) -> Generator[Client]:
    """An administrator's client, for the cities that no form creates."""
    city_emulators.clear()
    client = city_emulators.client()
    yield client
    client.close()


def seen(users: Users, user: str, path: str) -> Answer:
    """A document as soon as it exists."""
    watch = users.watch(user, path=path)
    answer = watch.until(lambda fields: fields is not None)
    watch.stop()
    return answer


def test_city_a_domain_document_is_forwarded_to_a_view_that_anybody_reads(
    citizens: Users, cities: Client
) -> None:
    tokyo = {"cityName": "Tokyo", "country": "Japan", "capital": True, "obj_type": "Municipality"}

    cities.document("City/TOK").set(tokyo)

    assert seen(citizens, "nobody", "cityView/TOK").value == {
        "name": "Tokyo",
        "country": "Japan",
        "doc_ref": "cityView/TOK",
        "obj_type": "CityView",
    }
    assert citizens.call("uid1", "get", path="City/TOK").code == "permission-denied"


def test_city_a_form_of_a_client_creates_the_city_and_its_view(
    citizens: Users, cities: Client
) -> None:
    assert citizens.call("uid1", "set", path=FORM, fields=LA).outcome == "allowed"

    assert seen(citizens, "uid1", "cityView/LA").value == {
        "name": "Los Angeles",
        "country": "USA",
        "doc_ref": "cityView/LA",
        "obj_type": "CityView",
    }
    assert marked(citizens, "uid1", FORM) == {"state": "done"}
    assert cities.document("City/LA").get().to_dict() == {
        "cityName": "Los Angeles",
        "country": "USA",
        "doc_id": "LA",
        "doc_ref": "City/LA",
        "obj_type": "City",
    }


def test_city_queries_tell_subclasses_apart_after_a_client_has_added_one(
    citizens: Users,
    cities: Client,
    city_emulators: EmulatorSuite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = {
        "SF": {"cityName": "San Francisco", "country": "USA", "obj_type": "StandardCity"},
        "DC": {"cityName": "Washington", "country": "USA", "obj_type": "Municipality"},
        "TOK": {"cityName": "Tokyo", "country": "Japan", "obj_type": "Municipality"},
        "BJ": {"cityName": "Beijing", "country": "China", "obj_type": "Municipality"},
    }
    for name, fields in others.items():
        cities.document(f"City/{name}").set(fields)

    citizens.call("uid1", "set", path=FORM, fields=LA)
    assert marked(citizens, "uid1", FORM) == {"state": "done"}

    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", city_emulators.firestore_host)
    database = Database(city_emulators.project_id)
    repository = Repository(database)

    def found(query: Any) -> set[str]:
        return {city.doc_id for city in repository.find(query)}

    assert found(City.all()) == {"LA", *others}
    assert found(Municipality.all()) == {"TOK", "DC", "BJ"}
    assert found(StandardCity.all()) == {"SF"}
    assert found(City.where("country", "==", "USA")) == {"DC", "SF", "LA"}
    database.close()


@pytest.mark.parametrize(
    ("user", "path", "fields"),
    [
        ("uid2", FORM, LA),
        ("nobody", FORM, LA),
        ("uid1", FORM, LA | {"obj_type": "Municipality"}),
        ("uid1", FORM, LA | {"capital": True}),
        ("uid1", FORM, {"name": "Los Angeles"}),
        ("uid1", FORM, LA | {"name": "x" * 101}),
        ("uid1", "City/LA", {"cityName": "Los Angeles", "country": "USA"}),
        ("uid1", "cityView/LA", LA),
    ],
)
def test_city_what_is_not_declared_is_denied(
    citizens: Users, cities: Client, user: str, path: str, fields: dict[str, Any]
) -> None:
    assert citizens.call(user, "set", path=path, fields=fields).code == "permission-denied"
