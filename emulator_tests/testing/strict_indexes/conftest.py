"""A Firestore emulator that checks its queries, and an index file that tests can change."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client

from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parents[3]
ASCENDING = {"order": "ASCENDING"}
DECLARED = {
    "indexes": [
        {
            "collectionGroup": "cities",
            "queryScope": "COLLECTION",
            "fields": [
                {"fieldPath": "country"} | ASCENDING,
                {"fieldPath": "population"} | ASCENDING,
            ],
        }
    ],
    "fieldOverrides": [{"collectionGroup": "cities", "fieldPath": "motto", "indexes": []}],
}
CITIES = {
    "oslo": {"country": "no", "population": 700, "motto": "a", "tags": ["sea"]},
    "bergen": {"country": "no", "population": 300, "motto": "b", "tags": ["sea", "rain"]},
    "rome": {"country": "it", "population": 2800, "motto": "c", "tags": []},
}


@dataclass(frozen=True)
class Strict:
    """The emulator, and the index file of its project."""

    suite: EmulatorSuite
    file: Path

    def declare(self, content: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Generator[Strict]:
    folder = tmp_path_factory.mktemp("strict")
    (folder / "firebase.json").write_text("{}")
    (folder / "tools").symlink_to(ROOT / "tools")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    file = folder / "firestore.indexes.json"
    file.write_text(json.dumps(DECLARED))
    with EmulatorSuite(folder, only=("firestore",), strict_indexes=True) as suite:
        yield Strict(suite, file)


@pytest.fixture
def client(strict: Strict) -> Generator[Client]:
    """A client on cities."""
    strict.declare(DECLARED)
    strict.suite.clear()
    client = strict.suite.client()
    for name, fields in CITIES.items():
        client.document(f"cities/{name}").set(fields)
    yield client
    client.close()
