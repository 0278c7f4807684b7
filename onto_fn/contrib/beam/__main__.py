"""`python -m onto_fn.contrib.beam`: run the backfill as a Beam pipeline."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from onto_fn.cli.errors import FOUND, USAGE, CommandError, one_line
from onto_fn.contrib.beam.pipeline import Place, backfill
from onto_fn.errors import DeclarationError

command = typer.Typer(add_completion=False)


@command.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def main(
    context: typer.Context,
    project: Annotated[str, typer.Option(help="Google Cloud project of the database.")],
    views: Annotated[
        list[str] | None,
        typer.Option("--view", help="View, mediator or aggregate. Default: all."),
    ] = None,
    app: Annotated[str, typer.Option(help="File of the app.")] = "functions/main.py",
    database: Annotated[str, typer.Option(help="Id of the database.")] = "(default)",
    page: Annotated[int, typer.Option(min=1, max=500, help="Roots in one commit.")] = 200,
    parts: Annotated[int, typer.Option(min=1, help="Approximate parts per collection.")] = 64,
) -> None:
    """Build the documents of views for existing data, with Apache Beam.

    All other options are Beam's: `--runner=DataflowRunner --region=… --temp_location=gs://…`.
    The output is one line of JSON per view, mediator or aggregate. The exit code is 1 if a build
    failed and has a dead letter.
    """
    place = Place(app, project, database, page)
    failed = 0
    try:
        for done in backfill(place, views or (), parts=parts, arguments=context.args):
            failed += done.failed
            typer.echo(json.dumps(asdict(done)))
    except (CommandError, DeclarationError) as error:
        typer.echo(f"onto_fn.contrib.beam: {one_line(error)}", err=True)
        raise typer.Exit(USAGE) from error
    raise typer.Exit(FOUND if failed else 0)


if __name__ == "__main__":
    command(prog_name="python -m onto_fn.contrib.beam")
