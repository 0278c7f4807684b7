"""Which database a command works on, beside an `onto dev` that runs: the same for every command."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from emulator_tests.cli.registry import called, commands, parameters
from emulator_tests.cli.terminal import Many, clean_environ
from emulator_tests.cli.towns import Towns
from onto_fn.cli.running import Running, announced

ON_A_DATABASE = [name for name, command in commands().items() if "live" in parameters(command)]
RUNNING = {"listen", "serve"}  # until they are stopped
WRITING = {
    "set": [],
    "delete": [],
    "listen": [],
    "backfill": ["--all"],
    "verify": ["--repair"],
    "dead-letters replay": ["--all"],
    "dead-letters discard": ["--all"],
}


@pytest.fixture
def folder(towns: Towns, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The towns' project: a real id in `.firebaserc`, and the emulator's port in firebase.json."""
    folder = tmp_path_factory.mktemp("chosen")
    (folder / "functions").symlink_to(towns.folder / "functions")
    host, _, port = towns.environ["FIRESTORE_EMULATOR_HOST"].partition(":")
    config = {"emulators": {"firestore": {"host": host, "port": int(port)}}}
    (folder / "firebase.json").write_text(json.dumps(config))
    name = towns.database.project.removeprefix("demo-")
    (folder / ".firebaserc").write_text(json.dumps({"projects": {"default": name}}))
    return folder


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    """No variable leads to the emulator."""
    return clean_environ(folder)


def test_every_command_that_takes_an_emulator_takes_live() -> None:
    with_emulator = [n for n, command in commands().items() if "emulator" in parameters(command)]

    assert with_emulator == ON_A_DATABASE
    assert set(WRITING) <= set(ON_A_DATABASE)


@pytest.mark.parametrize("name", [name for name in ON_A_DATABASE if name not in RUNNING])
@pytest.mark.parametrize("variable", [False, True], ids=["without variable", "with variable"])
def test_every_command_works_on_the_emulator_that_runs_as_onto_dev_does(
    name: str, variable: bool, folder: Path, environ: dict[str, str], towns: Towns, many: Many
) -> None:
    if variable:  # alone: without the project
        environ["FIRESTORE_EMULATOR_HOST"] = towns.environ["FIRESTORE_EMULATOR_HOST"]
    words = [*called(name, commands()[name]), *WRITING.get(name, []), "--yes"]
    words = words if "yes" in parameters(commands()[name]) else words[:-1]

    ended = many.run(*words, cwd=folder, environ=environ, in_terminal=False)

    assert ended.code in (0, 1), ended  # 1: no dead letter of that name
    said = f"in the emulator at {towns.environ['FIRESTORE_EMULATOR_HOST']}; pass --live"
    assert (said in ended.err) is not variable, ended


@pytest.mark.parametrize("variable", [False, True], ids=["without variable", "with variable"])
def test_explain_status_and_verify_see_what_the_functions_have_built(
    variable: bool, folder: Path, environ: dict[str, str], towns: Towns, many: Many
) -> None:
    if variable:
        environ["FIRESTORE_EMULATOR_HOST"] = towns.environ["FIRESTORE_EMULATOR_HOST"]
    explained = many.run("explain", "towns/oslo", cwd=folder, environ=environ, in_terminal=False)
    status = many.run("status", "--json", cwd=folder, environ=environ, in_terminal=False)
    verified = many.run("verify", "--json", cwd=folder, environ=environ, in_terminal=False)

    assert explained.code == 0
    assert "TownView" in explained.out
    assert [row["roots"] for row in status.records] == [1]
    assert verified.records[-1]["roots"] == 1


@pytest.mark.parametrize("name", WRITING)
def test_what_would_change_a_real_database_while_an_emulator_runs_has_to_say_live(
    name: str, folder: Path, environ: dict[str, str], many: Many
) -> None:
    yes = ["--yes"] if "yes" in parameters(commands()[name]) else []
    words = [*called(name, commands()[name]), *WRITING[name], *yes, "--project", "towns-1234"]

    asked = many.run(*words, cwd=folder, environ=environ, in_terminal=False)
    live = many.run(*words, "--live", cwd=folder, environ=environ, in_terminal=False)

    assert asked.code == live.code == 2
    assert "this would change the real project towns-1234" in asked.err
    assert "pass --live" in asked.err
    assert "no usable Google credentials" in live.err  # it went on to Google


@pytest.mark.parametrize("name", ["get", "status"])
def test_live_is_the_real_database_although_an_emulator_runs(
    name: str, folder: Path, environ: dict[str, str], many: Many
) -> None:
    words = called(name, commands()[name])

    ended = many.run(*words, "--live", cwd=folder, environ=environ, in_terminal=False)

    assert (ended.code, "no usable Google credentials" in ended.err) == (2, True), ended


def test_live_and_an_emulator_exclude_each_other(folder: Path, towns: Towns, many: Many) -> None:
    ended = many.run("status", "--live", cwd=folder, environ=towns.environ, in_terminal=False)

    assert ended.code == 2
    assert "--live selects the real Firestore, but" in ended.err


@pytest.fixture
def elsewhere(towns: Towns) -> Generator[Running]:
    """An `onto dev` of another folder, on the port that this one's firebase.json has as well."""
    address = towns.environ["FIRESTORE_EMULATOR_HOST"]
    running = Running("/somewhere/else", "demo-else", {"firestore": address}, os.getpid())
    with announced(running):
        yield running


@pytest.mark.usefixtures("elsewhere")
def test_the_emulator_of_another_folder_is_not_taken_for_this_ones(
    folder: Path, environ: dict[str, str], many: Many
) -> None:
    real = many.run("get", "towns/oslo", cwd=folder, environ=environ, in_terminal=False)
    (folder / ".firebaserc").write_text('{"projects": {"default": "demo-towns"}}')
    demo = many.run("get", "towns/oslo", cwd=folder, environ=environ, in_terminal=False)

    assert "no usable Google credentials" in real.err
    assert "belongs to /somewhere/else" in demo.err


def test_an_onto_dev_is_found_where_firebase_json_names_no_port(
    folder: Path, environ: dict[str, str], towns: Towns, many: Many
) -> None:
    address = towns.environ["FIRESTORE_EMULATOR_HOST"]
    (folder / "firebase.json").write_text("{}")
    running = Running(str(folder.resolve()), towns.database.project, {"firestore": address})
    with announced(running):
        ended = many.run("get", "towns/oslo", cwd=folder, environ=environ, in_terminal=False)
        named = many.run(
            "get",
            "towns/oslo",
            cwd=folder.parent,
            environ=environ | {"FIRESTORE_EMULATOR_HOST": address},
            in_terminal=False,
        )
    gone = many.run("get", "towns/oslo", cwd=folder, environ=environ, in_terminal=False)

    assert json.loads(ended.out) == json.loads(named.out) == {"name": "Oslo"}
    assert gone.code == 2
