"""`onto generate`: write the files that follow from an app's declarations."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onto_fn.cli.apps import load_app
from onto_fn.cli.errors import CommandError, Found
from onto_fn.cli.options import DEFAULT_APP, AppFile
from onto_fn.cli.output import Output

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.generate import GeneratedFile

EXAMPLE = "onto generate types --types-file web/src/views.ts"


class What(StrEnum):
    """The kinds of generated files."""

    rules = "rules"
    indexes = "indexes"
    types = "types"


def generate(
    what: Annotated[
        list[What] | None,
        typer.Argument(
            help="What to write. Default: the rules and the indexes.", show_default=False
        ),
    ] = None,
    app: AppFile = DEFAULT_APP,
    folder: Annotated[Path, typer.Option(help="The folder that contains firebase.json.")] = Path(),
    types_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The TypeScript module, relative to --folder.")
    ] = Path("views.ts"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file is stale.")
    ] = False,
    *,
    output: Output,
) -> None:
    """Write security rules, indexes or TypeScript from the app's declarations.

    firebase.json names the files of rules and indexes for the app's database. `firestore.rules`
    keeps its section between onto:keep-begin and onto:keep-end. `firestore.indexes.json` also gets
    the entries of firestore.indexes.keep.json. `types` has an interface and a Firestore converter
    for each view, form and patch.
    """
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}", "pass --folder, or run onto in it")
    wanted = set(what or [What.rules, What.indexes])
    stale: list[str] = []
    for file in _files(load_app(app), folder, types_file, wanted):
        for remark in file.remarks:
            output.remark(remark)
        state = "up to date" if not file.is_stale else "stale" if check else "written"
        name = _shown(file.path, folder)
        record = {"file": name, "state": state, "remarks": list(file.remarks)}
        output.line(record, f"{name}: {state}")
        if not file.is_stale:
            continue
        stale.append(name)
        if check:
            output.remark(file.diff())
        else:
            _write(file)
    if check and stale:
        raise Found(f"not up to date with the app: {', '.join(stale)}", "run `onto generate`")


def _files(app: App, folder: Path, types_file: Path, wanted: set[What]) -> list[GeneratedFile]:
    from onto_fn.generate import generated_files, types_of

    files: list[GeneratedFile] = []
    if wanted - {What.types}:
        files = [file for file in generated_files(app, folder) if file.what in wanted]
    return [*files, types_of(app, folder / types_file)] if What.types in wanted else files


def _shown(path: Path, folder: Path) -> str:
    """A file's name for people: its path relative to the folder of `firebase.json`."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _write(file: GeneratedFile) -> None:
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.write()
    except OSError as error:
        raise CommandError(f"{file.path} cannot be written: {error.strerror}") from error
