"""`onto listen`: an app's mediators in a container."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from onto_fn.cli.connecting import open_app
from onto_fn.cli.options import DEFAULT_APP, DatabaseId, Emulator, Json, Live, Project
from onto_fn.cli.output import Output
from onto_fn.cli.signals import until_stopped

EXAMPLE = "cd functions && onto listen main:app"


def listen(
    app: Annotated[
        str,
        typer.Argument(metavar="APP", help="The app, as MODULE:NAME or as FILE[:NAME]."),
    ] = DEFAULT_APP,
    workers: Annotated[int, typer.Option(min=1, help="Changes handled at the same time.")] = 16,
    project: Project = None,
    database: DatabaseId = None,
    emulator: Emulator = None,
    live: Live = False,
    as_json: Json = False,
) -> None:
    """Run an app's mediators on snapshot listeners, until SIGTERM or Ctrl-C.

    For containers, where no platform delivers events. What changed while nobody listened is made
    good when it starts.
    """
    from onto_fn.functions.listener import Listener

    output = Output(as_json=as_json)
    with open_app(
        app,
        project=project,
        database=database,
        emulator=emulator,
        live=live,
        output=output,
        writes=True,
    ) as opened:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        with (
            until_stopped() as stopping,
            Listener(opened.app, workers=workers, database=opened.database) as listener,
        ):
            output.line({"listening": app, "database": opened.place}, f"listening for {app}")
            listener.wait(stopping)
