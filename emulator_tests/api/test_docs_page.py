"""The page at /docs in a real browser, where there is one: all of it, and no complaint."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from emulator_tests.api.documented import ROOT, Served
from onto_fn.testing.emulators.toolchain import find_node

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH")
def test_a_browser_shows_every_operation_by_day_and_by_night_and_complains_of_nothing(
    served: Served,
) -> None:
    script = Path(__file__).with_name("docs.mjs")
    address = f"{served.url}/docs"
    done = subprocess.run(
        [find_node(ROOT), script, ROOT / "web" / "package.json", str(BROWSER), address],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    expected = [
        f"{method.upper()} {path}"
        for path, item in paths.items()
        for method in ("get", "head", "put")
        if method in item
    ]

    backgrounds: set[str] = set()
    for shown in json.loads(done.stdout).values():
        assert shown["status"] == 200
        assert shown["complaints"] == []
        assert shown["requests"] == [address], "it needs nothing else"
        assert [one for one in expected if one not in shown["operations"]] == []
        assert shown["landmarks"] == 3
        assert not shown["overflows"]
        assert shown["address"].startswith("#operation-")
        backgrounds.add(shown["background"])
    assert len(backgrounds) == 2


def test_the_page_and_the_document_are_sent_once(served: Served) -> None:
    for path in ("docs", "openapi.json"):
        first = httpx.get(f"{served.url}/{path}")
        assert first.status_code == 200
        again = httpx.get(f"{served.url}/{path}", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    policy = httpx.get(f"{served.url}/docs").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
