"""`onto`: operate an app from a terminal. Needs the extra `onto-fn[cli]`.

Each command is a module. It has an `EXAMPLE`, with which its help ends, and imports heavy modules
only when it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from onto_fn.cli.commands import (
    backfill,
    cost,
    dead_letters,
    dev,
    doctor,
    documents,
    explain,
    generate,
    graph,
    init,
    listen,
    serve,
    status,
    verify,
)
from onto_fn.cli.errors import FOUND, INTERRUPTED, USAGE, CommandError, one_line
from onto_fn.cli.options import with_groups
from onto_fn.errors import OntoError


class _Command(TyperCommand):
    """A command whose help shows flags without `<bool>`, because they take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's parameters, and `--help`."""
        return _flags_without_type(super().get_params(ctx))


class _Group(TyperGroup):
    """A group of commands whose help shows flags without `<bool>`."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's parameters, and `--help`."""
        return _flags_without_type(super().get_params(ctx))


def _flags_without_type(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        if getattr(parameter, "is_flag", False):
            parameter.metavar = ""
    return parameters


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"onto-fn {version('onto-fn')}")
        raise typer.Exit


cli = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode="markdown",
)


@cli.callback()
def onto(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Build, check, understand and repair the view documents of an onto_fn app."""


def add(group: typer.Typer, command: Callable[..., None], example: str, name: str = "") -> None:
    """Add a function to a group as a command.

    Args:
        group: `cli`, or a Typer that was added to it.
        command: the function; its docstring is the help.
        example: one line that shows how to use the command.
        name: the command's name; by default, the function's name.
    """
    add_to_group = group.command(name=name or None, cls=_Command, epilog=f"Example: `{example}`")
    add_to_group(with_groups(command))


add(cli, init.init, init.EXAMPLE)
add(cli, dev.dev, dev.EXAMPLE)
add(cli, documents.get, documents.GET_EXAMPLE)
add(cli, documents.set_fields, documents.SET_EXAMPLE, "set")
add(cli, documents.delete, documents.DELETE_EXAMPLE)
add(cli, graph.graph, graph.EXAMPLE)
add(cli, explain.explain, explain.EXAMPLE)
add(cli, generate.generate, generate.EXAMPLE)
add(cli, doctor.doctor, doctor.EXAMPLE)
add(cli, cost.cost, cost.EXAMPLE)
add(cli, listen.listen, listen.EXAMPLE)
add(cli, serve.serve, serve.EXAMPLE)
add(cli, backfill.backfill, backfill.EXAMPLE)
add(cli, verify.verify, verify.EXAMPLE)
add(cli, status.status, status.EXAMPLE)

letters = typer.Typer(
    cls=_Group, no_args_is_help=True, help="Inspect, replay and discard failed events."
)
cli.add_typer(letters, name="dead-letters")
add(letters, dead_letters.list_letters, dead_letters.LIST_EXAMPLE, "list")
add(letters, dead_letters.show, dead_letters.SHOW_EXAMPLE)
add(letters, dead_letters.replay, dead_letters.REPLAY_EXAMPLE)
add(letters, dead_letters.discard, dead_letters.DISCARD_EXAMPLE)


def run() -> None:
    """Run the program `onto`: run a command and exit with its code; see `cli.errors`."""
    sys.exit(status_of(sys.argv[1:]))


def status_of(arguments: list[str]) -> int:
    """Run a command and return its exit code; print a problem as one line on standard error."""
    try:
        status = cli(arguments, prog_name="onto", standalone_mode=False)
    except CommandError as error:
        return _told(error, error.exit_code)
    except OntoError as error:
        return _told(error, USAGE)
    except KeyboardInterrupt:
        return _told("stopped", INTERRUPTED)
    except typer.Abort as abort:
        # A question was interrupted by Ctrl-C, or the input ended without an answer.
        no_answer = isinstance(abort.__context__, EOFError)
        return _told("stopped; nothing was changed", FOUND if no_answer else INTERRUPTED)
    except typer.TyperException as error:
        return _usage(error)
    if status == INTERRUPTED:
        return _told("stopped", INTERRUPTED)
    return status if isinstance(status, int) else 0


def _usage(error: typer.TyperException) -> int:
    """Print Typer's error about a command line on one line; nothing if Typer has printed help."""
    # Typer's error classes are not public and have no types.
    found = cast(Any, error)
    text = " ".join(found.format_message().split()).rstrip(".")
    if not text:
        return USAGE
    context = getattr(found, "ctx", None)
    command = context.command_path if context is not None else "onto"
    return _told(f"{text}: see `{command} --help`", USAGE)


def _told(problem: object, code: int) -> int:
    typer.echo(f"onto: {one_line(str(problem))}", err=True)
    return code
