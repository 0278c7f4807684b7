"""The emulator suite: it starts, it isolates, and it leaves nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from google.cloud.firestore import Client

from onto_fn.testing import EmulatorError, EmulatorSuite
from onto_fn.testing.emulators.supervisor import descendants, lives
from onto_fn.testing.eventually import Eventually

MakeProject = Callable[[str], Path]

COPY = """\
from firebase_functions import firestore_fn
from google.cloud import firestore

@firestore_fn.on_document_written(document="sources/{name}")
def copy(event):
    print("copying", event.params["name"])
    firestore.Client().document("copies", event.params["name"]).set(event.data.after.to_dict())
"""


def living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if lives(pid)]


def test_functions_run_on_writes_and_print_to_the_log(
    make_project: MakeProject, eventually: Eventually
) -> None:
    project = make_project(COPY)
    with EmulatorSuite(project) as suite:
        client = suite.client()

        client.document("sources/one").set({"n": 1})

        eventually(lambda: client.document("copies/one").get().exists)
        eventually(lambda: "copying one" in suite.log_path.read_text())
        family = descendants(suite.pid)

    assert living(family) == []
    assert list(project.glob(".onto_fn*")) == []


def test_functions_that_cannot_be_loaded_are_an_error_that_shows_why(
    make_project: MakeProject,
) -> None:
    project = make_project("raise TypeError('a cycle among views')")

    with pytest.raises(EmulatorError, match="a cycle among views"):
        EmulatorSuite(project).start()

    assert list(project.glob(".onto_fn*")) == []


def test_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        with pytest.raises(EmulatorError, match="in use"):
            EmulatorSuite(tmp_path, only=("firestore",), ports={"firestore": port}).start()


@pytest.mark.parametrize("only", [("firestore",), ("firestore", "functions")])
def test_killed_test_run_leaves_no_process(
    only: tuple[str, ...], make_project: MakeProject, eventually: Eventually
) -> None:
    script = (
        "from onto_fn.testing import EmulatorSuite\n"
        f"with EmulatorSuite({str(make_project(COPY))!r}, only={only!r}) as suite:\n"
        "    print('ready', flush=True)\n"
        "    suite.wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        family = descendants(parent.pid)
        parent.kill()

    assert len(family) >= 2
    eventually(lambda: not living(family), deadline=30)


def test_clear_leaves_no_document(firestore_emulator: EmulatorSuite) -> None:
    client = firestore_emulator.client()
    client.document("a/one/b/two").set({"n": 1})

    firestore_emulator.clear()

    assert list(client.collections()) == []


def test_each_test_has_a_database_of_its_own(
    engine_client: Client, firestore_emulator: EmulatorSuite
) -> None:
    engine_client.document("a/one").set({"n": 1})

    assert not firestore_emulator.client().document("a/one").get().exists


def test_named_database_is_apart_from_the_default(firestore_emulator: EmulatorSuite) -> None:
    firestore_emulator.client("other").document("a/apart").set({"n": 1})

    assert not firestore_emulator.client().document("a/apart").get().exists


def test_environment_leads_clients_to_the_emulators(firestore_emulator: EmulatorSuite) -> None:
    environ = firestore_emulator.environ()

    assert environ["FIRESTORE_EMULATOR_HOST"] == firestore_emulator.firestore_host
    assert environ["GOOGLE_CLOUD_PROJECT"] == firestore_emulator.project_id


def test_emulator_that_was_not_asked_for_has_no_address(firestore_emulator: EmulatorSuite) -> None:
    with pytest.raises(EmulatorError, match="name it in `only`"):
        _ = firestore_emulator.auth_host
