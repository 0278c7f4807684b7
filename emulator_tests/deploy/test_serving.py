"""The uploaded archive, installed and served as the build does it, answers Google's events."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client
from meeting_room.sample import sources

from emulator_tests.deploy.deployed import PROJECT, ROOT, Workspace
from emulator_tests.deploy.serving import Instance, KillingProxy, deliver
from onto_fn.testing.chaos import Fault, RecordedEvent, Recorder
from onto_fn.testing.emulators.config import HOST

Eventually = Callable[..., Any]
Specs = dict[str, dict[str, Any]]

USERS = ("tijuana", "thomasina", "joshua")
VIEWS = [f"users/{user}/MeetingSession/meeting_1" for user in USERS]
TICKETS = "on_tickets_written"
CONCURRENCY = 80


@pytest.fixture(scope="module")
def recorder(specs: Specs, tmp_path_factory: pytest.TempPathFactory) -> Generator[Recorder]:
    """Firestore, and what it would send to each function that the deploy created."""
    with Recorder(ROOT, tmp_path_factory.mktemp("recorder"), project_id=PROJECT) as recorder:
        for name, spec in specs.items():
            if "eventTrigger" in spec:
                (pattern,) = (
                    item["value"]
                    for item in spec["eventTrigger"]["eventFilters"]
                    if item["attribute"] == "document"
                )
                recorder.register(name, pattern)
        yield recorder


@pytest.fixture(scope="module")
def client(recorder: Recorder) -> Generator[Client]:
    client = recorder.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def instances(
    specs: Specs, workspace: Workspace, recorder: Recorder
) -> Generator[dict[str, Instance]]:
    """An instance of each function."""
    host = recorder.firestore_host
    made = [Instance(spec, workspace.folder, workspace.venv, host) for spec in specs.values()]
    with ExitStack() as stack, ThreadPoolExecutor(len(made)) as starters:
        for instance in made:
            stack.callback(instance.stop)
        yield {instance.name: instance for instance in starters.map(Instance.start, made)}


class Room:
    """The meeting room, whose events are delivered by hand."""

    def __init__(self, recorder: Recorder, client: Client, eventually: Eventually) -> None:
        self.client = client
        self._recorder = recorder
        self._eventually = eventually

    def write(self, documents: dict[str, dict[str, Any]]) -> list[RecordedEvent]:
        """Write documents in one commit; the events of it."""
        start = len(self._recorder.events)
        batch = self.client.batch()
        for path, fields in documents.items():
            batch.set(self.client.document(path), fields, merge=True)
        batch.commit()
        self._eventually(lambda: len(self._recorder.events) - start >= len(documents))
        return self._recorder.events[start:]

    def sessions(self) -> list[dict[str, Any]]:
        found = [self.client.document(path).get().to_dict() for path in VIEWS]
        assert None not in found
        return found


@pytest.fixture
def room(recorder: Recorder, client: Client, eventually: Eventually) -> Room:
    return Room(recorder, client, eventually)


@pytest.fixture
def session(room: Room, instances: dict[str, Instance]) -> Room:
    """The meeting room with its views built."""
    for event in room.write(sources(room.client)):
        assert deliver(event, instances[event.trigger]) == 200
    return room


def names(view: dict[str, Any]) -> list[str]:
    return [line["name"] for line in view["attending"]]


def test_library_that_is_served_is_the_one_of_the_archive(workspace: Workspace) -> None:
    python = workspace.venv / "bin" / "python"
    run = [python, "-c", "import onto_fn, main; print(onto_fn.__file__)"]
    environ = {"GCLOUD_PROJECT": PROJECT}

    out = subprocess.run(
        run, cwd=workspace.folder, env=environ, check=True, capture_output=True, text=True
    ).stdout

    assert Path(out.strip()).is_relative_to(workspace.venv)


def test_events_are_sent_in_binary_mode_as_protobuf(session: Room) -> None:
    (event,) = session.write({"tickets/tj_t": {"role": "Organizer"}})

    assert event.headers["content-type"] == "application/protobuf"
    assert event.headers["ce-type"] == "google.cloud.firestore.document.v1.written"
    assert event.headers["ce-document"] == "tickets/tj_t"
    assert event.message().value.fields["role"].string_value == "Organizer"


def test_m2_a_ticket_alone_changes_every_view(
    session: Room, instances: dict[str, Instance]
) -> None:
    everybody = ["Joshua Pendergrast", "Thomasina Manes", "Tijuana Furlong"]
    assert [names(view) for view in session.sessions()] == [everybody] * 3
    meeting = session.client.document("meetings/meeting_1").get().update_time

    (event,) = session.write({"tickets/tj_t": {"attendance": False}})
    assert deliver(event, instances[TICKETS]) == 200

    for view in session.sessions():
        assert names(view) == ["Joshua Pendergrast", "Thomasina Manes"]
        assert view["numHearingAidRequested"] == 1
    assert session.client.document("meetings/meeting_1").get().update_time == meeting


def test_log_of_an_instance_is_what_cloud_logging_reads(
    session: Room, instances: dict[str, Instance]
) -> None:
    (event,) = session.write({"tickets/ts_t": {"attendance": False}})
    assert deliver(event, instances[TICKETS]) == 200

    lines = [json.loads(line) for line in instances[TICKETS].log().splitlines()]
    labels = [line["logging.googleapis.com/labels"] for line in lines]
    (found,) = (label for label in labels if label["event_id"] == event.headers["ce-id"])
    assert found["document"] == "tickets/ts_t"
    assert found["outcome"] == "committed"


def test_http_function_is_served_and_asks_for_a_token(instances: dict[str, Instance]) -> None:
    connection = http.client.HTTPConnection(HOST, instances["onto_replay"].port, timeout=60)

    connection.request("POST", "/", b"{}", {"content-type": "application/json"})

    assert connection.getresponse().status == 401
    connection.close()


def test_one_instance_takes_as_many_requests_at_once_as_it_declares(
    specs: Specs, workspace: Workspace, recorder: Recorder, session: Room
) -> None:
    """All of one meeting, and each of them twice at the same time."""
    spec = specs["on_users_written"]
    assert spec["serviceConfig"]["maxInstanceRequestConcurrency"] == CONCURRENCY
    people = [f"users/person_{number:02}" for number in range(CONCURRENCY // 2)]
    session.write({path: {"firstName": "A", "lastName": path[-2:]} for path in people})
    session.write(
        {
            "meetings/crowd": {
                "users": [session.client.document(path) for path in people],
                "tickets": {},
                "location": session.client.document("locations/L"),
                "status": "in-session",
            }
        }
    )
    events = session.write({path: {"firstName": "B"} for path in people}) * 2
    host = recorder.firestore_host
    with (
        Instance(
            spec, workspace.folder, workspace.venv, host, THREADS=str(CONCURRENCY)
        ) as instance,
        ThreadPoolExecutor(CONCURRENCY) as senders,
    ):
        answers = list(senders.map(lambda event: deliver(event, instance), events))

    assert answers == [200] * CONCURRENCY
    for path in people:
        screen = session.client.document(f"{path}/UserView/view").get().to_dict()
        assert screen is not None
        assert screen["firstName"] == "B"
        assert screen["meetings"] == [{"meeting_id": "crowd", "status": "in-session"}]


@pytest.fixture(scope="module")
def fragile(
    specs: Specs, workspace: Workspace, recorder: Recorder
) -> Generator[tuple[Instance, KillingProxy]]:
    """An instance behind a proxy that can end it."""
    with KillingProxy(recorder.firestore_host) as proxy:
        spec = specs[TICKETS]
        with Instance(spec, workspace.folder, workspace.venv, proxy.host) as instance:
            yield instance, proxy


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        (Fault.KILL_BEFORE_READ, "BatchGetDocuments"),
        (Fault.KILL_BEFORE_COMMIT, "Commit"),
        (Fault.KILL_AFTER_COMMIT, "Commit"),
    ],
)
def test_instance_killed_inside_of_a_request_makes_good_on_redelivery(
    fault: Fault, call: str, fragile: tuple[Instance, KillingProxy], session: Room
) -> None:
    instance, proxy = fragile
    (event,) = session.write({"tickets/tj_t": {"attendance": False}})
    proxy.arm(fault, call, instance.kill)

    assert deliver(event, instance) is None
    assert proxy.faults == [fault.name]
    instance.stop()
    instance.start()
    assert deliver(event, instance) == 200

    assert proxy.commits(VIEWS[0]) == 1
    for view in session.sessions():
        assert names(view) == ["Joshua Pendergrast", "Thomasina Manes"]
