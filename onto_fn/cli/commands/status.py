"""`onto status`: count the roots, records and problems of each view."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from onto_fn.cli.connecting import open_app
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
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Count the roots, records, stale records, dead letters and waiting messages of each view."""
    with open_app(app, where=where, output=output) as opened:
        from onto_fn.engine.operate.backfill import targets_of
        from onto_fn.engine.operate.status import letters_of_events, status_of

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
