"""`onto backfill`: build views and aggregates for existing data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onto_fn.cli.connecting import Opened, open_app
from onto_fn.cli.errors import FOUND, INTERRUPTED, CommandError, one_line
from onto_fn.cli.options import DEFAULT_APP, AppFile, DatabaseOptions, Workers, Yes
from onto_fn.cli.output import Output, billed_per
from onto_fn.cli.signals import stoppable
from onto_fn.cli.working import pool_of

if TYPE_CHECKING:
    from onto_fn.engine.materialise.fan_out import Batch
    from onto_fn.engine.operate.backfill import Progress, Report
    from onto_fn.engine.operate.estimate import Estimate
    from onto_fn.engine.targets.target import Target

EXAMPLE = "onto backfill UserView --dry-run"


def backfill(
    views: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VIEW]…", help="Views, mediators or aggregates."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Everything that the app declares.")] = False,
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Only roots that were never built, or were built by other code."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate billed reads and writes; write nothing.")
    ] = False,
    distributed: Annotated[
        bool,
        typer.Option("--distributed", help="Let the deployed functions build, through Pub/Sub."),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start over; do not continue the last run.")
    ] = False,
    workers: Workers = None,
    page: Annotated[int, typer.Option(min=1, max=500, help="Roots in one commit.")] = 200,
    *,
    app: AppFile = DEFAULT_APP,
    where: DatabaseOptions,
    yes: Yes = False,
    output: Output,
) -> None:
    """Build the documents of views for existing data.

    This is safe beside live traffic. After Ctrl-C or a crash, the same command continues where it
    stopped. The exit code is 1 if a build failed and has a dead letter.
    """
    with open_app(app, where=where, output=output, writes=not dry_run) as opened:
        from onto_fn.engine.operate.backfill import targets_of

        if not every and not views and not stale:
            raise CommandError("no view to backfill is named", "name views, or pass --all")
        if every and views:
            raise CommandError("--all cannot be combined with names", "leave one out")
        targets = targets_of(opened.app.engine, views or ())
        if dry_run:
            _tell_estimates(output, opened, targets, stale=stale)
            return
        publish = _publisher(opened) if distributed else None
        _confirm(output, opened, targets, yes=yes)
        name = "all" if every or not views else ""
        name = f"{name or '~'.join(views or ())}{'~stale' if stale else ''}"[:1000]
        scan = {"name": name, "stale": stale, "page": page}
        size = 1 if publish is not None else workers  # it only reads names
        report = _run(output, opened, app, targets, size, publish, scan, restart=restart)
    _tell(output, report)


def _run(
    output: Output,
    opened: Opened,
    app: str,
    targets: Sequence[Target],
    workers: int | None,
    publish: Callable[[Batch], None] | None,
    scan: dict[str, Any],
    *,
    restart: bool,
) -> Report:
    from onto_fn.engine.operate.backfill import PARTS, Backfill

    with (
        stoppable() as stop,
        pool_of(Backfill, opened, app, targets, workers, **scan) as pool,
        output.progress() as bar,
    ):
        parts = 1 if pool is None else PARTS * pool.size
        work = Backfill(
            opened.app.engine,
            opened.database,
            targets,
            **scan,
            parts=parts,
            publish=publish,
            restart=restart,
        )
        task = bar.add_task(", ".join(target.name for target in targets), total=None)

        def show(progress: Progress) -> None:
            done, total = progress.counts.done, progress.total
            bar.update(
                task,
                description=progress.target,
                completed=done,
                total=max(total, done),
            )

        return work.run(show, stop, pool)


def _tell_estimates(
    output: Output, opened: Opened, targets: Sequence[Target], *, stale: bool
) -> None:
    from onto_fn.engine.operate.estimate import estimate

    estimates: list[Estimate] = [
        estimate(opened.database, target, stale=stale) for target in targets
    ]
    columns = ["target", "roots", "due", "reads", "writes", "sampled"]
    output.table(
        [asdict(found) for found in estimates],
        columns,
        title=f"Estimate for {opened.place}: nothing was written",
    )
    output.remark(
        "reads and writes are estimates from a count and a sample of builds; they leave out what "
        "the written documents trigger in other functions"
    )


def _publisher(opened: Opened) -> Callable[[Batch], None]:
    """Publishes to the fan-out topic of the app."""
    from onto_fn.emulators import emulator_of

    publisher = opened.app.publisher
    if publisher is None:
        raise CommandError(
            "the app does not fan out, so no deployed function would build anything",
            "declare App(…, fan_out=FanOut()) and deploy, or leave out --distributed",
        )
    emulator_of("pubsub", opened.database.project)  # fails before anything is read
    return lambda batch: publisher.publish(opened.database, [batch])


def _confirm(output: Output, opened: Opened, targets: Sequence[Target], *, yes: bool) -> None:
    """Ask for confirmation, because a backfill in production costs money."""
    if opened.emulator is not None:
        return
    names = ", ".join(target.name for target in targets)
    output.confirm(f"Backfill {names} in {opened.place}, which is billed?", yes=yes)


def _tell(output: Output, report: Report) -> None:
    for failure in report.failures:
        output.remark(f"{failure.definition} of {failure.root}: {one_line(failure.error)}")
    output.record(
        {
            **asdict(report.counts),
            "resumed": report.resumed,
            "complete": report.is_complete,
            "not_shown": list(report.not_shown),
            **billed_per(report.looked_at, report.billed),
        }
    )
    for name in report.not_shown:
        output.remark(
            f"{name}: views still show the numbers of the earlier definition; run `onto backfill "
            f"{name}` when the published batches are done and no other backfill of it is running"
        )
    if not report.is_complete:
        output.remark("stopped; run the same command again to continue")
        raise typer.Exit(INTERRUPTED)
    if report.counts.failed:
        output.remark("see `onto dead-letters list`")
        raise typer.Exit(FOUND)
