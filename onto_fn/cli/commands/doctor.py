"""`onto doctor`: find what will not work in production, before the deploy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onto_fn.cli.apps import app_file, load_app
from onto_fn.cli.connecting import open_app
from onto_fn.cli.errors import CommandError, Found
from onto_fn.cli.options import DEFAULT_APP, AppFile, Changes, DatabaseOptions
from onto_fn.cli.output import Output, number_of

if TYPE_CHECKING:
    from onto_fn.doctor import Measured

EXAMPLE = "onto doctor --changes 'polls/{poll}/votes=50/s' --location nam5"


def doctor(
    app: AppFile = DEFAULT_APP,
    folder: Annotated[Path, typer.Option(help="The folder that contains firebase.json.")] = Path(),
    changes: Changes = None,
    location: Annotated[
        str | None,
        typer.Option(
            metavar="REGION",
            help="Where the database is, such as nam5. Default: firestore.location of "
            "firebase.json.",
        ),
    ] = None,
    data: Annotated[
        bool,
        typer.Option(
            "--data", help="Also measure the ledger of the database: two reads for each record."
        ),
    ] = False,
    most: Annotated[
        int, typer.Option("--sample", min=1, metavar="N", help="Records that --data reads at most.")
    ] = 1000,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")
    ] = False,
    *,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Find hot documents, increasing indexes, limits and other faults that no emulator shows.

    It reads the declarations, the generated files and firebase.json, and names file, line and
    remedy. Exit code 1: there is an error.
    """
    from onto_fn.doctor import Project, diagnose

    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder}", "pass --folder, or run onto in it")
    measured: list[Measured] = []
    loaded = load_app(app)
    if data:
        from onto_fn.doctor.measuring import measured_in

        with open_app(app, where=where, output=output) as opened:
            loaded, measured = opened.app, measured_in(opened.database, most)
    rates = {**loaded.changes, **loaded.rates(changes_of(changes))}
    found = diagnose(Project(loaded, app_file(app)[0], folder, rates, location, measured))
    for one in found:
        told = f"{one.severity}: {one.place}: {one.problem} [{one.check}]\n    {one.remedy}"
        output.line(one.to_json(), told, error=one.severity == "error")
    errors = [one for one in found if one.severity == "error"]
    warnings = len(found) - len(errors)
    counted = f"{number_of(len(errors), 'error')}, {number_of(warnings, 'warning')}"
    if errors or (strict and found):
        raise Found(counted, "see docs/doctor.md")
    output.remark(counted)


def changes_of(changes: list[str] | None) -> dict[str, str]:
    """The rates that a command line gives, by collection.

    Raises:
        CommandError: one is not `COLLECTION=RATE`.
    """
    rates: dict[str, str] = {}
    for text in changes or ():
        collection, separator, rate = text.partition("=")
        if not separator:
            raise CommandError(f"--changes {text} is not COLLECTION=RATE", "such as users=1e6/day")
        rates[collection] = rate
    return rates
