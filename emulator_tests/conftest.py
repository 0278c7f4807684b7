"""Tests on the real emulators: `make test` runs them.

Their fixtures (`emulators`, `firestore_client`, `firestore_emulator`, `engine_client`,
`eventually`) are those that every user of the library has, from onto_fn.testing.plugin.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator_tests.kit.indexed import record_all, refuse_without_index

__all__ = ["refuse_without_index"]

if TYPE_CHECKING:
    from onto_fn.testing import EmulatorSuite

# Read when grpc is first imported. A fork of a test (a pty's, say) must not touch the channels, and
# grpc's own preparation for forks can hang the parent.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

record_all()

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
APPS = HERE / "apps"

RULES = """\
rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /{document=**} { allow read, write: if false; }
  }
}
"""


def _project_folder(folder: Path, main: str) -> Path:
    functions = folder / "functions"
    functions.mkdir()
    (functions / "main.py").write_text(main)
    (functions / "requirements.txt").touch()
    (functions / "venv").symlink_to(ROOT / "functions" / "venv")
    (folder / "tools").symlink_to(ROOT / "tools")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "firestore.rules").write_text(RULES)
    (folder / "firebase.json").write_text(
        json.dumps(
            {
                "firestore": {"rules": "firestore.rules"},
                "functions": [{"source": "functions", "runtime": "python311"}],
            }
        )
    )
    return folder


@pytest.fixture(scope="session")
def project_folder() -> Callable[[Path, str], Path]:
    """Makes a folder one of a Firebase project with this main.py; its packages are the app's."""
    return _project_folder


@pytest.fixture(scope="session")
def city_emulators(
    tmp_path_factory: pytest.TempPathFactory, project_folder: Callable[[Path, str], Path]
) -> Generator[EmulatorSuite]:
    """The app of apps/city.py under its generated rules; started once in a session."""
    from emulator_tests.apps.city import app
    from onto_fn.generate import rules_text
    from onto_fn.testing import EmulatorSuite

    source = (APPS / "city.py").read_text()
    folder = project_folder(tmp_path_factory.mktemp("city"), source)
    (folder / "firestore.rules").write_text(rules_text(app))
    with EmulatorSuite(folder, only=("auth", "firestore", "functions")) as running:
        yield running


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[[str], Path]:
    """Makes the folder of a Firebase project with this main.py."""
    return lambda main: _project_folder(tmp_path, main)
