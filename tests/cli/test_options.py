"""Option groups: options that commands share, declared once."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer.main

from onto_fn.cli.main import add, cli
from onto_fn.cli.options import DatabaseOptions, with_groups
from onto_fn.cli.output import Output

CHOOSING = {"--project", "--database", "--emulator", "--live"}
WITHOUT_DATABASE = {"init", "dev", "graph", "generate"}


def options_of(command: Any) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts]


def test_a_command_that_opens_a_database_has_every_option_that_chooses_it() -> None:
    group: Any = typer.main.get_command(cli)
    commands = {**group.commands, **group.commands["dead-letters"].commands}
    del commands["dead-letters"]

    for name, command in commands.items():
        assert CHOOSING.issubset(options_of(command)) is (name not in WITHOUT_DATABASE), name


def test_a_command_receives_its_groups_as_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    received: list[object] = []

    def show(path: str, *, where: DatabaseOptions, output: Output) -> None:
        """Show."""
        received.extend([path, where, output.as_json])

    group = typer.Typer()
    add(group, show, "show users/ada")
    group(["users/ada", "--project", "demo-a", "--live", "--json"], standalone_mode=False)

    assert received == ["users/ada", DatabaseOptions(project="demo-a", live=True), True]


def test_options_stand_in_the_help_where_their_group_is_declared() -> None:
    def show(path: str, *, where: DatabaseOptions, page: int = 1, output: Output) -> None: ...

    names = list(inspect.signature(with_groups(show)).parameters)

    assert names == ["path", "project", "database", "emulator", "live", "page", "as_json"]


def test_an_option_that_two_groups_have_is_refused() -> None:
    def show(*, output: Output, also: Output) -> None: ...

    with pytest.raises(ValueError, match="as_json"):
        with_groups(show)
