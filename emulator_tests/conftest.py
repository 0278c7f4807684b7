"""Tests on the real emulators: `make test` runs them.

Their fixtures (`emulators`, `firestore_client`, `firestore_emulator`, `engine_client`,
`eventually`) are those that every user of the library has, from onto_fn.testing.plugin.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

RULES = """\
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /{document=**} { allow read, write: if false; }
  }
}
"""


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[[str], Path]:
    """Makes the folder of a Firebase project with this main.py; its packages are the app's."""

    def make(main: str) -> Path:
        functions = tmp_path / "functions"
        functions.mkdir()
        (functions / "main.py").write_text(main)
        (functions / "requirements.txt").touch()
        (functions / "venv").symlink_to(ROOT / "functions" / "venv")
        (tmp_path / "tools").symlink_to(ROOT / "tools")
        (tmp_path / ".venv").symlink_to(ROOT / ".venv")
        (tmp_path / "firestore.rules").write_text(RULES)
        (tmp_path / "firebase.json").write_text(
            json.dumps(
                {
                    "firestore": {"rules": "firestore.rules"},
                    "functions": [{"source": "functions", "runtime": "python311"}],
                }
            )
        )
        return tmp_path

    return make
