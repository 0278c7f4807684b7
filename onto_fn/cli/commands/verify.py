"""`onto verify`: recompute views and aggregates, and report what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from onto_fn.cli.connecting import open_app
from onto_fn.cli.errors import FOUND, INTERRUPTED
from onto_fn.cli.options import DEFAULT_APP, AppFile, DatabaseOptions, Workers, Yes
from onto_fn.cli.output import Output, billed_per
from onto_fn.cli.signals import stoppable
from onto_fn.cli.working import pool_of

if TYPE_CHECKING:
    from onto_fn.engine.materialise.difference import Difference
    from onto_fn.engine.operate.verify import Verified

EXAMPLE = "onto verify UserView --repair"

_SHOWN = 1000  # maximum number of differences in a table; --json prints all


def verify(
    views: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VIEW]…", help="Views, mediators or aggregates. Default: all."),
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Rebuild what differs.")] = False,
    settle: Annotated[
        float,
        typer.Option(min=0.0, help="Seconds to wait before a difference is checked again."),
    ] = 5.0,
    workers: Workers = None,
    page: Annotated[int, typer.Option(min=1, max=500, help="Roots per page.")] = 250,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    yes: Yes = False,
    output: Output,
) -> None:
    """Recompute documents from their sources, and compare them with the stored ones.

    A difference counts only if a second check finds it too, so that live traffic is not reported.
    The exit code is 1 if there is a difference, even if it was repaired.
    """
    with open_app(app, where=where, output=output, writes=repair) as opened:
        from onto_fn.engine.operate.backfill import targets_of
        from onto_fn.engine.operate.verify import Verification

        targets = targets_of(opened.app.engine, views or ())
        if repair and opened.emulator is None:
            output.confirm(f"Overwrite what differs in {opened.place}?", yes=yes)
        rows: list[dict[str, object]] = []

        def report(difference: Difference) -> None:
            row = _row(difference)
            if output.as_json:
                output.line(row)
            elif len(rows) < _SHOWN:
                rows.append(row)

        scan = {"repair": repair, "page": page, "settle": settle}
        with (
            stoppable() as stop,
            pool_of(Verification, opened, app, targets, workers, **scan) as pool,
            output.progress() as bar,
        ):
            task = bar.add_task(", ".join(target.name for target in targets), total=None)

            def show(verified: Verified) -> None:
                total = max(verified.total, verified.roots)
                bar.update(task, completed=verified.roots, total=total)

            verification = Verification(
                opened.app.engine,
                opened.database,
                targets,
                repair=repair,
                page=page,
                settle=settle,
                report=report,
                progress=show,
            )
            verified = verification.run(stop, pool)
    if rows:
        output.table(rows, ["target", "difference", "document", "root", "detail"])
    output.record(
        {
            "roots": verified.roots,
            "differences": verified.found,
            "repaired": verified.repaired,
            "complete": not stop.is_set(),
            **billed_per(verified.roots, verified.billed),
        }
    )
    if stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if verified.found:
        raise typer.Exit(FOUND)


def _row(difference: Difference) -> dict[str, object]:
    return {
        "target": difference.target,
        "difference": difference.kind.value,
        "document": difference.path,
        "root": difference.root,
        "detail": difference.detail,
        "fields": list(difference.fields),
    }
