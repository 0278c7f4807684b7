"""The meeting room over HTTP: through the emulator of functions, and in an instance as deployed.

In both, the events of Firestore go through the emulator's functions. Nothing here waits for a view
by itself: `?after=` does.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud.firestore import Client
from meeting_room.sample import sources

from emulator_tests.kit.instances import api_instance, write_functions
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.users import sign_in

ProjectFolder = Callable[[Path, str], Path]
SECONDS = 120.0  # a busy machine starts the first instances slowly

SESSION = "users/tijuana/MeetingSession/meeting_1"
JOSHUA, THOMASINA, TIJUANA = (
    {"name": name, "organization": organization, "hearing_aid_requested": asks}
    for name, organization, asks in (
        ("Joshua Pendergrast", "SDSU", True),
        ("Thomasina Manes", "UCSD", False),
        ("Tijuana Furlong", "UCSD", True),
    )
)
MEETING = {
    "inSession": True,
    "longitude": -117.242929,
    "latitude": 32.880361,
    "address": "9500 Gilman Drive, La Jolla, CA",
    "attending": [JOSHUA, THOMASINA, TIJUANA],
    "numHearingAidRequested": 2,
}


@pytest.fixture(scope="module")
def suite(
    tmp_path_factory: pytest.TempPathFactory, project_folder: ProjectFolder
) -> Generator[EmulatorSuite]:
    folder = project_folder(tmp_path_factory.mktemp("http"), "")
    write_functions(folder / "functions")
    with EmulatorSuite(folder, only=("auth", "firestore", "functions")) as running:
        yield running


@pytest.fixture(scope="module")
def instance(suite: EmulatorSuite, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of an instance as a deploy starts it."""
    folder = tmp_path_factory.mktemp("deployed")
    write_functions(folder)
    auth = {"FIREBASE_AUTH_EMULATOR_HOST": suite.auth_host}
    with api_instance(folder, suite.project_id, suite.firestore_host, **auth) as running:
        yield f"http://127.0.0.1:{running.port}"


@pytest.fixture(params=["emulator", "functions-framework"])
def address(request: pytest.FixtureRequest, suite: EmulatorSuite) -> str:
    if request.param == "emulator":
        return suite.function_urls()["onto_api"]
    return request.getfixturevalue("instance")


