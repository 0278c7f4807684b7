"""`onto dev`: the emulators in the foreground. The functions in it: see test_init.py."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator_tests.cli.terminal import (
    ONTO,
    SECONDS,
    TERMINAL,
    Many,
    assert_one_line,
    clean_environ,
    end_of,
    last_line,
    terminal,
)
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.emulators.supervisor import descendants, lives

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
    (tmp_path / "odd.json").write_text(json.dumps({"towns/oslo": {"at": {"$when": "now"}}}))
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
        onto.expect_exact("1 document written from seed.json")
        family = descendants(onto.pid)
        onto.sendintr()

        ended = end_of(onto)

    assert ended.code == 0
    assert ended.out.endswith("stopped\n")
    assert len(family) >= 2
    eventually(lambda: not any(map(lives, family)))


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
            onto.send_signal(signal.SIGTERM)
            rest, said = onto.communicate(timeout=SECONDS)
        finally:
            onto.kill()

    assert list(running["running"]) == ["firestore"]
    assert running["environ"]["FIRESTORE_EMULATOR_HOST"] == running["running"]["firestore"]
    assert seeded == {"seeded": 2}
    assert (onto.returncode, rest, said) == (0, "", "")


@pytest.fixture
def without_firebase(folder: Path) -> None:
    """The project needs an emulator that only firebase-tools has."""
    config = json.loads((folder / "firebase.json").read_text())
    config["emulators"]["auth"] = {"port": free_ports(1)[0]}
    (folder / "firebase.json").write_text(json.dumps(config))


@TERMINAL
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["functions"], "there is no firebase.json in"),
        (["--seed", "nowhere.json"], "nowhere.json cannot be read: No such file"),
        (["--seed", "firebase.json"], "'emulators' is not the path of a document"),
        (["--seed", "odd.json"], "odd.json, towns/oslo, field at: "),
        (["--project", "towns-1234"], "as the real project towns-1234"),
        (["--import", "functions"], "functions is not an emulator export"),
        (["--export-on-exit", "functions"], "functions contains files that are not an export"),
    ],
)
def test_what_cannot_be_run_is_one_line(
    words: list[str],
    says: str,
    in_terminal: bool,
    folder: Path,
    environ: dict[str, str],
    many: Many,
) -> None:
    ended = many.run("dev", *words, cwd=folder, environ=environ, in_terminal=in_terminal)

    assert says in assert_one_line(ended, in_terminal=in_terminal)


@TERMINAL
def test_a_port_in_use_is_one_line(
    in_terminal: bool, folder: Path, environ: dict[str, str], many: Many
) -> None:
    port = json.loads((folder / "firebase.json").read_text())["emulators"]["firestore"]["port"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()

        ended = many.run("dev", cwd=folder, environ=environ, in_terminal=in_terminal)

    says = f"port {port} of the firestore emulator is in use"
    assert says in assert_one_line(ended, in_terminal=in_terminal)


@TERMINAL
@pytest.mark.usefixtures("without_firebase")
def test_missing_firebase_tools_are_one_line(
    in_terminal: bool, folder: Path, environ: dict[str, str], many: Many
) -> None:
    nowhere = environ | {"ONTO_FN_FIREBASE": str(folder / "firebase")}

    ended = many.run("dev", cwd=folder, environ=nowhere, in_terminal=in_terminal)

    assert "which does not exist" in last_line(ended, in_terminal=in_terminal)
