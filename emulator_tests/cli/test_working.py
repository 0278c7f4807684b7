"""Commands that need no emulators, and `onto listen`, where all is well; and that none is left out.

`onto init`, `dev` and `explain` have files of their own.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from emulator_tests.cli.registry import DRIVEN, commands
from emulator_tests.cli.terminal import TERMINAL, Many, end_of, terminal
from onto_fn.testing import EmulatorSuite


@pytest.mark.parametrize("name", commands())
def test_every_command_is_driven_in_a_terminal_and_without_one(name: str) -> None:
    assert name in DRIVEN, "say in registry.DRIVEN which file drives it"
    text = (Path(__file__).parent / DRIVEN[name]).read_text()

    assert f'"{name.split()[0]}"' in text
    assert "in_terminal" in text or "terminal(" in text


@TERMINAL
def test_the_graph_is_drawn(
    in_terminal: bool, many: Many, project_of_towns: Path, towns_environ: dict[str, str]
) -> None:
    ended = many.run("graph", cwd=project_of_towns, environ=towns_environ, in_terminal=in_terminal)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("flowchart LR\n")
    assert '"TownView"' in ended.out


@TERMINAL
def test_types_are_generated_and_a_stale_file_is_found(
    in_terminal: bool,
    many: Many,
    project_of_towns: Path,
    towns_environ: dict[str, str],
    tmp_path: Path,
) -> None:
    words = ["generate", "types", "--json", "--types-file", str(tmp_path / "views.ts")]

    stale, written, fresh = (
        many.run(
            *words, *more, cwd=project_of_towns, environ=towns_environ, in_terminal=in_terminal
        )
        for more in (["--check"], [], ["--check"])
    )

    assert [ended.code for ended in (stale, written, fresh)] == [1, 0, 0]
    named = str(tmp_path / "views.ts")
    assert json.loads(written.out) == {"file": named, "state": "written", "remarks": []}
    assert json.loads(fresh.out) == {"file": named, "state": "up to date", "remarks": []}
    assert "export interface TownView" in (tmp_path / "views.ts").read_text()


@TERMINAL
def test_the_doctor_says_what_the_app_lacks(
    in_terminal: bool, many: Many, project_of_towns: Path, towns_environ: dict[str, str]
) -> None:
    ended = many.run("doctor", cwd=project_of_towns, environ=towns_environ, in_terminal=in_terminal)

    assert ended.code == 1
    assert "firestore.indexes.json" in ended.out + ended.err
    assert "onto generate indexes" in ended.out + ended.err


@TERMINAL
def test_the_cost_of_a_change_is_printed(
    in_terminal: bool, many: Many, project_of_towns: Path, towns_environ: dict[str, str]
) -> None:
    ended = many.run("cost", cwd=project_of_towns, environ=towns_environ, in_terminal=in_terminal)

    assert ended.code == 0
    assert "towns" in ended.out


def test_ctrl_c_ends_listening(
    project_of_towns: Path, towns_environ: dict[str, str], firestore_emulator: EmulatorSuite
) -> None:
    project = f"demo-{secrets.token_hex(6)}"
    words = ["listen", "--project", project, "--emulator", firestore_emulator.firestore_host]

    with terminal(*words, cwd=project_of_towns, environ=towns_environ) as onto:
        onto.expect_exact("listening for functions/main.py")
        onto.sendintr()

        assert end_of(onto).code == 0
