"""`onto serve`: an app's API in a process of its own."""

from __future__ import annotations

import json
import re
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import requests
from google.cloud.firestore import Client

from emulator_tests.cli.terminal import (
    ONTO,
    SECONDS,
    TERMINAL,
    Many,
    assert_one_line,
    clean_environ,
    end_of,
    terminal,
)
from onto_fn.testing import EmulatorSuite

APP = """\
import time
from pathlib import Path

from onto_fn import App, DomainModel, Store, ViewModel, root
from onto_fn.access import public
from onto_fn.api import Api, Live, Streams


class Town(DomainModel, collection="towns"):
    name: str
    seconds: float = 0


class TownStore(Store):
    town = root(Town)


class TownView(ViewModel[TownStore], path="townViews/{town_id}", read=public()):
    @property
    def title(self) -> str:
        return self.store.town.name


class SlowView(ViewModel[TownStore], path="slowViews/{town_id}", read=public()):
    @property
    def title(self) -> str:
        Path("begun").touch()
        time.sleep(self.store.town.seconds)
        return self.store.town.name


app = App([TownView], api=Api(views=[TownView, Live(SlowView)], streams=Streams()))
without_api = App([TownView])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


@pytest.fixture
def environ(folder: Path, firestore_emulator: EmulatorSuite) -> dict[str, str]:
    return clean_environ(
        folder / "home",
        FIRESTORE_EMULATOR_HOST=firestore_emulator.firestore_host,
        GOOGLE_CLOUD_PROJECT=f"demo-{secrets.token_hex(6)}",
    )


@pytest.fixture
def client(environ: dict[str, str], firestore_emulator: EmulatorSuite) -> Generator[Client]:
    client = firestore_emulator.client(project_id=environ["GOOGLE_CLOUD_PROJECT"])
    client.document("townViews/oslo").set({"title": "Oslo"})
    client.document("towns/bergen").set({"name": "Bergen", "seconds": 0.5})
    client.document("towns/rome").set({"name": "Rome", "seconds": 60})
    yield client
    client.close()


@contextmanager
def serving(
    *words: str, folder: Path, environ: dict[str, str]
) -> Generator[tuple[subprocess.Popen[str], str]]:
    """The process, and the address that it prints."""
    command = [ONTO, "serve", "main:app", "--port", "0", "--json", *words]
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as onto:
        try:
            assert onto.stdout is not None
            line = onto.stdout.readline()
            assert line, onto.stderr.read() if onto.stderr else ""
            yield onto, json.loads(line)["address"]
        finally:
            onto.kill()


@pytest.mark.usefixtures("client")
def test_ctrl_c_ends_serving(folder: Path, environ: dict[str, str]) -> None:
    with terminal("serve", "main:app", "--port", "0", cwd=folder, environ=environ) as onto:
        onto.expect(r"serving main:app at (http://127\.0\.0\.1:\d+), documented at (\S+)")
        address, docs = onto.match.groups()
        shown = requests.get(f"{address}/townViews/oslo", timeout=SECONDS)
        onto.expect(r"GET townViews/\{town_id\} 200 \d+ ms")
        onto.sendintr()

        assert end_of(onto).code == 0
    assert shown.json() == {"title": "Oslo"}
    assert docs == f"{address}/docs"


@pytest.mark.usefixtures("client")
def test_the_log_shows_no_ids_no_queries_and_no_tokens(
    folder: Path, environ: dict[str, str]
) -> None:
    headers = {"Authorization": "Bearer t0ken"}
    with serving(folder=folder, environ=environ) as (onto, address):
        for path in ("townViews/oslo", "townViews/rome?after=4711", "elsewhere/rome?key=4711"):
            requests.get(f"{address}/{path}", headers=headers, timeout=SECONDS)
        onto.send_signal(signal.SIGTERM)
        out, err = onto.communicate(timeout=SECONDS)

    assert onto.returncode == 0
    logged = [json.loads(line) for line in out.splitlines()]
    assert [line["route"] for line in logged] == ["townViews/{town_id}"] * 2 + [None]
    assert {line["method"] for line in logged} == {"GET"}
    assert all(line["ms"] >= 0 for line in logged)
    assert re.search("t0ken|4711|oslo|rome", out + err) is None


@pytest.mark.usefixtures("client")
def test_without_a_log_nothing_is_printed_of_a_request(
    folder: Path, environ: dict[str, str]
) -> None:
    with serving("--no-log", folder=folder, environ=environ) as (onto, address):
        requests.get(f"{address}/townViews/oslo", timeout=SECONDS)
        onto.send_signal(signal.SIGTERM)

        assert onto.communicate(timeout=SECONDS) == ("", "")


def test_the_database_that_is_named_is_served(
    folder: Path, environ: dict[str, str], firestore_emulator: EmulatorSuite
) -> None:
    project = environ["GOOGLE_CLOUD_PROJECT"]
    archive = firestore_emulator.client("archive", project_id=project)
    archive.document("townViews/old").set({"title": "Old"})
    archive.close()

    with serving("--database", "archive", folder=folder, environ=environ) as (_, address):
        shown = requests.get(f"{address}/townViews/old", timeout=SECONDS)

    assert shown.json() == {"title": "Old"}


def begin(folder: Path, address: str, town: str, eventually: Callable[..., Any]) -> socket.socket:
    """Ask for a town whose view takes its time, and return when it is being computed."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=SECONDS)
    connection.sendall(f"GET /slowViews/{town} HTTP/1.1\r\nHost: onto\r\n\r\n".encode())
    eventually(lambda: (folder / "begun").exists())
    return connection


