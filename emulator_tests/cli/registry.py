"""All commands that are registered, and how each is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from onto_fn.cli.main import cli

# What a command needs on its command line to read a database, by its name. A command that has
# required arguments and no row here fails the tests of the surroundings.
ARGUMENTS: dict[str, list[str]] = {
    "get": ["towns/oslo"],
    "set": ["towns/oslo", 'name="Oslo"'],
    "delete": ["towns/oslo"],
    "explain": ["towns/oslo"],
    "dead-letters show": ["TownView~towns%2Foslo"],
    "doctor": ["--data"],  # without it, they read no database
    "cost": ["--data"],
}

# The file that drives each command in a terminal where all is well.
DRIVEN = {
    "init": "test_init.py",
    "dev": "test_dev.py",
    "get": "test_documents.py",
    "set": "test_documents.py",
    "delete": "test_documents.py",
    "graph": "test_working.py",
    "explain": "test_explain.py",
    "generate": "test_working.py",
    "doctor": "test_working.py",
    "cost": "test_working.py",
    "listen": "test_working.py",
    "serve": "test_serve.py",
    "backfill": "test_operating.py",
    "verify": "test_operating.py",
    "status": "test_operating.py",
    "dead-letters list": "test_operating.py",
    "dead-letters show": "test_operating.py",
    "dead-letters replay": "test_operating.py",
    "dead-letters discard": "test_operating.py",
}


def commands() -> dict[str, Any]:
    """Every command by its full name, such as "dead-letters list"."""
    return dict(_walk(typer.main.get_command(cli), ()))


def _walk(command: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(names), command
        return
    for name, child in command.commands.items():
        yield from _walk(child, (*names, name))


def parameters(command: Any) -> set[str]:
    """The names of a command's options and arguments: `app`, `project`, `emulator`, …"""
    return {parameter.name for parameter in command.params}


def called(name: str, command: Any) -> list[str]:
    """The words of a command line that calls a command with what it requires."""
    required = [p.name for p in command.params if p.required]
    assert not required or name in ARGUMENTS, (
        f"`onto {name}` requires {', '.join(required)}: give it a row in {__name__}.ARGUMENTS"
    )
    return [*name.split(), *ARGUMENTS.get(name, [])]


def with_app(name: str, command: Any, app: str) -> list[str]:
    """The words that call a command for another app."""
    (parameter,) = [p for p in command.params if p.name == "app"]
    option = ["--app", app] if parameter.param_type_name == "option" else [app]
    return [*called(name, command), *option]
