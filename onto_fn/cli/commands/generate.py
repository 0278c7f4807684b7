"""`onto generate`: write the files that follow from an app's declarations."""

from __future__ import annotations

from collections.abc import Mapping
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
    openapi = "openapi"
    graphql = "graphql"
    openrpc = "openrpc"


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
    openapi_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The OpenAPI document, relative to --folder.")
    ] = Path("openapi.json"),
    graphql_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The GraphQL schema, relative to --folder.")
    ] = Path("schema.graphql"),
    openrpc_file: Annotated[
        Path, typer.Option(metavar="FILE", help="The OpenRPC document, relative to --folder.")
    ] = Path("openrpc.json"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 if a file is stale.")
    ] = False,
    *,
    output: Output,
) -> None:
    """Write rules, indexes, TypeScript, OpenAPI, OpenRPC or GraphQL from the declarations.

    firebase.json names the files of rules and indexes for the app's database. `firestore.rules`
    keeps its section between onto:keep-begin and onto:keep-end. `firestore.indexes.json` also gets
    the entries of firestore.indexes.keep.json. `types` has an interface and a Firestore converter
    for each view, form and patch. `openapi` is the OpenAPI document of the app's API, which the API
    serves as well, `openrpc` that of its JSON-RPC methods, and `graphql` the schema of its GraphQL.
    """
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}", "pass --folder, or run onto in it")
    wanted = set(what or [What.rules, What.indexes])
    stale: dict[str, str] = {}
    places = {
        What.types: folder / types_file,
        What.openapi: folder / openapi_file,
        What.graphql: folder / graphql_file,
        What.openrpc: folder / openrpc_file,
    }
    for file in _files(load_app(app), folder, places, wanted):
        for remark in file.remarks:
            output.remark(remark)
        state = "up to date" if not file.is_stale else "stale" if check else "written"
        name = _shown(file.path, folder)
        record = {"file": name, "state": state, "remarks": list(file.remarks)}
        output.line(record, f"{name}: {state}")
        if not file.is_stale:
            continue
        stale[name] = file.what
        if check:
            output.remark(file.diff())
        else:
            _write(file)
    if check and stale:
        remedy = f"run `onto generate {' '.join(stale.values())}`"
        raise Found(f"not up to date with the app: {', '.join(stale)}", remedy)


def _files(
    app: App, folder: Path, places: Mapping[What, Path], wanted: set[What]
) -> list[GeneratedFile]:
    from onto_fn.generate import (
        generated_files,
        graphql_of,
        openapi_of,
        openrpc_of,
        types_of,
    )

    files: list[GeneratedFile] = []
    if wanted - places.keys():
        files = [file for file in generated_files(app, folder) if file.what in wanted]
    makers = {
        What.types: types_of,
        What.openapi: openapi_of,
        What.openrpc: openrpc_of,
        What.graphql: graphql_of,
    }
    return [*files, *(makers[one](app, places[one]) for one in makers if one in wanted)]


def _shown(path: Path, folder: Path) -> str:
    """A file's name for people: its path relative to the folder of `firebase.json`."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _write(file: GeneratedFile) -> None:
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.write()
    except OSError as error:
        raise CommandError(f"{file.path} cannot be written: {error.strerror}") from error
