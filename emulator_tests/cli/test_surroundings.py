"""Each command, where it cannot work: one clear line, and exit code 2."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from emulator_tests.cli.registry import called, commands, parameters, with_app
from emulator_tests.cli.terminal import TERMINAL, Many, assert_one_line

Refusing = Callable[[grpc.StatusCode], str]


@dataclass(frozen=True)
class Surroundings:
    """A place where a command cannot work.

    Attributes:
        concerns: the option that a command of that concern has.
        says: what the line names: the fault, and what to do.
        options: the words that lead there; `{closed}`, `{denying}` and `{knowing_none}` are
            addresses of no emulator, and of servers that refuse.
    """

    concerns: str
    says: tuple[str, ...]
    options: tuple[str, ...] = ()


CLOSED, DENYING, KNOWING_NONE = "{closed}", "{denying}", "{knowing_none}"
PLACES = {
    "no project": Surroundings("emulator", ("no project is named", "--project")),
    "a project of the emulator without one": Surroundings(
        "emulator", ("demo-towns", "onto dev", "--emulator"), ("--project", "demo-towns")
    ),
    "no credentials": Surroundings(
        "emulator", ("no usable Google credentials", "gcloud auth"), ("--project", "towns-1234")
    ),
    "emulator down": Surroundings(
        "emulator",
        ("no emulator answers at", "onto dev"),
        ("--project", "demo-towns", "--emulator", CLOSED),
    ),
    "no address": Surroundings(
        "emulator", ("'nowhere'", "HOST:PORT"), ("--project", "demo-x", "--emulator", "nowhere")
    ),
    "somebody else's project": Surroundings(
        "emulator",
        ("no permission for the database towns-1234/(default)", "--project"),
        ("--project", "towns-1234", "--emulator", DENYING),
    ),
    "no such database": Surroundings(
        "emulator",
        ("there is no database towns-1234/(default)", "--project or --database"),
        ("--project", "towns-1234", "--emulator", KNOWING_NONE),
    ),
}
APPS = {
    "no app": ("nowhere.py", "there is no nowhere.py"),
    "a broken app": ("broken.py", "broken.py, line 3: TypeError: a cycle among views"),
    "no such app": ("functions/main.py:other", "no App named 'other'"),
}
AT_PLACES = [
    (name, place)
    for name, command in commands().items()
    for place, where in PLACES.items()
    if where.concerns in parameters(command)
]
WITHOUT_APP = [
    (name, fault)
    for name, command in commands().items()
    for fault in APPS
    if "app" in parameters(command)
]


@pytest.fixture(scope="module")
def addresses(refusing: Refusing) -> dict[str, str]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{unused.getsockname()[1]}"
    return {
        CLOSED: closed,
        DENYING: refusing(grpc.StatusCode.PERMISSION_DENIED),
        KNOWING_NONE: refusing(grpc.StatusCode.NOT_FOUND),
    }


@TERMINAL
@pytest.mark.parametrize(("name", "place"), AT_PLACES)
def test_a_command_that_cannot_reach_its_database_says_why_on_one_line(
    name: str,
    place: str,
    in_terminal: bool,
    many: Many,
    project_of_towns: Path,
    towns_environ: dict[str, str],
    addresses: dict[str, str],
) -> None:
    command, where = commands()[name], PLACES[place]
    options = [addresses.get(word, word) for word in where.options]

    ended = many.run(
        *called(name, command),
        *options,
        cwd=project_of_towns,
        environ=towns_environ,
        in_terminal=in_terminal,
    )

    shown = assert_one_line(ended, in_terminal=in_terminal)
    assert [part for part in where.says if part not in shown] == []


@TERMINAL
@pytest.mark.parametrize(("name", "fault"), WITHOUT_APP)
def test_a_command_without_its_app_says_why_on_one_line(
    name: str,
    fault: str,
    in_terminal: bool,
    many: Many,
    project_of_towns: Path,
    towns_environ: dict[str, str],
    refusing: Refusing,
) -> None:
    command, (app, says) = commands()[name], APPS[fault]
    address = refusing(grpc.StatusCode.PERMISSION_DENIED)
    environ = towns_environ | {"GCLOUD_PROJECT": "towns", "FIRESTORE_EMULATOR_HOST": address}

    ended = many.run(
        *with_app(name, command, app),
        cwd=project_of_towns,
        environ=environ,
        in_terminal=in_terminal,
    )

    assert says in assert_one_line(ended, in_terminal=in_terminal)


@TERMINAL
@pytest.mark.parametrize("name", commands())
def test_a_command_that_is_misspelt_says_so_on_one_line(
    name: str, in_terminal: bool, many: Many, project_of_towns: Path, towns_environ: dict[str, str]
) -> None:
    ended = many.run(
        *name.split(),
        "--nothing-like-it",
        cwd=project_of_towns,
        environ=towns_environ,
        in_terminal=in_terminal,
    )

    shown = assert_one_line(ended, in_terminal=in_terminal)
    assert "--nothing-like-it" in shown
    assert f"onto {name} --help" in shown
