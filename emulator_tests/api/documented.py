"""The served app of apps/documented.py: on the Firestore and Auth emulators, in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from emulator_tests.api.serve import ITEMS, OWNER
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.eventually import eventually
from onto_fn.testing.users import sign_in

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    """An API that is running.

    Attributes:
        url: its address, without a slash at the end.
        token: the ID token of a user who may do everything.
    """

    url: str
    token: str


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """The app, with a document of each view."""
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("served") / "server.log"
    with EmulatorSuite(ROOT, only=("auth", "firestore")) as suite, log.open("w") as output:
        user = sign_in(suite, OWNER, {"admin": True, "level": 3})
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator_tests.api.serve", str(port)],
            cwd=ROOT,
            env={**os.environ, **suite.environ()},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            running = Served(f"http://127.0.0.1:{port}", str(user.token))
            eventually(lambda: process.poll() is not None or _shows_all(running), deadline=60)
            assert process.poll() is None, log.read_text()
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _shows_all(running: Served) -> bool:
    try:
        found = httpx.get(f"{running.url}/cards", timeout=30)
    except httpx.TransportError:
        return False
    return found.status_code == 200 and len(found.json()["items"]) == len(ITEMS)