@pytest.mark.usefixtures("client")
def test_a_request_that_has_begun_is_answered_before_the_end(
    folder: Path, environ: dict[str, str], eventually: Callable[..., Any]
) -> None:
    with serving(folder=folder, environ=environ) as (onto, address):
        connection = begin(folder, address, "bergen", eventually)
        onto.send_signal(signal.SIGTERM)

        with connection, connection.makefile("rb") as stream:
            answer = stream.read()
        assert onto.wait(SECONDS) == 0

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"title":"Bergen"}')


@pytest.mark.usefixtures("client")
def test_a_stream_is_ended_with_a_word_and_does_not_keep_the_process(
    folder: Path, environ: dict[str, str]
) -> None:
    events = {"Accept": "text/event-stream"}
    with serving("--grace", "30", folder=folder, environ=environ) as (onto, address):
        url, start = f"{address}/townViews/oslo", monotonic()
        with requests.get(url, headers=events, stream=True, timeout=SECONDS) as stream:
            lines = stream.iter_lines(decode_unicode=True)
            while not next(lines).startswith("event: snapshot"):
                pass
            onto.send_signal(signal.SIGTERM)
            rest = list(lines)

        assert onto.wait(SECONDS) == 0
    assert "event: bye" in rest
    assert monotonic() - start < 25


@pytest.mark.usefixtures("client")
def test_what_does_not_end_does_not_keep_the_process(
    folder: Path, environ: dict[str, str], eventually: Callable[..., Any]
) -> None:
    """Not even the app's own code, which nothing can interrupt."""
    with serving("--grace", "1", folder=folder, environ=environ) as (onto, address):
        connection = begin(folder, address, "rome", eventually)
        start = monotonic()
        onto.send_signal(signal.SIGTERM)

        assert onto.wait(SECONDS) == 0
        connection.close()

    assert monotonic() - start < 20


@TERMINAL
@pytest.mark.parametrize(
    ("app", "says"),
    [
        ("main:without_api", "main:without_api has no API: declare what it offers, `App([…], api="),
        ("main:absent", "main.py has no App named 'absent'"),
    ],
)
def test_an_app_that_cannot_be_served_is_one_line(
    app: str, says: str, in_terminal: bool, folder: Path, environ: dict[str, str], many: Many
) -> None:
    ended = many.run("serve", app, cwd=folder, environ=environ, in_terminal=in_terminal)

    assert says in assert_one_line(ended, in_terminal=in_terminal)


@TERMINAL
def test_a_port_in_use_is_one_line(
    in_terminal: bool, folder: Path, environ: dict[str, str], many: Many
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])

        ended = many.run(
            "serve",
            "main:app",
            cwd=folder,
            environ=environ | {"PORT": port},
            in_terminal=in_terminal,
        )

    says = f"cannot listen at 127.0.0.1:{port} (Address already in use)"
    assert says in assert_one_line(ended, in_terminal=in_terminal)
