"""Against an emulator, nothing of ours reaches Google: one line says which variable is missing."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from onto_fn import App, DeclarationError, DomainModel, FormMediator
from onto_fn.access import public
from onto_fn.cli.choosing import Destination
from onto_fn.cli.connecting import _lead_to  # pyright: ignore[reportPrivateUsage]
from onto_fn.editing import Database
from onto_fn.emulators import VARIABLES, Service, emulator_of
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.errors import EmulatorMissing
from onto_fn.functions.fan_out import Publisher
from onto_fn.gate.caller import caller_of
from onto_fn.gate.refusal import Refusal
from onto_fn.messaging import Message, TopicSink
from onto_fn.requests import Form

MESSAGE = Message(
    "4711", "//x", "fn.onto.document.written", "a/b", datetime(2026, 1, 1, tzinfo=UTC), "k", 1, b"1"
)


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names no project and no emulator, and reaches nothing."""
    for name in [*VARIABLES.values(), "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GCP_PROJECT"]:
        monkeypatch.delenv(name, raising=False)

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("something looks for Google")

    monkeypatch.setattr("google.auth.default", refused)


@pytest.fixture
def firestore_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")


@pytest.mark.parametrize("service", ["pubsub", "auth"])
def test_beside_the_firestore_emulator_a_service_without_one_is_refused(
    firestore_alone: None, service: Service
) -> None:
    with pytest.raises(EmulatorMissing) as caught:
        emulator_of(service, "shop-1234")

    assert str(caught.value).startswith(f"{VARIABLES[service]} is not set")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("service", ["firestore", "pubsub", "auth"])
def test_a_project_of_emulators_reaches_nothing_else(service: Service) -> None:
    with pytest.raises(
        EmulatorMissing, match=f"{VARIABLES[service]}.*demo-shop exists only in emul"
    ):
        emulator_of(service, "demo-shop")


def test_a_real_project_reaches_google() -> None:
    assert emulator_of("pubsub", "shop-1234") is None


def test_what_a_real_database_sends_is_not_lost_in_an_emulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")

    with pytest.raises(EmulatorMissing, match="FIRESTORE_EMULATOR_HOST is not set"):
        TopicSink("sessions").send(MESSAGE, "shop-1234")


def test_an_unsigned_token_opens_no_real_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "shop-1234")

    with pytest.raises(Refusal, match="an emulator takes ID tokens that nobody has signed"):
        caller_of("Bearer e30.e30.e30", None)

    assert (answer_of_a_call(app_check=False)["status"], answer_of_replay()) == (
        "FAILED_PRECONDITION",
        503,
    )


def test_a_topic_is_not_published_to(firestore_alone: None) -> None:
    with pytest.raises(EmulatorMissing, match="PUBSUB_EMULATOR_HOST is not set"):
        TopicSink("projects/shop-1234/topics/sessions").send(MESSAGE, "shop-1234")


def test_batches_are_not_published(firestore_alone: None) -> None:
    database = Database("shop-1234")

    with pytest.raises(EmulatorMissing, match="PUBSUB_EMULATOR_HOST is not set"):
        Publisher("fan-out").publish(database, [Batch("View", None, (("a/b", 0),))])

    database.close()


def test_a_database_of_emulators_looks_for_no_credentials() -> None:
    with pytest.raises(EmulatorMissing, match="FIRESTORE_EMULATOR_HOST is not set"):
        Database("demo-shop")


class Wish(DomainModel, collection="wishes"):
    text: str


class WishForm(Form, path="wishForms/{id}", create=public()):
    text: str

    def submit(self, request: object) -> Wish:
        return Wish(doc_id="a", text=self.text)


def app() -> App:
    return App([FormMediator(WishForm, callable=True)], admin_claim="admin")


def test_no_project_is_asked_for_at_the_metadata_server(firestore_alone: None) -> None:
    with pytest.raises(DeclarationError, match="GOOGLE_CLOUD_PROJECT"):
        app().database()


def test_no_token_of_an_administrator_is_verified_by_google(firestore_alone: None) -> None:
    assert answer_of_replay() == 503


def answer_of_replay() -> int:
    request = SimpleNamespace(method="POST", headers={"Authorization": "Bearer e30.e30.e30"})
    answer, status = app().functions()["onto_replay"](request)
    assert "_EMULATOR_HOST is not set" in answer["error"]
    return status


def test_no_token_of_a_call_is_verified_by_google(
    firestore_alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a token is verified")

    for place in ("firebase_admin.auth.verify_id_token", "firebase_admin.app_check.verify_token"):
        monkeypatch.setattr(place, refused)

    error = answer_of_a_call()

    assert error["status"] == "FAILED_PRECONDITION"
    assert error["message"].startswith("FIREBASE_AUTH_EMULATOR_HOST is not set")


def answer_of_a_call(*, app_check: bool = True) -> Any:
    from flask import Flask, request

    function = app().functions()["onto_request"]
    headers = {"Authorization": "Bearer e30.e30.e30"}
    if app_check:
        headers["X-Firebase-AppCheck"] = "e30.e30.e30"
    data = {"data": {"request": "WishForm", "id": "1", "fields": {"text": "a"}}}
    with Flask("test").test_request_context(method="POST", json=data, headers=headers):
        return function(request).get_json()["error"]


@pytest.fixture
def listening(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder whose firebase.json names emulators that answer."""
    monkeypatch.chdir(tmp_path)
    for name in ("METADATA_SERVER_DETECTION", *VARIABLES.values()):
        monkeypatch.setenv(name, "")  # so that it is as before afterwards
        monkeypatch.delenv(name)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / "firebase.json").write_text(
            json.dumps({"emulators": {name: {"port": port} for name in ("pubsub", "auth")}})
        )
        yield f"127.0.0.1:{port}"


def test_the_command_line_finds_the_other_emulators_of_the_project(listening: str) -> None:
    _lead_to(Destination("demo-shop", "127.0.0.1:1"))

    assert emulator_of("pubsub", "demo-shop") == listening
    assert emulator_of("auth", "demo-shop") == listening


def test_the_command_line_leads_to_no_auth_emulator_beside_the_real_firestore(
    listening: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", listening)

    _lead_to(Destination("shop-1234"))

    assert emulator_of("auth", "shop-1234") is None
