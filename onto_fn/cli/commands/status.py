"""`onto status`: count the roots, records and problems of each view."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from onto_fn.cli.connecting import open_app
from onto_fn.cli.deployed_indexes import Deployed, reminder
from onto_fn.cli.options import DEFAULT_APP, AppFile, DatabaseOptions
from onto_fn.cli.output import Output, number_of

EXAMPLE = "onto status --scan"


def status(
    scan: Annotated[
        bool,
        typer.Option(
            "--scan",
            help="Also find the oldest change that no view shows yet. Reads every ledger record.",
        ),
    ] = False,
    indexes: Annotated[
        str | None,
        typer.Option(
            "--indexes",
            metavar="FILE",
            help="Also compare the generated indexes with those that are deployed: what `firebase "
            "firestore:indexes` has printed. - reads it from standard input.",
        ),
    ] = None,
    *,
    app: AppFile = DEFAULT_APP,
    folder: Annotated[Path, typer.Option(help="The folder that contains firebase.json.")] = Path(),
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Count the roots, records, stale records, dead letters and waiting messages of each view."""
    with open_app(app, where=where, output=output) as opened:
        from onto_fn.engine.operate.backfill import targets_of
        from onto_fn.engine.operate.status import letters_of_events, status_of

        # First, as a file that cannot be read ends the command.
        deployed = Deployed.read(folder, opened.database.database, indexes) if indexes else None
        engine = opened.app.engine
        rows = [
            asdict(status_of(opened.database, target, engine.retry, scan=scan))
            for target in targets_of(engine)
        ]
        columns = ["target", "roots", "built", "stale", "dead_letters", "outbox"]
        if any(row["skipping"] for row in rows):
            columns.append("skipping")
        if scan:
            columns += ["oldest", "unreadable"]
        output.table(rows, columns, title=opened.place)
        for row in rows:
            if not row["is_shown"]:
                output.remark(
                    f"{row['target']}: views show the numbers of an earlier definition until `onto "
                    f"backfill {row['target']}` is finished"
                )
            if row["skipping"]:
                output.remark(
                    f"{row['target']}: the documents of {number_of(row['skipping'], 'root')} leave "
                    "out invalid sources; run `onto explain` on a document to see which"
                )
        events = letters_of_events(opened.database)
        if events:
            letters = number_of(events, "dead letter")
            output.remark(f"dead letters of events: {letters}; see `onto dead-letters list`")
        if deployed is not None:
            deployed.show(output)
        elif opened.emulator is None:
            output.remark(reminder(opened.database.project, opened.database.database))
