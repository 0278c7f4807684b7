"""The listener: the same mediators in a long-lived process, without functions."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Aborted
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client, GeoPoint
from google.cloud.firestore_v1.vector import Vector
from meeting_room.sample import sources

from onto_fn.editing import Database
from onto_fn.firestore import Query
from onto_fn.firestore.listening import Listening, Snapshot
from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parents[2]

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


def foreign(client: Client, database: str = "archive") -> Any:
    """A reference into another database, as an import leaves it."""
    other = Client(client.project, AnonymousCredentials(), database)
    return other.document("users/joshua")


@pytest.fixture
def database(
    firestore_emulator: EmulatorSuite, project: str, monkeypatch: pytest.MonkeyPatch
) -> Generator[Database]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.firestore_host)
    database = Database(project)
    yield database
    database.close()


@pytest.fixture
def heard(database: Database, eventually: Eventually) -> Generator[list[Snapshot]]:
    """What a listener on users is told, from an empty collection on."""
    heard: list[Snapshot] = []
    listening = Listening(database, Query("users"), heard.append)
    listening.start()
    eventually(lambda: len(heard) == 1)
    yield heard
    listening.stop()


def test_a_document_is_what_the_engine_reads(
    client: Client, database: Database, heard: list[Snapshot], eventually: Eventually
) -> None:
    reference = client.document("users/a")
    values = [None, 1, 1.0, b"a", reference, GeoPoint(1.0, 2.0), datetime(2020, 1, 1, tzinfo=UTC)]
    vector = Vector([1.0, 2.0])
    other = foreign(client)
    reference.set({"all": values, "in": {"a": values}, "vector": vector, "other": other})

    eventually(lambda: len(heard) == 2)

    (message,) = heard[1].changed.values()
    read, _ = database.get(["users/a"])
    assert database.decoded(message) == read["users/a"]


def test_a_stream_that_was_ended_is_opened_again_and_nothing_is_missed(
    client: Client, database: Database, eventually: Eventually
) -> None:
    heard: list[tuple[list[str], list[str]]] = []

    def note(snapshot: Snapshot) -> None:
        names = (snapshot.changed, snapshot.gone)
        heard.append(tuple(sorted(n.rpartition("/")[2] for n in some) for some in names))

    users = [client.document(f"users/{name}") for name in "abc"]
    for user in users:
        user.set({"a": 1})
    listening = Listening(database, Query("users"), note, silence=-1.0, longest_wait=0.01)
    listening.start()
    eventually(lambda: heard == [(["a", "b", "c"], [])])

    listening.check()  # the stream is ended, as if it had been silent for long
    users[0].set({"a": 2})
    users[1].delete()
    eventually(lambda: {"a"} <= {n for names, _ in heard[1:] for n in names})
    eventually(lambda: any("b" in gone for _, gone in heard))
    listening.stop()

    assert not any("c" in gone for _, gone in heard)


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
    def written(call: Callable[[], object]) -> None:
        """Write, after the locks that a killed process may have left have expired."""

        def is_written() -> bool:
            with suppress(Aborted):
                call()
                return True
            return False

        eventually(is_written, deadline=120)

    write_sources(client)
    with listening(end=signal.SIGKILL):
        eventually(lambda: attending(client) == ALL)

    written(lambda: client.document("tickets/tj_t").update({"attendance": False}))
    with listening(end=signal.SIGKILL):
        eventually(lambda: attending(client) == ALL[:2])

    written(lambda: client.document("meetings/meeting_1").delete())
    with listening():
        eventually(lambda: not client.document(SESSION).get().exists, deadline=60)
        eventually(lambda: not client.document(LEDGER).get().exists, deadline=60)


def test_documents_that_cannot_be_read_keep_no_other_from_being_built(
    client: Client, listening: Callable[..., Any], eventually: Eventually
) -> None:
    with listening() as process:
        for number in range(20):  # more than there are workers
            odd = [foreign(client), client.document(f"users/__id{number}__")][number % 2]
            client.document(f"tickets/odd{number}").set({"user": odd, "meeting": odd})
        write_sources(client)
        eventually(lambda: attending(client) == ALL)

        client.document("tickets/tj_t").update({"attendance": False})
        eventually(lambda: attending(client) == ALL[:2])
    assert process.returncode == 0
