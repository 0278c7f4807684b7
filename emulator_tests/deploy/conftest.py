"""The real `firebase deploy`, recorded, and what it uploads, run as the build would run it.

| fixture | gives |
|---|---|
| `first` | the first deploy of the meeting room, in which the build of one function fails |
| `later` | two more: a source collection has been renamed, and nothing has changed |
| `estate` | the deploy of a project with several codebases, databases, parameters and secrets |
| `workspace` | the archive of `first`, unpacked, its requirements in a virtual environment |

Each deploy takes place once in a session. The one of `estate` begins with the first of the others
and goes on beside them, as it has to wait for a quota.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator_tests.deploy.deployed import (
    BUILD_FAILURE,
    DEBRIS,
    ESTATE_SETTINGS,
    FAILING,
    PROJECT,
    ROOT,
    Estate,
    Later,
    Workspace,
    archive_of,
)
from emulator_tests.deploy.standin import Deployment, FirebaseDeploy, GoogleProject, StandIn

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def meeting_room(
    tmp_path_factory: pytest.TempPathFactory, estate_deploying: Future[Estate]
) -> Generator[FirebaseDeploy]:
    """The repository as a fresh clone has it, with debris in `functions/`."""
    folder, home = tmp_path_factory.mktemp("meeting-room"), tmp_path_factory.mktemp("home")
    made = shutil.ignore_patterns("venv", "vendor", "__pycache__")
    for name in ("functions", "onto_fn", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=made)
    for name in ("firebase.json", "firestore.rules", "firestore.indexes.json"):
        shutil.copy(ROOT / name, folder)
    for name in ("pyproject.toml", "README.md", "LICENSE"):  # of the wheel
        shutil.copy(ROOT / name, folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for name, content in DEBRIS.items():
        path = folder / "functions" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (folder / "functions" / "venv").symlink_to(ROOT / "functions" / "venv")
    project = GoogleProject(PROJECT, failing={FAILING: BUILD_FAILURE})
    with StandIn(project, home) as stand_in:
        yield FirebaseDeploy(ROOT, folder, home, stand_in)


@pytest.fixture(scope="session")
def first(meeting_room: FirebaseDeploy) -> Deployment:
    return meeting_room.run()


@pytest.fixture(scope="session")
def later(meeting_room: FirebaseDeploy, first: Deployment) -> Later:
    models = meeting_room.folder / "functions" / "meeting_room" / "models.py"
    source = models.read_text()
    assert source.count('collection="locations"') == 1
    models.write_text(source.replace('collection="locations"', 'collection="places"'))
    return Later(renamed=meeting_room.run(), unchanged=meeting_room.run())


@pytest.fixture(scope="session")
def estate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project in `estate/`, with the files that are not in version control."""
    folder = tmp_path_factory.mktemp("estate") / "project"
    shutil.copytree(HERE / "estate", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tools").symlink_to(ROOT / "tools")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for codebase in ("sales", "archive"):
        (folder / codebase / "venv").symlink_to(ROOT / "functions" / "venv")
        (folder / codebase / "requirements.txt").touch()
    for name, content in ESTATE_SETTINGS.items():
        (folder / "sales" / name).write_text(content)
    return folder


@pytest.fixture(scope="session")
def estate_deploying(
    estate_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Future[Estate]]:
    """The deploy of `estate_folder` to a project where little is enabled and quota is short."""
    home = tmp_path_factory.mktemp("home")
    project = GoogleProject(
        "demo-estate",
        locations={"(default)": "eur3", "archive": "europe-west1"},
        secrets={"API_KEY": "k", "SIGNING_KEY": "s"},
        exhausted={"on_orders_written"},
    )
    project.enabled -= {"eventarc.googleapis.com", "run.googleapis.com"}

    def deploy() -> Estate:
        return Estate(FirebaseDeploy(ROOT, estate_folder, home, stand_in).run(), project)

    with StandIn(project, home) as stand_in, ThreadPoolExecutor(1, "estate") as pool:
        yield pool.submit(deploy)


@pytest.fixture(scope="session")
def estate(estate_deploying: Future[Estate]) -> Estate:
    return estate_deploying.result()


@pytest.fixture(scope="session")
def archive(first: Deployment) -> zipfile.ZipFile:
    return archive_of(first)


@pytest.fixture(scope="session")
def workspace(archive: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("workspace")
    venv = tmp_path_factory.mktemp("build") / "venv"
    archive.extractall(folder)
    uv = ROOT / ".venv" / "bin" / "uv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, venv], check=True)
    # From the folder, as the requirements name the wheel in it by a relative path.
    install = [uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python"]
    subprocess.run([*install, "-r", "requirements.txt"], cwd=folder, check=True)
    return Workspace(folder, venv)


@pytest.fixture(scope="session")
def specs(first: Deployment) -> dict[str, dict]:
    """The functions that the first deploy created, by id, as they were asked for."""
    created = first.requests.matching("POST", "/functions$", host="cloudfunctions.")
    return {request.query.removeprefix("functionId="): request.body for request in created}
