"""The end of an instance, as a deployment runs it: streams are told, and do not hold it up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
import requests

from emulator_tests.kit.served import Sent, streaming
from emulator_tests.kit.writing import Writer
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.eventually import Eventually

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "benchmarks" / "apps" / "streaming"
PATIENCE = 8.0  # the platform kills an instance ten seconds after SIGTERM


COMMANDS = {
    "function": ("functions-framework", "--target", "onto_api", "--host", "127.0.0.1"),
    "container": ("onto", "serve", "main:app"),
}


@pytest.fixture(params=COMMANDS)
def instance(
    project: str,
    firestore_emulator: EmulatorSuite,
    eventually: Eventually,
    request: pytest.FixtureRequest,
) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """An instance of functions-framework, or of `onto serve`, and its address."""
    (port,) = free_ports(1)
    name, *options = COMMANDS[request.param]
    command = [Path(sys.executable).parent / name, *options]
    environ = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": firestore_emulator.firestore_host,
        "FUNCTION_TARGET": "onto_api",
        "GOOGLE_CLOUD_PROJECT": project,
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen([*command, "--port", str(port)], cwd=APP, env=environ)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _status(f"{address}/openapi.json") == 200, deadline=60)
        yield process, address
    finally:
        process.kill()
        process.wait()


def _status(address: str) -> int | None:
    try:
        return requests.get(address, timeout=5).status_code
    except requests.ConnectionError:
        return None


def test_a_stream_is_told_that_the_instance_ends_and_does_not_hold_it_up(
    instance: tuple[subprocess.Popen[bytes], str], writer: Writer
) -> None:
    process, address = instance
    writer.write("scorePages/s", {"number": 1})
    with streaming(f"{address}/scorePages/s") as stream:
        assert stream.next().data == {"number": 1}

        process.send_signal(signal.SIGTERM)
        started = time.monotonic()

        assert stream.next() == Sent("bye", {"reason": "the server ends"})
        process.wait(PATIENCE)
    assert time.monotonic() - started < PATIENCE
