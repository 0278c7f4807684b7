"""What an App takes, and what operates it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, assert_type

from firebase_functions.options import IngressSetting
from firebase_functions.params import IntParam, SecretParam, StringParam
from models import User
from requests import TeamForm, TeamPatch, UserForm
from stores import TeamStore
from views import TeamPage

from onto_fn import (
    App,
    DocumentSink,
    FanOut,
    FormMediator,
    Mediator,
    PatchMediator,
    RetryPolicy,
    ViewMediator,
)
from onto_fn.firestore import Document
from onto_fn.messaging import EndpointSink, TopicSink
from onto_fn.observability import OpenTelemetry, Outcome


class Copies(Mediator):
    source = User
    sink = DocumentSink("copies/{id}")
    mode = "task"
    mark = "processed"

    def on_create(self, source: User) -> Any:
        return self.sink.document({"name": source.first_name}, id=source.doc_id)


app = App(
    [
        TeamPage,
        TeamForm,
        TeamPatch,
        Copies,
        Copies(),
        ViewMediator(TeamPage, sends=[TopicSink("teams"), EndpointSink("https://example.com")]),
        FormMediator(UserForm, mark="status", callable=True, app_check=True),
        PatchMediator(TeamPatch, mark=None),
    ],
    region=StringParam("REGION"),
    memory=IntParam("MEMORY"),
    timeout_sec=60,
    secrets=["KEY", SecretParam("OTHER")],
    vpc_connector="c",
    vpc_connector_egress_settings="ALL_TRAFFIC",
    ingress="ALLOW_ALL",
    retry=RetryPolicy(),
    fan_out=FanOut(),
    max_event_age=timedelta(hours=1),
    observers=[OpenTelemetry()],
)
App([TeamPage], ingress=IngressSetting.ALLOW_ALL)

assert_type(app.rebuild(TeamPage, User.ref("ann")), Outcome)
assert_type(app.rebuild("TeamPage", "users/ann"), Outcome)
assert_type(app.replay("letter"), Outcome | None)
assert_type(app.letters("TeamPage"), Iterator[Document])
assert_type(app.drop("TeamPage"), int)
assert_type(app.reconcile(), int)

App([User])  # pyright: ignore[reportArgumentType]
App([TeamStore])  # pyright: ignore[reportArgumentType]
App(TeamPage)  # pyright: ignore[reportArgumentType]
App([TeamPage], timeout=60)  # pyright: ignore[reportCallIssue]
App([TeamPage], ingress="internal")  # pyright: ignore[reportArgumentType]
FormMediator(TeamPage)  # pyright: ignore[reportArgumentType]
FormMediator(UserForm, done="status")  # pyright: ignore[reportCallIssue]
