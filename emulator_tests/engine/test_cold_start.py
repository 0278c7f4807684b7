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

from emulator_tests.kit.instances import write_functions
from emulator_tests.kit.writing import Writer

ROOT = Path(__file__).resolve().parents[2]
MEETING_ROOM = ROOT / "functions"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

FORBIDDEN = {
    # web frameworks and clients, which functions-framework may load and a function does not
    "aiohttp",
    "fastapi",
    "flask",
    "functions_framework",
    "functions_framework.aio",
    "h11",
    "httpx",
    "starlette",
    "uvicorn",
    "werkzeug",
    # what only `onto_api` and `onto serve` need, where the app has an API
    "onto_fn.api.application",
    "onto_fn.api.rest",
    "onto_fn.api.serving",
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
def with_api(tmp_path: Path) -> Path:
    """The functions of an app that has the meeting room too, and offers it over HTTP."""
    write_functions(tmp_path)
    return tmp_path


Served = tuple[list[dict[str, Any]], dict[str, list[str]]]


def served(folder: Path, project: str, writer: Writer) -> Served:
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
    environ["FUNCTION_TARGET"] = "on_users_written"
    done = subprocess.run(
        [sys.executable, "-c", INSTANCE, json.dumps(event)],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *logged, modules = done.stdout.splitlines()
    return [json.loads(line) for line in logged], json.loads(modules)


def test_an_instance_loads_nothing_of_the_api_that_the_app_has(
    with_api: Path, project: str, writer: Writer
) -> None:
    _, modules = served(with_api, project, writer)

    assert "onto_fn.api.declared" in modules["imported"]
    assert FORBIDDEN & set(modules["imported"]) == set()
    assert FORBIDDEN & set(modules["served"]) == set()
    assert writer.content("users/joshua/UserView/view") is not None


def test_an_instance_loads_what_it_needs_and_logs_what_cloud_logging_understands(
    project: str, writer: Writer
) -> None:
    logged, modules = served(MEETING_ROOM, project, writer)

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
