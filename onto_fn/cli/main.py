"""`onto`: operate an app from a terminal. Needs the extra `onto-fn[cli]`."""

from __future__ import annotations

import importlib
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from onto_fn.errors import OntoError
from onto_fn.functions import App
from onto_fn.serving import Listener

cli = typer.Typer(no_args_is_help=True, add_completion=False)


@cli.callback()
def main() -> None:
    """Operate the view documents of an onto_fn app."""


@cli.command()
def listen(
    app: Annotated[str, typer.Argument(help="The app, as MODULE:NAME, such as main:app.")],
    workers: Annotated[int, typer.Option(help="Changes handled at the same time.")] = 16,
) -> None:
    """Run an app's mediators on snapshot listeners, until SIGTERM or Ctrl-C.

    Example: cd functions && onto listen main:app
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        listener = Listener(load_app(app), workers=workers)
    except OntoError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error

    def stop(_signal: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with listener:
        typer.echo(f"listening for {app}")
        listener.wait()


def load_app(name: str) -> App:
    """The app at `MODULE:NAME`, with the working folder on the path.

    Raises:
        typer.BadParameter: there is none.
    """
    module_name, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        app = getattr(importlib.import_module(module_name), attribute or "app")
    except (ImportError, AttributeError) as error:
        raise typer.BadParameter(f"no app at {name}: {error}") from error
    if not isinstance(app, App):
        raise typer.BadParameter(f"{name} is not an onto_fn App")
    return app
