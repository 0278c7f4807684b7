"""Scenario "City" through running functions: one model forwarded, subclasses, a form, and calls."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud.firestore import Client

from emulator_tests.apps.city import City, Municipality, StandardCity
from onto_fn import DeclarationError
from onto_fn.editing import Database, Repository
from onto_fn.errors import InvalidDocument
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually

APPS = Path(__file__).parents[1] / "apps"

Call = Callable[..., requests.Response]
DEADLINE = 60.0

LA = {"name": "Los Angeles", "country": "USA"}
CITY_LA = {
    "cityName": "Los Angeles",
    "country": "USA",
    "doc_id": "LA",
    "doc_ref": "City/LA",
    "obj_type": "City",
}
VIEW_LA = {
    "name": "Los Angeles",
    "country": "USA",
    "doc_ref": "cityView/LA",
    "obj_type": "CityView",
}


@pytest.fixture(scope="module")
def suite(city_emulators: EmulatorSuite) -> EmulatorSuite:
    return city_emulators


@pytest.fixture
def client(suite: EmulatorSuite) -> Generator[Client]:
    suite.clear()
    client = suite.client()
    yield client
    client.close()


@pytest.fixture
def content(client: Client, eventually: Eventually) -> Callable[[str], dict[str, Any]]:
    """What a document holds, as soon as it exists."""

    def content(path: str) -> dict[str, Any]:
        return eventually(lambda: client.document(path).get().to_dict() or {}, deadline=DEADLINE)

    return content


@pytest.fixture
def mark(client: Client, eventually: Eventually) -> Callable[[str], dict[str, Any]]:
    """How a request was marked, as soon as it is; without the time."""

    def mark(path: str) -> dict[str, Any]:
        found = eventually(
            lambda: (client.document(path).get().to_dict() or {}).get("processed", {}),
            deadline=DEADLINE,
        )
        return {name: value for name, value in found.items() if name != "at"}

    return mark


Content = Callable[[str], dict[str, Any]]


def test_a_city_is_forwarded_to_its_view(client: Client, content: Content) -> None:
    tokyo = {"cityName": "Tokyo", "country": "Japan", "capital": True, "obj_type": "Municipality"}

    client.document("City/TOK").set(tokyo)

    assert content("cityView/TOK") == {
        "name": "Tokyo",
        "country": "Japan",
        "doc_ref": "cityView/TOK",
        "obj_type": "CityView",
    }


@pytest.mark.parametrize("user", ["uid1", "日本 ?#&%"])
def test_a_form_of_any_user_creates_a_city_and_its_view(
    client: Client, content: Content, mark: Content, user: str
) -> None:
    form = f"users/{user}/cityForms/LA"

    client.document(form).create(LA)

    assert content("City/LA") == CITY_LA
    assert content("cityView/LA") == VIEW_LA
    assert mark(form) == {"state": "done"}
    assert {name: content(form)[name] for name in LA} == LA


def test_a_form_for_a_city_that_exists_is_refused(client: Client, mark: Content) -> None:
    client.document("City/LA").set(CITY_LA | {"country": "United States"})

    client.document("users/uid1/cityForms/LA").create(LA)

    assert mark("users/uid1/cityForms/LA") == {
        "state": "failed",
        "reason": "City/LA already exists",
    }
    assert client.document("City/LA").get().get("country") == "United States"


def test_a_form_that_does_not_fit_names_its_fields(client: Client, mark: Content) -> None:
    client.document("users/uid1/cityForms/X").create({"name": "", "capital": True})

    assert mark("users/uid1/cityForms/X") == {
        "state": "failed",
        "reason": "name: String should have at least 1 character; country: Field required; "
        "capital: Extra inputs are not permitted",
    }
    assert not client.document("City/X").get().exists


@pytest.mark.parametrize("city", ["...", "日本", "a b", "é" * 128, "a?b#c%2F"])
def test_an_unusual_id_of_a_form_is_that_of_its_city(
    client: Client, content: Content, mark: Content, city: str
) -> None:
    client.document(f"users/uid1/cityForms/{city}").create(LA)

    assert mark(f"users/uid1/cityForms/{city}") == {"state": "done"}
    assert content(f"cityView/{city}")["doc_ref"] == f"cityView/{city}"


# Queries


@pytest.fixture
def cities(suite: EmulatorSuite, monkeypatch: pytest.MonkeyPatch) -> Generator[Repository]:
    """Five cities in a database of their own, which no function watches."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", suite.firestore_host)
    database = Database(f"{suite.project_id}-queries")
    repository = Repository(database)
    standard = {"city_state": "CA", "country": "USA"}
    repository.save(
        StandardCity(doc_id="SF", city_name="San Francisco", **standard),
        StandardCity(doc_id="LA", city_name="Los Angeles", **standard),
        Municipality(doc_id="DC", city_name="Washington D.C.", country="USA", capital=True),
        Municipality(doc_id="TOK", city_name="Tokyo", country="Japan", capital=True),
        Municipality(doc_id="BJ", city_name="Beijing", country="China", capital=True),
    )
    yield repository
    database.close()


