"""The options that commands share.

A command gets a single option from a parameter with one of these types and a default. It gets a
whole group from a parameter whose type is an `OptionGroup`, such as `where: DatabaseOptions`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

DEFAULT_APP = "functions/main.py"

AppFile = Annotated[
    str,
    typer.Option(
        "--app",
        metavar="FILE[:NAME]",
        help="The file that declares the App, and the App's name if the file has several.",
    ),
]
"""The app: see `apps.load_app`."""

Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="ID",
        envvar=["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"],
        help="Google Cloud project. Default: the project of the running `onto dev`, else the "
        "default in .firebaserc.",
    ),
]
"""The project: see `connecting.open_app`."""

DatabaseId = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="ID", help="Firestore database. Default: the app's database."
    ),
]
"""The database's id: see `connecting.open_app`."""

Emulator = Annotated[
    str | None,
    typer.Option(
        "--emulator",
        metavar="HOST:PORT",
        envvar="FIRESTORE_EMULATOR_HOST",
        help="The Firestore emulator to use. Default: the running emulator of this folder.",
    ),
]
"""The emulator's address: see `connecting.open_app`."""

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Processes that share the work. Default: 1; for 50,000 roots and more, the number of "
        "cores.",
    ),
]
"""The processes of a scan: see `working.pool_of`."""

Live = Annotated[
    bool, typer.Option("--live", help="Use the real Firestore even while an emulator runs.")
]
"""Whether the user selects the real Firestore: see `choosing.destination`."""

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object per line, for other programs.")
]
"""Whether to print JSON: see `output.Output`."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
"""Whether the user confirms everything in advance: see `output.Output.confirm`."""


class OptionGroup:
    """A class with options as its constructor's parameters; see `with_groups`."""


@dataclass(frozen=True)
class DatabaseOptions(OptionGroup):
    """The options that choose the database of a command: see `connecting`."""

    project: Project = None
    database: DatabaseId = None
    emulator: Emulator = None
    live: Live = False


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each option group of a command by its options, because Typer knows only parameters.

    Args:
        command: the command's function. For a parameter of an `OptionGroup` type, it receives an
            instance with the values of the options.
    """
    groups: dict[str, tuple[Callable[..., OptionGroup], list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in _parameters(command):
        kind: Any = parameter.annotation
        if not (isinstance(kind, type) and issubclass(kind, OptionGroup)):
            parameters.append(parameter)
            continue
        options = _parameters(kind)
        groups[parameter.name] = kind, [option.name for option in options]
        parameters += options

    @functools.wraps(command)
    def flat(**values: Any) -> None:
        for name, (group, options) in groups.items():
            values[name] = group(**{option: values.pop(option) for option in options})
        command(**values)

    by_name = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    flat.__signature__ = inspect.Signature(by_name)  # pyright: ignore[reportAttributeAccessIssue]
    return flat


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())
