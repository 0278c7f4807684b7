"""`onto dev` with functions: what follows an edit, and what the next run begins with."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests

from emulator_tests.cli.terminal import clean_environ, end_of, run, terminal
from onto_fn.generate.rules import KEEP_BEGIN, KEEP_END
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.emulators.discovery import discovery

SECONDS = 120.0
MAIN = """\
from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, root


class Town(DomainModel, collection="towns"):
    name: str


class TownStore(Store):
    town = root(Town)


class TownView(ViewModel[TownStore], path="townViews/{town_id}"):
    @property
    def title(self) -> str:
        return self.store.town.name


app = App([ViewMediator(TownView)])
app.export(globals())
"""
RULES = f"""\
rules_version = '2';
service cloud.firestore {{
  match /databases/{{database}}/documents {{
    {KEEP_BEGIN}
    match /public/{{id}} {{ allow read; }}
    {KEEP_END}
  }}
}}
"""
READABLE = (
    "from onto_fn import ",
    "from onto_fn.access import public\n"
    "from onto_fn.messaging import TopicSink\n"
    "from onto_fn import ",
)
TITLE = "return self.store.town.name"


@pytest.fixture
def folder(make_project: Callable[[str], Path]) -> Path:
    """A project of a view, with rules of its own in the section that is kept."""
    folder = make_project(MAIN)
    config = json.loads((folder / "firebase.json").read_text())
    config["firestore"]["indexes"] = "firestore.indexes.json"
    names = ("firestore", "functions", "pubsub")
    config["emulators"] = {
        name: {"port": port} for name, port in zip(names, free_ports(3), strict=True)
    }
    (folder / "firebase.json").write_text(json.dumps(config))
    (folder / "firestore.rules").write_text(RULES)
    (folder / "seed.json").write_text(json.dumps({"towns/oslo": {"name": "Oslo"}}))
    return folder


def test_an_edit_is_followed_by_rules_topics_and_views_and_the_data_is_kept(folder: Path) -> None:
    environ = clean_environ(folder)
    main = folder / "functions" / "main.py"
    data = ["--import", "data", "--export-on-exit", "data"]

    with terminal(
        "dev", "--seed", "seed.json", *data, cwd=folder, environ=environ, deadline=SECONDS
    ) as onto:
        onto.expect(r"export FIRESTORE_EMULATOR_HOST=\S+ PUBSUB_EMULATOR_HOST=\S+ GOOGLE_CLOUD_P")
        onto.expect_exact("firestore.rules: written")
        onto.expect_exact("towns/oslo -> TownView of towns/oslo  committed")

        with discovery():
            edited = MAIN.replace(*READABLE).replace('{town_id}"', '{town_id}", read=public()')
            edited = edited.replace("(TownView)", '(TownView, sends=[TopicSink("towns")])')
            main.write_text(edited.replace(TITLE, f"{TITLE}.upper()"))
            onto.expect_exact("/topics/towns: created")
            onto.expect_exact("firestore.rules: written")
            onto.expect(r"TownView: rebuilt for 1 root in [\d.]+ s")
        assert "townViews" in (folder / "firestore.rules").read_text()
        view = run("get", "townViews/oslo", cwd=folder, environ=environ)
        assert json.loads(view.out) == {"title": "OSLO"}

        with discovery():
            main.write_text(edited.replace(TITLE, 'raise KeyError("broken")'))
            line = edited[: edited.index(TITLE)].count("\n") + 1
            onto.expect(r"1 has a dead letter:\s+towns/oslo: TownView.title raised KeyError")
            onto.expect_exact(f"(main.py:{line})")
        assert run("set", "towns/oslo", 'name="X"', cwd=folder, environ=environ).code == 0
        onto.expect_exact("towns/oslo -> TownView of towns/oslo  dead letter")
        onto.expect(rf"TownView.title raised KeyError: .broken. \(main.py:{line}\)")

        onto.sendintr()
        ended = end_of(onto)
    assert ended.code == 0
    assert "the data was exported to data" in ended.out

    main.write_text(MAIN)
    with terminal("dev", *data, cwd=folder, environ=environ, deadline=SECONDS) as onto:
        onto.expect(r"TownView: rebuilt for 1 root in [\d.]+ s")
        view = run("get", "townViews/oslo", cwd=folder, environ=environ)
        onto.sendintr()
        assert end_of(onto).code == 0

    assert json.loads(view.out) == {"title": "X"}


def test_what_is_written_while_the_functions_cannot_be_loaded_is_made_good(
    folder: Path, eventually: Callable[..., None]
) -> None:
    environ = clean_environ(folder)
    main = folder / "functions" / "main.py"
    with terminal(
        "dev", "--seed", "seed.json", cwd=folder, environ=environ, deadline=SECONDS
    ) as onto:
        onto.expect(r"log +(\S+)")
        log = Path(onto.match[1])
        onto.expect_exact("towns/oslo -> TownView of towns/oslo  committed")

        with discovery():
            main.write_text(f"{MAIN}\n")  # the worker that has the code already is ended
            onto.expect_exact("functions: on_towns_written")
            main.write_text(MAIN.replace("def title", "def def title"))
            onto.expect_exact("the functions cannot be loaded: functions/main.py, line")
        assert run("set", "towns/oslo", 'name="New"', cwd=folder, environ=environ).code == 0
        eventually(lambda: _has_lost_an_event(log), deadline=SECONDS)
        with discovery():
            main.write_text(MAIN)
            onto.expect_exact(
                "changes missed while the functions could not be loaded are rebuilt: "
                "TownView for 1 root\r\n"
            )
        view = run("get", "townViews/oslo", cwd=folder, environ=environ)
        with discovery():
            main.write_text(f"{MAIN}\n")
            onto.expect_exact("functions: on_towns_written")
        onto.sendintr()
        ended = end_of(onto)

    assert json.loads(view.out) == {"title": "New"}
    assert "missed" not in ended.out  # it is made good once


def _has_lost_an_event(log: Path) -> bool:
    return "Failed to handle request for function" in log.read_text()


def test_workers_of_earlier_versions_of_the_functions_are_ended(
    folder: Path, eventually: Callable[..., None]
) -> None:
    environ = clean_environ(folder)
    main = folder / "functions" / "main.py"
    with terminal("dev", cwd=folder, environ=environ, deadline=SECONDS) as onto:
        onto.expect_exact("firestore.rules: written")
        for edit in range(3):
            assert run("set", "towns/oslo", f'name="{edit}"', cwd=folder, environ=environ).code == 0
            onto.expect_exact("towns/oslo -> TownView of towns/oslo  committed")
            served = _workers(onto.pid)
            with discovery():
                main.write_text(MAIN + "\n" * (edit + 1))
                onto.expect_exact("functions: on_towns_written")
            eventually(lambda old=served: not set(old) & set(_workers(onto.pid)), deadline=SECONDS)
        assert run("set", "towns/oslo", 'name="X"', cwd=folder, environ=environ).code == 0
        onto.expect_exact("towns/oslo -> TownView of towns/oslo  committed")
        eventually(lambda: len(_workers(onto.pid)) == len(served), deadline=SECONDS)
        onto.sendintr()
        assert end_of(onto).code == 0


def _workers(pid: int) -> list[int]:
    """The processes of functions below a process, the shells that start them left out."""
    found: list[int] = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            words = process.cmdline()
            if len(words) > 1 and words[1].endswith("functions-framework"):
                found.append(process.pid)
    return found


def test_the_api_its_streams_and_its_page_are_at_the_addresses_that_are_shown(folder: Path) -> None:
    main = folder / "functions" / "main.py"
    declared = MAIN.replace("from onto_fn", "from onto_fn.access import public\nfrom onto_fn", 1)
    declared = declared.replace('{town_id}"', '{town_id}", read=public()').replace(
        "(TownView)]", "(TownView)], api=Api(views=[TownView], streams=Streams())"
    )
    main.write_text("from onto_fn.api import Api, Streams\n" + declared)

    with terminal(
        "dev", "--seed", "seed.json", cwd=folder, environ=clean_environ(folder), deadline=SECONDS
    ) as onto:
        onto.expect(r"\nonto_api +(http://127\.0\.0\.1:\d+/\S+/us-central1/onto_api)\r")
        address = onto.match.group(1)
        onto.expect(r"\nonto_stream +(http://127\.0\.0\.1:\d+/\S+/us-central1/onto_stream)\r")
        stream = onto.match.group(1)
        onto.expect(r"API at (\S+), streams at (\S+), documented at (\S+)\r")
        told, told_stream, docs = onto.match.groups()
        onto.expect_exact("towns/oslo -> TownView of towns/oslo  committed")
        view = requests.get(f"{told}/townViews/oslo", timeout=SECONDS)
        page = requests.get(docs, timeout=SECONDS)
        events = {"Accept": "text/event-stream"}
        with requests.get(
            f"{told_stream}/townViews/oslo", headers=events, stream=True, timeout=SECONDS
        ) as streamed:
            media_type = streamed.headers["Content-Type"]
        onto.sendintr()
        assert end_of(onto).code == 0

    assert (told, told_stream) == (address, stream)
    assert media_type.startswith("text/event-stream")
    assert view.json() == {"title": "Oslo"}
    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