def ids(found: list[Any]) -> set[str]:
    return {city.doc_id for city in found}


def test_a_query_on_the_class_returns_all_as_what_they_are(cities: Repository) -> None:
    found = cities.find(City.all())

    assert {city.doc_id: type(city) for city in found} == {
        "SF": StandardCity,
        "LA": StandardCity,
        "DC": Municipality,
        "TOK": Municipality,
        "BJ": Municipality,
    }


def test_a_query_on_a_subclass_returns_only_it(cities: Repository) -> None:
    assert ids(cities.find(Municipality.all())) == {"TOK", "DC", "BJ"}
    assert ids(cities.find(StandardCity.all())) == {"SF", "LA"}


def test_filters_narrow_a_query(cities: Repository) -> None:
    in_usa = City.where("country", "==", "USA")

    assert ids(cities.find(in_usa)) == {"DC", "SF", "LA"}
    in_california = StandardCity.where("country", "==", "USA").where("city_state", "==", "CA")
    assert ids(cities.find(in_california)) == {"SF", "LA"}
    assert ids(cities.find(Municipality.where("country", "==", "USA"))) == {"DC"}
    assert ids(cities.find(City.where("capital", "==", True))) == {"DC", "TOK", "BJ"}


def test_a_filter_on_an_unknown_field_is_an_error(cities: Repository) -> None:
    with pytest.raises(DeclarationError, match="City has no field 'city_state'"):
        City.where("city_state", "==", "CA")
    with pytest.raises(DeclarationError, match="Municipality has no field 'mayor'"):
        cities.find(Municipality.where("mayor", "==", "x"))


def test_an_obj_type_that_is_no_subclass_is_refused(cities: Repository) -> None:
    with pytest.raises(InvalidDocument, match="'StandardCity' is neither Municipality"):
        cities.get(Municipality, "SF")
    assert isinstance(cities.get(City, "SF"), StandardCity)


# Calls


@pytest.fixture
def call(suite: EmulatorSuite, client: Client) -> Call:
    """Calls `onto_request` as the Firebase SDK does."""
    url = f"http://{suite.functions_host}/{suite.project_id}/us-central1/onto_request"

    def call(token: str | None = None, *, body: Any = None, **data: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(url, json=body or {"data": data}, headers=headers, timeout=60)

    return call


@pytest.fixture(scope="module")
def user(suite: EmulatorSuite) -> tuple[str, str]:
    """The id and the ID token of a user who has signed up."""
    api = f"http://{suite.auth_host}/identitytoolkit.googleapis.com/v1"
    account = {"email": "caller@example.com", "password": "not-a-secret", "returnSecureToken": True}
    answer = requests.post(f"{api}/accounts:signUp?key=any", json=account, timeout=30).json()
    return answer["localId"], answer["idToken"]


def city_form(**changes: Any) -> dict[str, Any]:
    return {"request": "CityForm", "id": "LA", "fields": LA} | changes


def error_of(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["status"], error["message"]


def forged(token: str, **claims: Any) -> str:
    """The token with other claims; the emulator's are not signed, so no signature is wrong."""
    header, payload, signature = token.split(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(content | claims).encode()).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


def test_a_call_does_what_the_form_does(
    call: Call, user: tuple[str, str], content: Content, mark: Content
) -> None:
    uid, token = user

    answer = call(token, **city_form())

    path = f"users/{uid}/cityForms/LA"
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"result": {"id": "LA", "path": path, "state": "done"}}
    assert mark(path) == {"state": "done"}
    assert content("City/LA") == CITY_LA
    assert content("cityView/LA") == VIEW_LA


def test_a_repeated_call_is_answered_as_the_first_was_and_applied_once(
    call: Call, user: tuple[str, str], client: Client
) -> None:
    _, token = user
    first = call(token, **city_form())
    client.document("City/LA").update({"country": "United States"})

    again = call(token, **city_form())
    other = call(token, **city_form(fields=LA | {"country": "Mexico"}))

    assert first.json() == again.json()
    assert client.document("City/LA").get().get("country") == "United States"
    assert error_of(other)[:2] == (409, "ALREADY_EXISTS")


def test_a_refused_call_says_why_and_so_does_its_repetition(
    call: Call, user: tuple[str, str], client: Client
) -> None:
    client.document("City/LA").set(CITY_LA)
    expected = (400, "FAILED_PRECONDITION", "City/LA already exists")

    assert error_of(call(user[1], **city_form())) == expected
    client.document("City/LA").delete()
    assert error_of(call(user[1], **city_form())) == expected


def test_without_a_token_nobody_is_served(call: Call, client: Client) -> None:
    answer = call(None, **city_form(params={"user_id": "uid1"}))

    assert error_of(answer)[:2] == (401, "UNAUTHENTICATED")
    assert not client.document("City/LA").get().exists


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda token: "e30.e30.", id="garbled"),
        pytest.param(lambda token: forged(token, exp=int(time.time()) - 3600), id="expired"),
        pytest.param(lambda token: forged(token, aud="another-project"), id="another project's"),
        pytest.param(lambda token: forged(token, iss="https://example.com"), id="another issuer's"),
    ],
)
def test_a_token_that_is_not_valid_is_not_served(
    call: Call, user: tuple[str, str], client: Client, token: Callable[[str], str]
) -> None:
    assert error_of(call(token(user[1]), **city_form()))[:2] == (401, "UNAUTHENTICATED")
    assert not client.document("City/LA").get().exists


