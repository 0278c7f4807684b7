"""`onto serve`: an app's API in a process of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from onto_fn.cli.connecting import open_app
from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.options import DEFAULT_APP, DatabaseOptions
from onto_fn.cli.output import Output
from onto_fn.cli.signals import until_stopped

if TYPE_CHECKING:
    from socket import socket

    from onto_fn.api.serving import Served
    from onto_fn.functions import App

EXAMPLE = "cd functions && onto serve main:app --port 8000"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def serve(
    app: Annotated[
        str,
        typer.Argument(metavar="APP", help="The app, as MODULE:NAME or as FILE[:NAME]."),
    ] = DEFAULT_APP,
    host: Annotated[
        str, typer.Option(help="Where to listen; 0.0.0.0 for all addresses, in a container.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="PORT", help="0 for a free one.")
    ] = 8080,
    grace: Annotated[
        int,
        typer.Option(
            min=0,
            max=3600,
            metavar="SECONDS",
            help="How long requests may go on when it is stopped.",
        ),
    ] = 8,
    log: Annotated[
        bool,
        typer.Option(
            "--log/--no-log",
            help="Print a line for each request: method, address, status and milliseconds, without "
            "ids, queries and tokens.",
        ),
    ] = True,
    *,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Serve an app's API over HTTP, until SIGTERM or Ctrl-C.

    It is the application that the function `onto_api` serves, for containers and for trying it. It
    builds no views: that is what the functions do, or `onto listen`.
    """
    with open_app(app, where=where, output=output, writes=True) as opened:
        found = opened.app
        if found.api is None:
            raise CommandError(
                f"{app} has no API", "declare what it offers, `App([…], api=Api(views=[…]))`"
            )
        at = _socket(host, port)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

        from onto_fn.api.serving import serve as run

        application = found.asgi(opened.database)

        def ready() -> None:
            address = address_of(host, at)
            record = {"serving": app, "address": address, "database": opened.place}
            docs = docs_of(found, address)
            output.line(
                record | {"docs": docs},
                f"serving {app} at {address}" + (f", documented at {docs}" if docs else ""),
            )

        def served(one: Served) -> None:
            record = {"method": one.method, "route": one.route, "status": one.status, "ms": one.ms}
            output.line(
                record, f"{one.method} {one.route or '-'} {one.status or '-'} {one.ms:.0f} ms"
            )

        with until_stopped():
            run(application, at, grace_sec=grace, ready=ready, served=served if log else None)


def address_of(host: str, at: socket) -> str:
    """Where a browser finds what listens at a socket."""
    name = _ANYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{at.getsockname()[1]}"


def docs_of(app: App, address: str) -> str | None:
    """Where the page is that documents an app's API, None if it has none.

    Args:
        app: the app.
        address: of the API, without a slash at the end.
    """
    rest = app.api.rest if app.api is not None else None
    if rest is None or not rest.docs:
        return None
    return f"{address}{rest.path.rstrip('/')}/docs"


def _socket(host: str, port: int) -> socket:
    try:
        from onto_fn.api.serving import listening
    except ModuleNotFoundError as error:
        raise CommandError(
            f"onto serve needs what functions-framework installs: {error}",
            "run onto in the virtual environment of the functions, or install functions-framework",
        ) from error
    try:
        return listening(host, port)
    except OSError as error:
        raise CommandError(
            f"cannot listen at {host}:{port} ({one_line(error.strerror or error)})",
            "stop the program that uses it, or pass another --port or --host",
        ) from error
