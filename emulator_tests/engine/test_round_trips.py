"""What an event costs: the calls to Firestore, counted, for an event of the meeting room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import google.auth
import pytest
from cloudevents.http import CloudEvent
from meeting_room.models import Location, Meeting, Ticket, User
from meeting_room.views import MeetingSession, UserView

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.writing import Writer
from onto_fn import App, ViewMediator
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result
from onto_fn.testing.billing import Billing

Connect = Callable[..., Any]
VIEWS = [f"users/{user}/MeetingSession/m" for user in ("joshua", "tijuana")]


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def app() -> App:
    return App([ViewMediator(MeetingSession), ViewMediator(UserView)])


@pytest.fixture
def ticket(app: App, writer: Writer) -> Callable[[bool], Change]:
    """A meeting in session, all its views materialised; changes the attendance of a ticket."""

    def attend(attendance: bool) -> Change:
        held = Ticket(
            doc_id="tj_t", role="Participant", user=User.ref("tijuana"), attendance=attendance
        )
        return writer.write("tickets/tj_t", held.doc_fields())

    models = [
        User(doc_id="joshua", first_name="Joshua", last_name="Bell"),
        User(doc_id="tijuana", first_name="Tijuana", last_name="May", hearing_aid_requested=True),
        Ticket(doc_id="tj_j", role="Organizer", user=User.ref("joshua"), attendance=True),
        Location(doc_id="hall", latitude=1.5, longitude=2.5, address="1 Hall Street"),
        Meeting(
            doc_id="m",
            users=[User.ref("joshua"), User.ref("tijuana")],
            tickets={"joshua": Ticket.ref("tj_j"), "tijuana": Ticket.ref("tj_t")},
            location=Location.ref("hall"),
            status="in-session",
        ),
    ]
    attend(False)
    for change in writer.write_all({model.doc_ref.path: model.doc_fields() for model in models}):
        app.engine.handle(writer.database, change)
    return attend


def test_steady_state_event_takes_one_look_up_one_read_and_one_commit(
    app: App, ticket: Callable[[bool], Change], connect: Connect, calls: Calls, writer: Writer
) -> None:
    change = ticket(True)

    [outcome] = app.engine.handle(connect(calls), change)

    assert calls.counts == {"RunQuery": 1, "BatchGetDocuments": 1, "Commit": 1}
    assert (outcome.definition, outcome.result) == ("MeetingSession", Result.COMMITTED)
    for view in VIEWS:
        content = writer.content(view)
        assert content is not None
        assert content["numHearingAidRequested"] == 1


def test_a_change_of_a_meeting_takes_four_round_trips_for_all_its_views(
    app: App, ticket: Callable[[bool], Change], connect: Connect, calls: Calls, writer: Writer
) -> None:
    """The queries of its two users are under way at the same time; see test_together."""
    fields = {**(writer.content("meetings/m") or {}), "status": "closed"}
    change = writer.write("meetings/m", fields)
    billing = Billing()

    outcomes = app.engine.handle(connect(calls, billing), change)

    assert [o.definition for o in outcomes] == ["MeetingSession", "UserView", "UserView"]
    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert calls.counts == {"RunQuery": 1 + 2, "BatchGetDocuments": 1, "Commit": 1}
    # three records; the meeting and its five sources, two of them also roots; a meeting each
    assert billing.counts["reads"] == 3 + 6 + 2
    # two copies and their record, two views and theirs
    assert billing.counts["writes"] == 3 + 4


def test_duplicate_event_takes_one_look_up(
    app: App, ticket: Callable[[bool], Change], connect: Connect, calls: Calls
) -> None:
    change = ticket(True)
    database = connect(calls)
    app.engine.handle(database, change)
    calls.clear()

    [outcome] = app.engine.handle(database, change)

    assert outcome.result is Result.COVERED
    assert calls.counts == {"RunQuery": 1}


def test_event_that_changes_no_view_takes_the_same_calls(
    app: App, ticket: Callable[[bool], Change], connect: Connect, calls: Calls, writer: Writer
) -> None:
    """The ledger notes the version, so that a duplicate is covered."""
    user = User(doc_id="joshua", first_name="Joshua", last_name="Bell")
    fields = {**user.doc_fields(), "shoeSize": 44}
    change = writer.write("users/joshua", fields)
    engine = Engine([MeetingSession.definition()])

    # as in a batch of a fan-out, which does not say what has changed
    [outcome] = engine.handle(connect(calls), replace(change, versions_only=True))

    assert outcome.result is Result.COMMITTED
    assert outcome.written == ()
    assert calls.counts == {"RunQuery": 1, "BatchGetDocuments": 1, "Commit": 1}


def test_deletion_of_a_root_takes_one_look_up_one_read_and_one_commit(
    ticket: Callable[[bool], Change], connect: Connect, calls: Calls, writer: Writer
) -> None:
    engine = Engine([MeetingSession.definition()])

    engine.handle(connect(calls), writer.delete("meetings/m"))

    assert calls.counts == {"RunQuery": 1, "BatchGetDocuments": 1, "Commit": 1}
    assert [writer.content(view) for view in VIEWS] == [None, None]


def test_every_event_has_the_same_connection_and_looks_no_credentials_up(
    app: App, project: str, monkeypatch: pytest.MonkeyPatch, writer: Writer
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise AssertionError("credentials were looked up")

    connections: list[Database] = []
    connect = Database.__init__

    def counting(self: Database, *arguments: Any, **options: Any) -> None:
        connections.append(self)
        connect(self, *arguments, **options)

    monkeypatch.setattr(google.auth, "default", fail)
    monkeypatch.setattr(Database, "__init__", counting)
    user = User(doc_id="joshua", first_name="Joshua", last_name="Bell")
    writer.write("users/joshua", user.doc_fields())
    attributes = {
        "id": "event",
        "source": f"//firestore.googleapis.com/projects/{project}/databases/(default)",
        "type": "google.cloud.firestore.document.v1.written",
        "project": project,
        "database": "(default)",
        "document": "users/joshua",
    }

    outcomes = [app.handle(CloudEvent(attributes, None)) for _ in range(3)]

    results = [[outcome.result for outcome in handled] for handled in outcomes]
    assert results == [[Result.COMMITTED], [Result.UNCHANGED], [Result.UNCHANGED]]
    assert connections == [app.database(project)]
    app.database(project).close()