def test_the_form_of_another_user_is_denied(
    call: Call, user: tuple[str, str], client: Client
) -> None:
    answer = call(user[1], **city_form(params={"user_id": "somebody-else"}))

    assert error_of(answer)[:2] == (403, "PERMISSION_DENIED")
    assert not client.document("City/LA").get().exists


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fields": {"name": "Los Angeles"}}, "country: Field required"),
        ({"fields": LA | {"capital": True}}, "capital: Extra inputs"),
        ({"fields": LA | {"name": "x" * 101}}, "name: String should have at most 100"),
        ({"fields": LA | {"processed": {"state": "done"}}}, "processed: Extra inputs"),
        ({"fields": LA | {"name": "\ud800"}}, "name"),
        ({"fields": "all"}, "fields: Input should be a valid dictionary"),
        ({"id": "a/b"}, "city_id"),
        ({"id": ".."}, "city_id"),
        ({"id": "__x__"}, "city_id"),
        ({"id": ""}, "city_id"),
        ({"id": "é" * 751}, "city_id"),
        ({"id": "é" * 129}, "id: String should have at most 128 characters"),
        ({"fields": LA | {"name": 7}}, "name: Input should be a valid string"),
        ({"id": 7}, "id: Input should be a valid string"),
        ({"params": {"city_id": "SF"}}, "params.city_id"),
        ({"params": {"planet": "Earth"}}, "params.planet"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_and_leaves_nothing(
    call: Call, user: tuple[str, str], client: Client, changes: dict[str, Any], named: str
) -> None:
    status, code, message = error_of(call(user[1], **city_form(**changes)))

    assert (status, code) == (400, "INVALID_ARGUMENT")
    assert named in message
    assert not list(client.collection_group("cityForms").stream())


def test_a_request_that_there_is_not_is_not_found(call: Call, user: tuple[str, str]) -> None:
    assert error_of(call(user[1], **city_form(request="City")))[:2] == (404, "NOT_FOUND")


def test_what_is_no_call_is_refused(call: Call) -> None:
    assert error_of(call(body={"request": "CityForm"})) == (400, "INVALID_ARGUMENT", "Bad Request")


@pytest.mark.parametrize("header", [{}, {"X-Firebase-AppCheck": "e30.e30.e30"}])
def test_app_check_refuses_a_call_without_a_valid_token(
    suite: EmulatorSuite, user: tuple[str, str], client: Client, header: dict[str, str]
) -> None:
    url = f"http://{suite.functions_host}/{suite.project_id}/us-central1/onto_request"
    data = {"request": "CensusForm", "id": "1", "fields": {"name": "Ys"}}

    answer = requests.post(
        url,
        json={"data": data},
        headers={"Authorization": f"Bearer {user[1]}"} | header,
        timeout=60,
    )

    assert error_of(answer)[:2] == (401, "UNAUTHENTICATED")
    assert not client.document("City/Ys").get().exists


def test_a_browser_of_another_origin_may_call(suite: EmulatorSuite) -> None:
    url = f"http://{suite.functions_host}/{suite.project_id}/us-central1/onto_request"
    headers = {
        "Origin": "https://example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }

    answer = requests.options(url, headers=headers, timeout=60)

    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", "https://example.com"}
