"""The example `examples/stream` on the emulators, in a real browser: four ways, one document."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from meeting_room.sample import sources

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.toolchain import find_node
from onto_fn.testing.eventually import Eventually

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "stream"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
OTHERS = "Thomasina Manes, Tijuana Furlong"
COLD_START = 60.0  # seconds: the first of all functions may still have to be compiled


@pytest.fixture(scope="module")
def suite(
    tmp_path_factory: pytest.TempPathFactory, project_folder: Callable[[Path, str], Path]
) -> Generator[EmulatorSuite]:
    source = (EXAMPLE / "functions" / "main.py").read_text()
    folder = project_folder(tmp_path_factory.mktemp("stream"), source)
    (folder / "functions" / "meeting_room").symlink_to(ROOT / "functions" / "meeting_room")
    shutil.copy(EXAMPLE / "firestore.rules", folder / "firestore.rules")
    with EmulatorSuite(folder, only=("auth", "firestore", "functions")) as running:
        yield running


@contextmanager
def page(suite: EmulatorSuite, folder: Path) -> Generator[str]:
    """The address of the page, served as `make web` serves it."""
    spec = importlib.util.spec_from_file_location("web", ROOT / "scripts" / "web.py")
    assert spec is not None
    assert spec.loader is not None
    web = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(web)
    emulators = {name: {"port": port} for name, port in suite.ports.items()}
    (folder / "firebase.json").write_text(json.dumps({"emulators": emulators}))
    (folder / ".firebaserc").write_text(json.dumps({"projects": {"default": suite.project_id}}))
    with web.server(0, folder=EXAMPLE / "web", project=folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def shown(browser: subprocess.Popen[str]) -> Any:
    """What the panels show, once all of them show the next change."""
    assert browser.stdout is not None
    assert browser.stderr is not None
    line = browser.stdout.readline()
    assert line, browser.stderr.read()
    return json.loads(line)


def the_same(text: str) -> dict[str, str]:
    return dict.fromkeys(("listener", "events", "callable", "graphql"), text)


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH")
def test_listener_events_callable_stream_and_subscription_show_the_same_at_each_change(
    suite: EmulatorSuite, eventually: Eventually, tmp_path: Path
) -> None:
    client = suite.client()
    for path, fields in sources(client).items():
        client.document(path).set(fields)
    view: Any = client.document("users/tijuana/MeetingSession/meeting_1")
    eventually(lambda: len(view.get().get("attending") or ()) == 3, deadline=COLD_START)
    with page(suite, tmp_path) as address:
        words = [ROOT / "web" / "package.json", str(BROWSER), address]
        browser = subprocess.Popen(
            [find_node(ROOT), Path(__file__).parent / "stream.mjs", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            for state in ("in session", "closed"):  # the page closes the meeting itself
                assert shown(browser) == the_same(f"{state}: Joshua Pendergrast, {OTHERS}")
            client.document("users/joshua").update({"firstName": "Josh"})
            assert shown(browser) == the_same(f"closed: Josh Pendergrast, {OTHERS}")
        finally:
            browser.kill()
            browser.communicate()
    assert client.document("meetings/meeting_1").get().get("status") == "closed"


def test_the_example_has_the_rules_of_what_it_declares() -> None:
    done = subprocess.run(
        [
            *(ROOT / ".venv" / "bin" / "onto", "generate", "--check", "--folder", EXAMPLE),
            *("--app", EXAMPLE / "functions" / "main.py"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
