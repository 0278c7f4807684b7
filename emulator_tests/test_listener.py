"""The listener: the same mediators in a long-lived process, without functions."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client, GeoPoint
from google.cloud.firestore_v1.vector import Vector

from onto_fn import Database
from onto_fn.serving.listener import document_of
from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "functions"))

from meeting_room.sample import sources  # noqa: E402

LEDGER = "onto_ledger/MeetingSession~meetings%2Fmeeting_1"
SESSION = "users/tijuana/MeetingSession/meeting_1"
Eventually = Callable[..., Any]


@pytest.fixture
def project(firestore_emulator: EmulatorSuite) -> str:
    return f"demo-{secrets.token_hex(6)}"


@pytest.fixture
def client(firestore_emulator: EmulatorSuite, project: str) -> Generator[Client]:
    client = firestore_emulator.client(project_id=project)
    yield client
    client.close()


@pytest.fixture
def listening(firestore_emulator: EmulatorSuite, project: str) -> Callable[..., Any]:
    """Runs `onto listen` on the meeting room, as a container would."""

    @contextmanager
    def run(*, end: signal.Signals = signal.SIGTERM) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "onto", "listen", "main:app"],
            cwd=ROOT / "functions",
            env=os.environ | firestore_emulator.environ() | {"GOOGLE_CLOUD_PROJECT": project},
        )
        try:
            yield process
        finally:
            process.send_signal(end)
            process.wait(30)

    return run


def test_a_document_is_what_the_engine_reads(
    client: Client, project: str, firestore_emulator: EmulatorSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = client.document("users/a")
    values = [None, 1, 1.0, b"a", reference, GeoPoint(1.0, 2.0), datetime(2020, 1, 1, tzinfo=UTC)]
    reference.set({"all": values, "in": {"a": values}, "vector": Vector([1.0, 2.0])})
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.firestore_host)
    database = Database(project)

    read, _ = database.get(["users/a"])
    database.close()

    assert document_of(reference.get()) == read["users/a"]


def attending(client: Client) -> list[str] | None:
    view = client.document(SESSION).get().to_dict()
    return None if view is None else [line["name"] for line in view["attending"]]


ALL = ["Joshua Pendergrast", "Thomasina Manes", "Tijuana Furlong"]


def write_sources(client: Client) -> None:
    for path, fields in sources(client).items():
        client.document(path).set(fields)


def test_the_listener_materialises_and_follows(
    client: Client, listening: Callable[..., Any], eventually: Eventually
) -> None:
    with listening() as process:
        write_sources(client)
        eventually(lambda: attending(client) == ALL)

        client.document("tickets/tj_t").update({"attendance": False})
        eventually(lambda: attending(client) == ALL[:2])

        client.document("meetings/meeting_1").delete()
        eventually(lambda: not client.document(SESSION).get().exists)
    assert process.returncode == 0


def test_what_changed_while_the_listener_was_killed_is_made_good(
    client: Client, listening: Callable[..., Any], eventually: Eventually
) -> None:
    write_sources(client)
    with listening(end=signal.SIGKILL):
        eventually(lambda: attending(client) == ALL)

    client.document("tickets/tj_t").update({"attendance": False})
    with listening(end=signal.SIGKILL):
        eventually(lambda: attending(client) == ALL[:2])

    client.document("meetings/meeting_1").delete()
    with listening():
        eventually(lambda: not client.document(SESSION).get().exists)
        eventually(lambda: not client.document(LEDGER).get().exists)
