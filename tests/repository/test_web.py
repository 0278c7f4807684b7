"""The page of web/: it finds the emulators, and says so if it cannot."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import threading
import urllib.request
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

import pytest

from onto_fn.testing.emulators.toolchain import find_node

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def web() -> ModuleType:
    spec = importlib.util.spec_from_file_location("web", ROOT / "scripts" / "web.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def address(web: ModuleType, tmp_path: Path) -> Generator[str]:
    """Where the page is served for a project whose Firestore emulator has an unusual port."""
    config = '{"emulators": {"firestore": {"port": 42180}, "auth": {"port": 9099}}}'
    (tmp_path / "firebase.json").write_text(config)
    with web.server(0, project=tmp_path) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_the_page_is_led_to_the_ports_of_firebase_json(address: str) -> None:
    with urllib.request.urlopen(f"http://{address}/") as page:
        assert page.url == f"http://{address}/?firestore=127.0.0.1:42180"
        assert b'rel="icon"' in page.read()


def test_usual_ports_need_no_word(web: ModuleType) -> None:
    assert web.query_of({"firestore": 8080, "auth": 9099}) == ""
    assert web.query_of({}) == ""


def test_the_page_is_led_to_the_project_that_the_emulators_run_as(
    web: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / ".firebaserc").write_text('{"projects": {"default": "town-hall"}}')
    with web.server(0, project=tmp_path) as serving:
        assert serving.RequestHandlerClass.keywords["query"] == "?project=demo-town-hall"


def test_the_page_names_the_emulators_that_do_not_answer(address: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{unused.getsockname()[1]}"
    script = (
        "globalThis.location = { pathname: '/' };"
        f"const {{ silent, complaint }} = await import({(ROOT / 'web' / 'reach.js').as_uri()!r});"
        f"const at = {{ Firestore: {closed!r}, Auth: {address!r} }};"
        "const names = await silent(at);"
        "console.log(JSON.stringify(names), complaint(names, at));"
    )
    command = [str(find_node(ROOT)), "--input-type=module", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.startswith(
        f'["Firestore"] Cannot reach the Firestore emulator at {closed}: start it with'
    )
    assert "?firestore=HOST:PORT&auth=HOST:PORT" in done.stdout
