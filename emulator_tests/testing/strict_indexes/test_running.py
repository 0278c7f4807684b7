"""The check of indexes as it is asked for: by pytest, by `onto dev`, for functions, by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from emulator_tests.cli.terminal import ONTO, SECONDS, clean_environ
from emulator_tests.testing.strict_indexes.conftest import DECLARED
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.eventually import Eventually

TEST = """\
from google.cloud import firestore

def test_a_query_with_an_index():
    cities = firestore.Client(project="demo-towns").collection("cities")
    cities.order_by("country").order_by("population").get()

def test_a_query_without_an_index():
    cities = firestore.Client(project="demo-towns").collection("cities")
    cities.order_by("country").order_by("area").get()
"""
FUNCTION = """\
from firebase_functions import firestore_fn
from google.cloud import firestore

@firestore_fn.on_document_written(document="cities/{name}")
def sort(event):
    client = firestore.Client()
    said = {}
    for name in ("population", "area"):
        try:
            client.collection("cities").order_by("country").order_by(name).get()
            said[name] = "answered"
        except Exception as error:
            said[name] = type(error).__name__
    client.document("said", event.params["name"]).set(said)
"""


def declare(folder: Path, **more: Any) -> None:
    (folder / "firebase.json").write_text(json.dumps(more))
    (folder / "firestore.indexes.json").write_text(json.dumps(DECLARED))


def assert_checked(host: str) -> None:
    """An emulator refuses what DECLARED does not cover, and nothing else."""
    credentials: Any = AnonymousCredentials
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    client = Client(project="demo-towns", credentials=credentials())
    cities = client.collection("cities").order_by("country")
    cities.order_by("population").get()
    with pytest.raises(FailedPrecondition, match="requires an index"):
        cities.order_by("area").get()
    client.close()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is as it was when a test ends."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "")


def run_pytest(folder: Path, host: str, *options: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"FIRESTORE_EMULATOR_HOST": host}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize("file", [None, "other.json"])
def test_pytest_checks_an_emulator_that_runs_already(
    firestore_emulator: EmulatorSuite, tmp_path: Path, file: str | None
) -> None:
    declare(tmp_path)
    (tmp_path / "test_towns.py").write_text(TEST)
    if file is not None:
        (tmp_path / "firestore.indexes.json").rename(tmp_path / file)
    option = "--firestore-strict-indexes" + (f"={file}" if file else "")

    done = run_pytest(tmp_path, firestore_emulator.firestore_host, option)

    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "FailedPrecondition: 400 The query requires an index." in done.stdout


def test_without_the_option_pytest_checks_nothing(
    firestore_emulator: EmulatorSuite, tmp_path: Path
) -> None:
    declare(tmp_path)
    (tmp_path / "test_towns.py").write_text(TEST)

    assert "2 passed" in run_pytest(tmp_path, firestore_emulator.firestore_host).stdout


def test_onto_dev_checks_if_it_is_strict(tmp_path: Path) -> None:
    declare(tmp_path, emulators={"firestore": {"port": free_ports(1)[0]}})
    (tmp_path / "home").mkdir()
    with subprocess.Popen(
        [ONTO, "dev", "--json", "--strict"],
        cwd=tmp_path,
        env=clean_environ(tmp_path / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as onto:
        assert onto.stdout is not None
        try:
            running = json.loads(onto.stdout.readline())
            assert_checked(running["environ"]["FIRESTORE_EMULATOR_HOST"])
            refused = json.loads(onto.stdout.readline())["refused"]
            onto.send_signal(signal.SIGTERM)
            onto.communicate(timeout=SECONDS)
        finally:
            onto.kill()

    assert onto.returncode == 0
    assert refused["collection"] == "cities"
    assert '"fieldPath": "area"' in refused["entry"]


def test_functions_are_refused_too(
    make_project: Callable[[str], Path], eventually: Eventually
) -> None:
    project = make_project(FUNCTION)
    (project / "firestore.indexes.json").write_text(json.dumps(DECLARED))
    with EmulatorSuite(project, strict_indexes=True) as suite:
        client = suite.client()
        client.document("cities/oslo").set({"country": "no", "population": 7, "area": 1})

        eventually(lambda: client.document("said/oslo").get().exists, deadline=60)

        said = client.document("said/oslo").get().to_dict()
        assert said == {"population": "answered", "area": "FailedPrecondition"}
        eventually(lambda: "a query of cities needs {" in suite.log_path.read_text())


def test_the_proxy_runs_by_itself(firestore_emulator: EmulatorSuite, tmp_path: Path) -> None:
    declare(tmp_path)
    words = ["--emulator", firestore_emulator.firestore_host, f"--project-dir={tmp_path}"]
    with subprocess.Popen(
        [sys.executable, "-m", "onto_fn.testing.strict_indexes", *words],
        stdout=subprocess.PIPE,
        text=True,
    ) as proxy:
        assert proxy.stdout is not None
        try:
            name, _, host = proxy.stdout.readline().strip().partition("=")
            assert name == "FIRESTORE_EMULATOR_HOST"
            assert_checked(host)
            proxy.send_signal(signal.SIGTERM)
            assert proxy.wait(SECONDS) == 0
        finally:
            proxy.kill()
