"""The fixtures for users, calls and topics, with an app on the emulators."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client

from onto_fn.editing import Database, Write
from onto_fn.testing import CallFailed, EmulatorError, EmulatorSuite, PermissionDenied
from onto_fn.testing.calling import Call
from onto_fn.testing.eventually import Eventually
from onto_fn.testing.topics import Topics
from onto_fn.testing.users import User

MAIN = """\
from onto_fn import (
    App,
    DomainModel,
    Form,
    FormMediator,
    Refused,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.access import owner, role
from onto_fn.messaging import TopicSink
from datetime import datetime


class Order(DomainModel, collection="orders"):
    dish: str
    by: str | None
    at: datetime


class OrderStore(Store):
    order = root(Order)


class OrderPage(ViewModel[OrderStore], path="users/{user_id}/OrderPage/{order_id}",
                read=owner("user_id") | role("chef")):
    @property
    def dish(self) -> str:
        return self.store.order.dish

    def targets(self):
        order = self.store.order
        return [{"user_id": order.by, "order_id": order.doc_id}]


class PlaceOrder(Form, path="users/{user_id}/orderForms/{id}", create=owner("user_id")):
    dish: str

    def submit(self, request):
        if self.dish == "gold":
            raise Refused("gold is no dish")
        return [Order(doc_id=request.doc_id, dish=self.dish, by=request.uid, at=request.time)]


app = App(
    [
        ViewMediator(OrderPage, sends=[TopicSink("order-pages")]),
        FormMediator(PlaceOrder, callable=True),
    ],
    region="europe-west1",
)
app.export(globals())
"""
DEADLINE = 60.0
SignedIn = Callable[..., User]


@pytest.fixture(scope="session")
def emulators(
    tmp_path_factory: pytest.TempPathFactory, project_folder: Callable[[Path, str], Path]
) -> Generator[EmulatorSuite]:
    """The app above, in place of the project's own."""
    from onto_fn.cli.apps import load_app
    from onto_fn.generate import rules_text

    folder = project_folder(tmp_path_factory.mktemp("orders"), MAIN)
    app = load_app(str(folder / "functions" / "main.py"))
    (folder / "firestore.rules").write_text(rules_text(app))
    with EmulatorSuite(folder, only=("auth", "firestore", "functions", "pubsub")) as suite:
        yield suite


def test_a_user_reads_and_writes_what_the_rules_allow(
    firestore_client: Client, signed_in: SignedIn, eventually: Eventually
) -> None:
    ada = signed_in("ada")

    ada.set("users/ada/orderForms/o1", {"dish": "pasta"})

    page = eventually(lambda: ada.get("users/ada/OrderPage/o1"), deadline=DEADLINE)
    assert page == {"dish": "pasta"}
    assert ada.query("users/ada/OrderPage") == {"users/ada/OrderPage/o1": {"dish": "pasta"}}


def test_what_the_rules_refuse_says_who_may_not_do_what(
    firestore_client: Client, signed_in: SignedIn, signed_out: User
) -> None:
    eve = signed_in("eve")

    with pytest.raises(PermissionDenied, match="eve may not read users/ada/OrderPage/o1"):
        eve.get("users/ada/OrderPage/o1")
    with pytest.raises(PermissionDenied, match="eve may not write users/ada/orderForms/o1"):
        eve.set("users/ada/orderForms/o1", {"dish": "pasta"})
    with pytest.raises(PermissionDenied, match="eve may not list users/ada/OrderPage"):
        eve.query("users/ada/OrderPage")
    with pytest.raises(PermissionDenied, match="eve may not delete orders/o1"):
        eve.delete("orders/o1")
    with pytest.raises(PermissionDenied, match="eve may not update orders/o1"):
        eve.update("orders/o1", {"dish": "air"})
    with pytest.raises(PermissionDenied, match="not signed in may not read users/ada/OrderPage/o1"):
        signed_out.get("users/ada/OrderPage/o1")


def test_a_users_claims_are_seen_by_the_rules(
    firestore_client: Client, signed_in: SignedIn
) -> None:
    path = "users/ada/OrderPage/o1"

    assert signed_in("bob", chef=True).get(path) is None
    with pytest.raises(PermissionDenied, match=r'bob with \{"chef": false\} may not read'):
        signed_in("bob", chef=False).get(path)


def test_a_name_of_a_claim_that_a_token_has_already_is_refused(signed_in: SignedIn) -> None:
    with pytest.raises(ValueError, match="sub"):
        signed_in("ada", sub="eve")


def test_a_database_is_that_of_the_emulators_and_empty(
    firestore_client: Client, database: Database, emulators: EmulatorSuite
) -> None:
    database.commit([Write("orders/o1", {"dish": "pho", "by": "ada"})])

    assert firestore_client.document("orders/o1").get().to_dict() == {"dish": "pho", "by": "ada"}
    assert os.environ["FIRESTORE_EMULATOR_HOST"] == emulators.firestore_host
    Database(database.project).close()  # as code of the app's own would make it


def test_a_call_returns_the_answer_and_carries_the_request_out(
    firestore_client: Client, signed_in: SignedIn, call: Call
) -> None:
    answer = call("PlaceOrder", {"dish": "soup"}, id="o2", user=signed_in("ada"))

    path = "users/ada/orderForms/o2"
    assert answer == {"id": "o2", "path": path, "state": "done"}
    order: Any = firestore_client.document("orders/o2").get().to_dict()
    assert (order["dish"], order["by"]) == ("soup", "ada")
    assert abs(datetime.now(UTC) - order["at"]) < timedelta(minutes=2)


def test_a_call_that_is_refused_raises_the_reason(
    firestore_client: Client, signed_in: SignedIn, signed_out: User, call: Call
) -> None:
    ada = signed_in("ada")

    with pytest.raises(CallFailed, match="gold is no dish") as refused:
        call("PlaceOrder", {"dish": "gold"}, user=ada)
    with pytest.raises(CallFailed) as invalid:
        call("PlaceOrder", {}, user=ada)
    with pytest.raises(CallFailed, match="may not create") as denied:
        call("PlaceOrder", {"dish": "soup"}, user=ada, params={"user_id": "bob"})
    with pytest.raises(CallFailed, match="sign in"):
        call("PlaceOrder", {"dish": "soup"}, user=signed_out, params={"user_id": "bob"})

    assert refused.value.code == "failed-precondition"
    assert invalid.value.problems == ["dish: Field required"]
    assert denied.value.code == "permission-denied"


def test_the_time_of_a_request_is_that_of_its_document(
    firestore_client: Client, eventually: Eventually
) -> None:
    form = firestore_client.document("users/ada/orderForms/o3")
    form.create({"dish": "tea"})

    order = eventually(
        lambda: firestore_client.document("orders/o3").get().to_dict(), deadline=DEADLINE
    )

    assert order["at"] == form.get().create_time


def test_topics_of_the_app_are_there_and_their_messages_are_read(
    firestore_client: Client, topics: Topics
) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    firestore_client.document("orders/o4").set({"dish": "rice", "by": "ada", "at": at})

    page = "users/ada/OrderPage/o4"

    [message] = topics.messages("order-pages", subject=page, deadline=DEADLINE)

    assert message.subject == page
    assert message.data == {"dish": "rice"}
    with pytest.raises(AssertionError, match=f"1 of 2 messages about {page} on order-pages"):
        topics.messages("order-pages", 2, subject=page, deadline=0)
    with pytest.raises(KeyError, match="no TopicSink publishes to 'orders'"):
        topics.messages("orders")


def test_rules_that_are_missing_are_an_error_as_all_would_be_allowed(
    firestore_emulator: EmulatorSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onto_fn.testing.users import with_rules

    monkeypatch.setattr(firestore_emulator, "project_dir", tmp_path)

    with pytest.raises(EmulatorError, match="everything is allowed"):
        with_rules(firestore_emulator)
