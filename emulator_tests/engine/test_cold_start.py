"""What an instance of the meeting room has loaded and written when it has served one event."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from meeting_room.models import User

from emulator_tests.kit.writing import Writer

ROOT = Path(__file__).resolve().parents[2]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

FORBIDDEN = {
    # web frameworks and clients, which functions-framework may load and a function does not
    "aiohttp",
    "fastapi",
    "flask",
    "functions_framework",
    "httpx",
    "starlette",
    "werkzeug",
    # other clients and servers
    "cloudevents",
    "firebase_admin",
    "firebase_functions",
    "google.cloud.pubsub_v1",
    "google.cloud.storage",
    "google.pubsub_v1",
    "graphql",
    "strawberry",
    # the command line's, the tests', the observers'
    "onto_fn.cli",
    "onto_fn.contrib",
    "onto_fn.functions.listener",
    "onto_fn.observability.opentelemetry",
    "onto_fn.testing",
    "opentelemetry.sdk",
    "pytest",
    "rich",
    "typer",
}

INSTANCE = """
import json, sys
import main

imported = sorted(sys.modules)

class Event(dict):
    def get_data(self):
        return None

event = Event(json.loads(sys.argv[1]))
main.on_users_written(event)
print(json.dumps({"imported": imported, "served": sorted(sys.modules)}))
"""


@pytest.fixture
def instance(project: str, writer: Writer) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """The log of an instance that has served one event, and the modules that it had loaded."""
    user = User(doc_id="joshua", first_name="Joshua", last_name="Bell")
    writer.write("users/joshua", user.doc_fields())
    event = {
        "id": "event-1",
        "type": "google.cloud.firestore.document.v1.written",
        "project": project,
        "database": "(default)",
        "document": "users/joshua",
        "traceparent": f"00-{TRACE}-{SPAN}-01",
    }
    environ = {**os.environ, "K_SERVICE": "on-users-written", "GOOGLE_CLOUD_PROJECT": project}
    environ.pop("FUNCTIONS_EMULATOR", None)
    done = subprocess.run(
        [sys.executable, "-c", INSTANCE, json.dumps(event)],
        cwd=ROOT / "functions",
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *logged, modules = done.stdout.splitlines()
    return [json.loads(line) for line in logged], json.loads(modules)


def test_an_instance_loads_what_it_needs_and_logs_what_cloud_logging_understands(
    instance: tuple[list[dict[str, Any]], dict[str, list[str]]], project: str, writer: Writer
) -> None:
    logged, modules = instance

    assert FORBIDDEN & set(modules["imported"]) == set()
    assert FORBIDDEN & set(modules["served"]) == set()
    assert writer.content("users/joshua/UserView/view") is not None
    (line,) = logged
    assert line["severity"] == "INFO"
    assert line["logging.googleapis.com/trace"] == f"projects/{project}/traces/{TRACE}"
    labels = line["logging.googleapis.com/labels"]
    assert float(labels.pop("latency_ms")) > 0
    assert labels == {
        "event_id": "event-1",
        "document": "users/joshua",
        "view": "UserView",
        "root": "users/joshua",
        "attempt": "1",
        "outcome": "committed",
    }
