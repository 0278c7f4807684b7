"""The backfill as an Apache Beam pipeline, on Beam's DirectRunner, in an environment of its own."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest
from google.cloud.firestore import Client

from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "requirements" / "beam.txt"
HOME = ROOT / ".tools" / "beam"
UV = ROOT / ".venv" / "bin" / "uv"

APP = """\
from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, root


class Town(DomainModel, collection="towns"):
    name: str
    country: str


class TownStore(Store):
    town = root(Town)


class TownView(ViewModel[TownStore], path="townViews/{id}"):
    @property
    def title(self) -> str:
        return self.store.town.name.upper()


app = App([ViewMediator(TownView)])
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with Beam; made where there is none with these pins."""
    python, made = HOME / "bin" / "python", HOME / "made-from"
    pins = blake2b(PINS.read_bytes()).hexdigest()
    if not made.exists() or made.read_text() != pins:
        install = [UV, "pip", "install", "--quiet", "--python", python]
        subprocess.run([UV, "venv", "--quiet", "--clear", "--python", "3.11", HOME], check=True)
        subprocess.run([*install, "-r", PINS], check=True)
        made.write_text(pins)
    return python


@pytest.fixture
def run(python: Path, client: Client, firestore_emulator: EmulatorSuite, tmp_path: Path) -> Run:
    (tmp_path / "main.py").write_text(APP)
    environ = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "FIRESTORE_EMULATOR_HOST": firestore_emulator.firestore_host,
    }

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [
            python,
            "-m",
            "onto_fn.contrib.beam",
            "--app",
            "main.py",
            "--project",
            client.project,
        ]
        return subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def client(firestore_emulator: EmulatorSuite) -> Client:
    return firestore_emulator.client(project_id=f"demo-{secrets.token_hex(6)}")


def test_a_pipeline_builds_what_is_there_and_nothing_twice(run: Run, client: Client) -> None:
    batch = client.batch()
    for number in range(40):
        town = {"name": f"Town {number}", "country": "NO"}
        batch.set(client.document(f"towns/t{number:02}"), town)
    batch.set(client.document("towns/unnamed"), {"country": "NO"})
    batch.commit()

    first = run("--view", "TownView", "--page", "7", "--parts", "3", "--runner=DirectRunner")
    again = run("--page", "7")

    done = {"target": "TownView", "done": 41, "committed": 40, "failed": 1}
    assert (first.returncode, json.loads(first.stdout)) == (1, done), first.stderr
    assert (again.returncode, json.loads(again.stdout)["committed"]) == (1, 0), again.stderr
    views = {view.id: view.to_dict() for view in client.collection("townViews").stream()}
    assert views == {f"t{number:02}": {"title": f"TOWN {number}"} for number in range(40)}
    (letter,) = client.collection("onto_dead_letters").stream()
    assert letter.get("root") == "towns/unnamed"


def test_what_there_is_not_is_one_line(run: Run) -> None:
    ended = run("--view", "Towns")

    assert ended.returncode == 2
    assert ended.stderr.startswith("onto_fn.contrib.beam: ")
    assert "'Towns'" in ended.stderr
    assert ended.stderr.count("\n") == 1
