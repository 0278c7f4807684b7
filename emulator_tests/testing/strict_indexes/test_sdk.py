"""The Firebase JS SDK on an emulator that checks its queries.

In Node it speaks gRPC, its "lite" part REST, and in a browser a stream over HTTP (WebChannel).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client

from emulator_tests.testing.strict_indexes.conftest import Strict
from onto_fn.testing.emulators.toolchain import find_node

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "web"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
REFUSED = "The query requires an index. You can create it here: https://console.firebase.google.com"
EXEMPT = "The query requires a COLLECTION_ASC index for collection cities and field motto"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def page() -> Generator[str]:
    """The address of a page that finds the SDK."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(WEB))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()


def outcomes(strict: Strict, kind: str, *browser: str) -> dict[str, Any]:
    host, _, port = strict.suite.firestore_host.rpartition(":")
    script = Path(__file__).parent / "sdk.mjs"
    words = [kind, host, port, strict.suite.project_id, *browser]
    done = subprocess.run(
        [find_node(ROOT), script, WEB / "package.json", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_refused(found: dict[str, str], message: str) -> None:
    assert found.get("code") == "failed-precondition", found
    assert message in found["message"]


def assert_listens(found: dict[str, Any]) -> None:
    assert_refused(found["first"], REFUSED)
    assert_refused(found["later"], EXEMPT)
    assert_refused(found["again"], REFUSED)
    assert found["states"] == [["bergen", "oslo"], ["bergen", "røros 🚂", "oslo"]]
    assert found["other"] == {"value": ["rome"]}


def assert_gets(found: dict[str, Any]) -> None:
    assert found["get"]["value"][:1] == ["bergen"]
    assert_refused(found["getRefused"], REFUSED)
    assert found["sum"] is True
    assert_refused(found["sumRefused"], REFUSED)


def test_the_sdk_of_a_server(strict: Strict, client: Client) -> None:
    found = outcomes(strict, "full")

    assert_listens(found)
    assert_gets(found)


def test_the_lite_sdk(strict: Strict, client: Client) -> None:
    assert_gets(outcomes(strict, "lite"))


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH")
def test_the_sdk_of_a_browser(strict: Strict, client: Client, page: str) -> None:
    found = outcomes(strict, "full", str(BROWSER), page)

    assert_listens(found)
    assert_gets(found)
