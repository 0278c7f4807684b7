"""The options that commands share. Give a parameter one of these types and a default."""

from __future__ import annotations

from typing import Annotated

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
        help="Google Cloud project. Default: that of the running `onto dev`, else the default of "
        ".firebaserc.",
    ),
]
"""The project: see `connecting.open_app`."""

DatabaseId = Annotated[
    str | None,
    typer.Option("--database", metavar="ID", help="Firestore database. Default: the app's."),
]
"""The database's id: see `connecting.open_app`."""

Emulator = Annotated[
    str | None,
    typer.Option(
        "--emulator",
        metavar="HOST:PORT",
        envvar="FIRESTORE_EMULATOR_HOST",
        help="The Firestore emulator to use. Default: the one of this folder, if it runs.",
    ),
]
"""The emulator's address: see `connecting.open_app`."""

Live = Annotated[
    bool, typer.Option("--live", help="Use the real Firestore even while an emulator runs.")
]
"""Whether the real Firestore is asked for by name: see `choosing.destination`."""

Json = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object per line, for other programs.")
]
"""Whether to print JSON: see `output.Output`."""

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
"""Whether everything is confirmed already: see `output.Output.confirm`."""
