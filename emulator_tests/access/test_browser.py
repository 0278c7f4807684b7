"""The page of web/ in a real browser, where there is one: a live view, a patch, and a denial."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pytest
from google.cloud.firestore import Client
from meeting_room.sample import sources

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually
from onto_fn.testing.toolchain import find_node

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Generator[str]:
    """Where the page is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(WEB)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_the_page_loads_the_sdk_that_is_installed() -> None:
    version = json.loads((WEB / "package.json").read_text())["dependencies"]["firebase"]

    assert f"firebasejs/{version}/firebase-app.js" in (WEB / "index.html").read_text()


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH")
def test_a_browser_shows_ones_own_view_live_and_not_anothers(
    emulators: EmulatorSuite, firestore_client: Client, address: str, eventually: Eventually
) -> None:
    for path, fields in sources(firestore_client).items():
        firestore_client.document(path).set(fields)
    view = firestore_client.document("users/tijuana/MeetingSession/meeting_1")
    eventually(lambda: len(view.get().get("attending") or ()) == 3)
    query = urlencode(
        {
            "project": emulators.project_id,
            "firestore": emulators.firestore_host,
            "auth": emulators.auth_host,
        }
    )
    script = Path(__file__).parent / "guards" / "browser.mjs"

    done = subprocess.run(
        [find_node(ROOT), script, WEB / "package.json", str(BROWSER), f"{address}?{query}"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "attending": "Joshua Pendergrast, Thomasina Manes, Tijuana Furlong",
        "denied": "tijuana: permission-denied",
        "sessions": 0,
    }
    assert firestore_client.document("meetings/meeting_1").get().get("status") == "closed"
