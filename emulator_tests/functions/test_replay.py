"""`onto_replay`: administrators replay dead letters over HTTP; nobody else gets in."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.cloud.firestore import Client
from meeting_room.sample import sources

from onto_fn.testing import EmulatorSuite

LETTER = "MeetingSession~meetings%2Fmeeting_1"
SESSION = "users/tijuana/MeetingSession/meeting_1"
Eventually = Callable[..., Any]
Post = Callable[..., requests.Response]


@pytest.fixture
def post(emulators: EmulatorSuite) -> Post:
    url = f"http://{emulators.functions_host}/{emulators.project_id}/us-central1/onto_replay"

    def post(body: Any, token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.post(url, json=body, headers=headers, timeout=30)

    return post


@pytest.fixture
def sign_in(emulators: EmulatorSuite) -> Callable[..., str]:
    """Signs a new user up, with custom claims, and returns the user's ID token."""
    api = f"http://{emulators.auth_host}/identitytoolkit.googleapis.com/v1"

    def sign_in(email: str, claims: str) -> str:
        account = {"email": email, "password": "not-a-secret", "returnSecureToken": True}
        user = requests.post(f"{api}/accounts:signUp?key=any", json=account, timeout=30).json()
        requests.post(
            f"{api}/projects/{emulators.project_id}/accounts:update",
            json={"localId": user["localId"], "customAttributes": claims},
            headers={"Authorization": "Bearer owner"},
            timeout=30,
        ).raise_for_status()
        return requests.post(
            f"{api}/accounts:signInWithPassword?key=any", json=account, timeout=30
        ).json()["idToken"]

    return sign_in


@pytest.fixture(scope="module")
def tokens() -> dict[str, str]:
    return {}


@pytest.fixture
def admin(sign_in: Callable[..., str], tokens: dict[str, str]) -> str:
    if "admin" not in tokens:
        tokens["admin"] = sign_in("replay-admin@example.com", '{"admin": true}')
    return tokens["admin"]


@pytest.fixture
def letter(firestore_client: Client, eventually: Eventually) -> str:
    """A dead letter: the meeting's location does not exist."""
    for path, fields in sources(firestore_client).items():
        if not path.startswith("locations/"):
            firestore_client.document(path).set(fields)

    def only_the_location_is_missing() -> None:
        content = firestore_client.document(f"onto_dead_letters/{LETTER}").get().to_dict()
        assert content is not None
        assert "locations/L does not exist" in content["error"]["message"]

    eventually(only_the_location_is_missing)
    return LETTER


def test_without_a_token_nobody_gets_in(post: Post) -> None:
    assert post({"all": True}).status_code == 401


def test_a_token_that_is_not_one_does_not_get_in(post: Post) -> None:
    assert post({"all": True}, token="e30.e30.").status_code == 401


def test_a_user_without_the_claim_does_not_get_in(post: Post, sign_in: Callable[..., str]) -> None:
    answer = post({"all": True}, token=sign_in("replay-user@example.com", '{"admin": "yes"}'))

    assert answer.status_code == 403
    assert "admin" in answer.json()["error"]


@pytest.mark.parametrize("body", [None, [], {}, {"letters": "all"}, {"letters": ["a/b"]}])
def test_a_body_that_is_not_understood_says_what_is(post: Post, admin: str, body: Any) -> None:
    answer = post(body, token=admin)

    assert answer.status_code == 400
    assert "letters" in answer.json()["error"]


def test_what_is_not_mended_stays_a_dead_letter(post: Post, admin: str, letter: str) -> None:
    answer = post({"letters": [letter]}, token=admin).json()

    assert answer["results"][letter]["result"] == "dead letter"
    assert "locations/L does not exist" in answer["results"][letter]["error"]


def test_what_is_mended_is_resolved(
    post: Post, admin: str, letter: str, firestore_client: Client, eventually: Eventually
) -> None:
    firestore_client.document("locations/L").set(sources(firestore_client)["locations/L"])

    answer = post({"all": True}, token=admin).json()

    # The event of the correction may have been faster than the replay.
    assert answer["results"].get(letter, {"result": "resolved"})["result"] in {
        "committed",
        "unchanged",
        "resolved",
    }
    eventually(lambda: firestore_client.document(SESSION).get().exists)
    assert not firestore_client.document(f"onto_dead_letters/{letter}").get().exists