class Api:
    """The API as a front end calls it."""

    def __init__(self, address: str, suite: EmulatorSuite) -> None:
        self.address = address
        self._suite = suite

    def ask(self, method: str, path: str, user: str | None = None, **more: Any) -> Any:
        headers = more.pop("headers", {})
        if user is not None:
            headers["Authorization"] = f"Bearer {sign_in(self._suite, user, {}).token}"
        url = f"{self.address}/{path}"
        return requests.request(method, url, headers=headers, timeout=SECONDS, **more)

    def get(self, path: str, user: str | None = None, **query: str) -> Any:
        """What is there; with `after`, once it shows what was written until then."""
        answer = self.ask("GET", path, user, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def put(self, path: str, user: str, fields: dict[str, Any], **query: str) -> Any:
        answer = self.ask("PUT", path, user, json=fields, params=query)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()


@pytest.fixture
def api(address: str, suite: EmulatorSuite) -> Api:
    return Api(address, suite)


@pytest.fixture
def client(suite: EmulatorSuite) -> Generator[Client]:
    client = suite.client()
    yield client
    client.close()


@pytest.fixture
def written(client: Client) -> str:
    """When the sources of the meeting room were written, in the terms of `?after=`."""
    batch = client.batch()
    for path, fields in sources(client).items():
        batch.set(client.document(path), fields)
    return rfc3339(batch.commit()[-1].update_time)


def rfc3339(time: Any) -> str:
    return time.rfc3339() if hasattr(time, "rfc3339") else datetime.isoformat(time)


def test_r1_a_screen_is_at_its_own_path(api: Api, written: str) -> None:
    assert api.get(SESSION, "tijuana", after=written) == MEETING


def test_r2_screens_are_listed_under_a_declared_condition(api: Api, written: str) -> None:
    api.get(SESSION, "tijuana", after=written)

    listed = api.get("users/tijuana/MeetingSession", "tijuana", inSession="true")
    others = api.get("users/tijuana/MeetingSession", "tijuana", inSession="false")

    assert [(item["id"], item["fields"]) for item in listed["items"]] == [("meeting_1", MEETING)]
    assert others["items"] == []


def test_r3_a_change_is_read_back_without_a_pause(api: Api, written: str, client: Client) -> None:
    api.get(SESSION, "tijuana", after=written)
    form = f"users/tijuana/MeetingSession_PATCH/{secrets.token_hex(6)}"

    done = api.put(form, "tijuana", {"target_meeting_id": "meeting_1", "inSession": False})
    shown = api.get(SESSION, "tijuana", after=done["after"])

    assert done["state"] == "done"
    assert shown == {**MEETING, "inSession": False}
    assert client.document("meetings/meeting_1").get().get("status") == "closed"
    assert api.get(SESSION.replace("tijuana", "joshua"), "joshua", after=done["after"]) == shown


def test_r3_the_answer_to_a_change_can_show_the_screen(api: Api, written: str) -> None:
    form = f"users/joshua/MeetingSession_PATCH/{secrets.token_hex(6)}"
    fields = {"target_meeting_id": "meeting_1", "inSession": False}

    done = api.put(form, "joshua", fields, **{"return": "MeetingSession"})

    assert done["view"] == {**MEETING, "inSession": False}


def test_r4_a_change_of_a_source_alone_is_shown(api: Api, written: str, client: Client) -> None:
    api.get(SESSION, "tijuana", after=written)

    changed = client.document("tickets/tj_t").update({"attendance": False}).update_time

    assert api.get(SESSION, "tijuana", after=rfc3339(changed)) == {
        **MEETING,
        "attending": [JOSHUA, THOMASINA],
        "numHearingAidRequested": 1,
    }


def test_r5_a_user_has_a_screen(api: Api, written: str) -> None:
    assert api.get("users/thomasina/UserView/view", "thomasina", after=written) == {
        "firstName": "Thomasina",
        "lastName": "Manes",
        "organization": "UCSD",
        "hearingAidRequested": False,
        "meetings": [{"meeting_id": "meeting_1", "status": "in-session"}],
    }


@pytest.fixture
def colors(client: Client) -> None:
    for name in ("cian", "magenta", "yellow", "black"):
        kind = "SpotColor" if name == "black" else "Color"
        client.document(f"colors/{name}").set({"name": name, "obj_type": kind})
    client.document("rainbows/yellow+magenta+cian").set({})


@pytest.mark.usefixtures("colors")
def test_r6_a_screen_is_computed_for_the_sources_that_its_id_names(api: Api) -> None:
    shown = api.get("rainbow/yellow+magenta+cian", "anybody")

    assert shown == {"rainbowName": "cian-magenta-yellow", "colors": ["cian", "magenta", "yellow"]}


@pytest.mark.usefixtures("colors")
def test_r6_what_is_computed_shows_a_change_at_once(api: Api, client: Client) -> None:
    client.document("colors/cian").update({"name": "cyan"})

    assert api.get("rainbow/yellow+magenta+cian", "u")["rainbowName"] == "cyan-magenta-yellow"


@pytest.mark.usefixtures("colors")
def test_r7_a_palette_lists_its_colors_in_its_order(api: Api, client: Client) -> None:
    names = ["cian", "magenta", "yellow", "black"]
    palette = {"name": "cmyk", "colors": [client.document(f"colors/{name}") for name in names]}
    time = client.document("paletteSources/doc_id_1").set(palette).update_time

    assert api.get("palettes/doc_id_1", after=rfc3339(time)) == {
        "paletteName": "cmyk",
        "colors": [
            *({"name": name, "kind": "Color"} for name in names[:3]),
            {"name": "black", "kind": "SpotColor"},
        ],
    }


def test_r8_a_page_documents_every_address(api: Api) -> None:
    page = api.ask("GET", "docs")
    document = api.get("openapi.json")

    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Content-Security-Policy" in page.headers
    assert document["info"]["title"] == "The meeting room"
    assert document["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("Bearer nonsense", 401), ("Basic dXNlcjpwYXNz", 401)]
)
def test_a1_who_has_no_valid_token_is_refused(api: Api, token: str | None, status: int) -> None:
    headers = {} if token is None else {"Authorization": token}

    answer = api.ask("GET", SESSION, headers=headers)

    assert answer.status_code == status
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a1_a_screen_is_its_users_alone(api: Api, written: str) -> None:
    api.get(SESSION, "tijuana", after=written)

    answer = api.ask("GET", SESSION, "joshua")

    assert (answer.status_code, answer.json()["status"]) == (403, 403)


def test_a_screen_that_is_known_is_not_sent_again(api: Api, written: str) -> None:
    api.get(SESSION, "tijuana", after=written)
    first = api.ask("GET", SESSION, "tijuana")

    again = api.ask("GET", SESSION, "tijuana", headers={"If-None-Match": first.headers["ETag"]})
    head = api.ask("HEAD", SESSION, "tijuana")

    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == first.headers["ETag"]


def test_a_page_of_another_origin_may_call(api: Api) -> None:
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "PUT"}
    asks["Access-Control-Request-Headers"] = "authorization,content-type"

    allowed = api.ask("OPTIONS", SESSION, headers=dict(asks))
    refused = api.ask("OPTIONS", SESSION, headers={**asks, "Origin": "https://evil.example"})

    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_an_encoded_slash_is_part_of_an_id_and_none_between_two(api: Api) -> None:
    answer = api.ask("GET", "users%2Ftijuana/MeetingSession/meeting_1", "tijuana")

    assert answer.status_code == 404
