"""`onto listen`: run an app's mediators in a container."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from onto_fn.cli.connecting import open_app
from onto_fn.cli.options import DEFAULT_APP, DatabaseOptions
from onto_fn.cli.output import Output
from onto_fn.cli.signals import until_stopped

EXAMPLE = "cd functions && onto listen main:app"


def listen(
    app: Annotated[
        str,
        typer.Argument(metavar="APP", help="The app, as MODULE:NAME or as FILE[:NAME]."),
    ] = DEFAULT_APP,
    workers: Annotated[int, typer.Option(min=1, help="Changes handled at the same time.")] = 16,
    *,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Run an app's mediators on snapshot listeners, until SIGTERM or Ctrl-C.

    Use it in containers, where no platform delivers events. When it starts, it processes the
    changes that were made while it was not running.
    """
    from onto_fn.functions.listener import Listener

    with open_app(app, where=where, output=output, writes=True) as opened:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        with (
            until_stopped() as stopping,
            Listener(opened.app, workers=workers, database=opened.database) as listener,
        ):
            output.line({"listening": app, "database": opened.place}, f"listening for {app}")
            listener.wait(stopping)
