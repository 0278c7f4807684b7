"""`onto dev`: the emulators in the foreground. The functions in it: see test_init.py."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import ONTO, SECONDS, clean_environ, end_of, run, terminal

from onto_fn.testing.config import free_ports
from onto_fn.testing.supervisor import descendants, processes

SEED = """\
def sample(client):
    return {"towns/oslo": {"name": "Oslo"}, "towns/bergen": {"name": "Bergen"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose Firestore emulator has a free port."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "sample_of_towns.py").write_text(SEED)
    config = {"emulators": {"firestore": {"port": free_ports(1)[0]}}}
    (tmp_path / "firebase.json").write_text(json.dumps(config))
    (tmp_path / "seed.json").write_text(
        json.dumps({"towns/oslo": {"name": "Oslo", "country": {"$ref": "countries/no"}}})
    )
    return tmp_path


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    (folder / "home").mkdir()
    return clean_environ(folder / "home")


def test_ctrl_c_stops_the_emulators(
    folder: Path, environ: dict[str, str], eventually: Callable[..., object]
) -> None:
    with terminal("dev", "--seed", "seed.json", cwd=folder, environ=environ) as onto:
        onto.expect_exact("export FIRESTORE_EMULATOR_HOST=")
        onto.expect_exact("1 documents written from seed.json")
        family = descendants(onto.pid)
        onto.sendintr()

        ended = end_of(onto)

    assert (ended.code, ended.out.splitlines()[-1]) == (0, "stopped")
    assert len(family) >= 2
    eventually(lambda: not set(family) & set(processes()))


def test_a_program_reads_json_lines_and_stops_it_by_a_signal(
    folder: Path, environ: dict[str, str]
) -> None:
    command = [ONTO, "dev", "--json", "--seed", "sample_of_towns:sample"]
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as onto:
        assert onto.stdout is not None
        try:
            running = json.loads(onto.stdout.readline())
            seeded = json.loads(onto.stdout.readline())
        finally:
            onto.send_signal(signal.SIGTERM)
        rest, said = onto.communicate(timeout=SECONDS)

    assert list(running["running"]) == ["firestore"]
    assert seeded == {"seeded": 2}
    assert (onto.returncode, rest, said) == (0, "", "")


@pytest.mark.parametrize(
    ("seed", "says"),
    [
        ("nowhere.json", "nowhere.json cannot be read: No such file"),
        ("firebase.json", "'emulators' is not the path of a document"),
    ],
)
def test_seed_that_cannot_be_used_is_one_line(
    seed: str, says: str, folder: Path, environ: dict[str, str]
) -> None:
    ended = run("dev", "--seed", seed, cwd=folder, environ=environ)

    assert ended.code == 2
    assert says in ended.err.splitlines()[-1]


def test_a_folder_without_a_project_is_one_line(tmp_path: Path, environ: dict[str, str]) -> None:
    ended = run("dev", "functions", cwd=tmp_path, environ=environ)

    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "there is no firebase.json in" in ended.err


def test_a_port_in_use_is_one_line(folder: Path, environ: dict[str, str]) -> None:
    import socket

    port = json.loads((folder / "firebase.json").read_text())["emulators"]["firestore"]["port"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()

        ended = run("dev", cwd=folder, environ=environ)

    assert ended.code == 2
    assert "in use" in ended.err.splitlines()[-1]
