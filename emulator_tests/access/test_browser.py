"""The page of web/ in a real browser, where there is one: a live view, a patch, and a denial."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client
from meeting_room.sample import sources

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.emulators.toolchain import find_node
from onto_fn.testing.eventually import Eventually

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
IN_BROWSER = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH")
COLD_START = 60.0  # seconds: the first of all functions may still have to be compiled


class Served:
    """The page, as `make web` serves it, and the answers that were no success."""

    def __init__(self, server: ThreadingHTTPServer, missed: list[str]) -> None:
        self.address = f"http://127.0.0.1:{server.server_port}/"
        self.missed = missed

    def show(self, what: str) -> dict[str, Any]:
        """What a function of guards/browser.mjs sees of the page."""
        script = Path(__file__).parent / "guards" / "browser.mjs"
        done = subprocess.run(
            [find_node(ROOT), script, WEB / "package.json", str(BROWSER), self.address, what],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[[str, dict[str, int]], Served]]:
    """Serves the page for a project of this id, with these ports in its firebase.json."""
    spec = importlib.util.spec_from_file_location("web", ROOT / "scripts" / "web.py")
    assert spec is not None
    assert spec.loader is not None
    web = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(web)
    missed: list[str] = []

    def log(handler: Any, code: int, size: object = "-") -> None:
        if code >= 400:
            missed.append(f"{code} {handler.path}")

    monkeypatch.setattr(web.Page, "log_request", log)
    with ExitStack() as stack:

        def serving(project: str, ports: dict[str, int]) -> Served:
            emulators = {name: {"port": port} for name, port in ports.items()}
            (tmp_path / "firebase.json").write_text(json.dumps({"emulators": emulators}))
            (tmp_path / ".firebaserc").write_text(json.dumps({"projects": {"default": project}}))
            server = stack.enter_context(web.server(0, project=tmp_path))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return Served(server, missed)

        yield serving


def test_the_page_loads_the_sdk_that_is_installed() -> None:
    version = json.loads((WEB / "package.json").read_text())["dependencies"]["firebase"]

    assert f"firebasejs/{version}/firebase-app.js" in (WEB / "index.html").read_text()


@IN_BROWSER
def test_a_browser_shows_ones_own_view_live_and_not_anothers(
    emulators: EmulatorSuite,
    firestore_client: Client,
    serve: Callable[[str, dict[str, int]], Served],
    eventually: Eventually,
) -> None:
    for path, fields in sources(firestore_client).items():
        firestore_client.document(path).set(fields)
    view = firestore_client.document("users/tijuana/MeetingSession/meeting_1")
    eventually(lambda: len(view.get().get("attending") or ()) == 3, deadline=COLD_START)
    page = serve(
        emulators.project_id, {name: emulators.ports[name] for name in ("firestore", "auth")}
    )

    assert page.show("live") == {
        "attending": "Joshua Pendergrast, Thomasina Manes, Tijuana Furlong",
        "denied": "tijuana: permission-denied",
        "sessions": 0,
    }
    assert firestore_client.document("meetings/meeting_1").get().get("status") == "closed"
    assert page.missed == []


@IN_BROWSER
def test_a_page_without_emulators_says_which_do_not_answer_and_what_to_do(
    serve: Callable[[str, dict[str, int]], Served],
) -> None:
    firestore, auth = free_ports(2)
    page = serve("demo-onto-fn", {"firestore": firestore, "auth": auth})

    complaint = page.show("without_emulators")["complaint"]

    assert f"the Firestore emulator at 127.0.0.1:{firestore}" in complaint
    assert f"the Auth emulator at 127.0.0.1:{auth}" in complaint
    assert 'start them with "make emulators"' in complaint
    assert page.missed == []
