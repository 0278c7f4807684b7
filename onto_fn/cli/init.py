"""`onto init`: a new project that runs at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template
from typing import Annotated

import typer

from onto_fn.cli.errors import CommandError
from onto_fn.cli.options import Json, Yes
from onto_fn.cli.output import Output

EXAMPLE = "onto init my-app && cd my-app && make test"

FIRESTORE_PORT, FUNCTIONS_PORT = 8080, 5001


class _File(Template):
    """A file of the template: `@@name` is replaced, and `$` means what it means in the file."""

    delimiter = "@@"


def init(
    folder: Annotated[
        Path, typer.Argument(help="Where; it is made if it does not exist.")
    ] = Path(),
    onto_fn: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="What the project installs: a wheel, a folder of sources, or a requirement; else "
            "what this program was installed from.",
        ),
    ] = None,
    firestore_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Firestore emulator.")
    ] = FIRESTORE_PORT,
    functions_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the Functions emulator.")
    ] = FUNCTIONS_PORT,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Begin a project: models, a view, a test, and all that the emulators and a deploy need."""
    from onto_fn.cli.installation import requirement

    output = Output(as_json=as_json)
    target = folder.resolve()
    if target.exists() and not target.is_dir():
        raise CommandError(f"{target} is a file", "name a folder")
    if target.is_dir() and any(target.iterdir()):
        taken = [str(name) for name, _ in _files() if (target / name).exists()]
        what = f"replaces {', '.join(taken)}" if taken else "adds files to it"
        output.confirm(f"{target} is not empty, and this {what}. Go on?", yes=yes)
    required = requirement(onto_fn, target / "functions")
    values = {
        "name": _project_name(target.name),
        "onto_fn": required.plain,
        "onto_fn_dev": required.with_tools,
        "python": f"python3.{sys.version_info.minor}",
        "runtime": f"python3{sys.version_info.minor}",
        "firestore_port": str(firestore_port),
        "functions_port": str(functions_port),
    }
    written: list[str] = []
    for name, source in _files():
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_File(source.read_text()).substitute(values))
        written.append(str(name))
    output.line(
        {"folder": str(target), "files": written},
        f"{target} has a new project: `make test` runs its tests, `make dev` shows it at work",
    )


def _files() -> Iterator[tuple[PurePosixPath, Traversable]]:
    """The template's files with their names in a project."""
    yield from sorted(_below(files("onto_fn.cli").joinpath("template"), PurePosixPath()))


def _below(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _below(entry, path / entry.name)
        else:
            yield path / re.sub("^dot-", ".", entry.name), entry


def _project_name(name: str) -> str:
    """A name as project ids and npm take it: small letters, digits and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return words[:20].strip("-") or "app"
