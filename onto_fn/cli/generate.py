"""`onto generate`: the files for Firebase that are made from what an app declares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onto_fn.cli.apps import load_app
from onto_fn.cli.errors import CommandError, Found
from onto_fn.cli.options import DEFAULT_APP, Json
from onto_fn.cli.output import Output

EXAMPLE = "onto generate --check"


def generate(
    app: Annotated[str, typer.Option(metavar="FILE[:NAME]", help="The app.")] = DEFAULT_APP,
    folder: Annotated[Path, typer.Option(help="The folder of firebase.json.")] = Path("."),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file is stale.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write firestore.rules and firestore.indexes.json from what the app declares.

    The section of the rules between onto:keep-begin and onto:keep-end stays as it is, and the
    entries of firestore.indexes.keep.json are added to the indexes.
    """
    from onto_fn.generate import generated_files

    output = Output(as_json=as_json)
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}", "say --folder, or run onto in it")
    stale: list[str] = []
    for file in generated_files(load_app(app), folder):
        state = "up to date" if not file.is_stale else "stale" if check else "written"
        output.line({"file": file.path.name, "state": state}, f"{file.path.name}: {state}")
        if not file.is_stale:
            continue
        stale.append(file.path.name)
        if check:
            output.remark(file.diff())
        else:
            file.write()
    if check and stale:
        raise Found(f"not as the app declares: {', '.join(stale)}", "run `onto generate`")
