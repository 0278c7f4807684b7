"""`onto cost`: what one change of each collection is billed, before the deploy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onto_fn.cli.apps import load_app
from onto_fn.cli.commands.doctor import changes_of
from onto_fn.cli.connecting import open_app
from onto_fn.cli.errors import CommandError, Found
from onto_fn.cli.options import DEFAULT_APP, AppFile, Changes, DatabaseOptions
from onto_fn.cli.output import Output

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.pricing import Estimate, Prices
    from onto_fn.pricing.world import World

EXAMPLE = "onto cost --changes tickets=1e6/day --region nam5 --budget 500"
_COLUMNS = (
    "collection",
    "invocations",
    "lookups",
    "reads",
    "writes",
    "deletes",
    "messages",
    "fan_out",
    "then",
)


def cost(
    app: AppFile = DEFAULT_APP,
    changes: Changes = None,
    width: Annotated[
        list[str] | None,
        typer.Option(
            "--width",
            metavar="NAME=N",
            help="Documents of a read (MeetingStore.users=3), copies of a view (MeetingSession=3), "
            "or roots of a view that read one document (meetings->UserView=3); may be repeated.",
        ),
    ] = None,
    assume: Annotated[
        int, typer.Option("--assume", min=1, metavar="N", help="The width where none is known.")
    ] = 10,
    data: Annotated[
        bool,
        typer.Option("--data", help="Measure widths in the ledger: one read for each record."),
    ] = False,
    most: Annotated[
        int, typer.Option("--sample", min=1, metavar="N", help="Records that --data reads at most.")
    ] = 10_000,
    region: Annotated[
        str | None,
        typer.Option(metavar="REGION", help="Where the database is. Default: the app's."),
    ] = None,
    edition: Annotated[str, typer.Option(help="standard or enterprise.")] = "standard",
    prices_file: Annotated[
        Path | None,
        typer.Option("--prices", metavar="FILE", help="Prices of your own, as JSON: docs/cost.md."),
    ] = None,
    max_reads: Annotated[
        float | None,
        typer.Option("--max-reads-per-change", metavar="N", help="Exit with 1 above this."),
    ] = None,
    max_writes: Annotated[
        float | None,
        typer.Option("--max-writes-per-change", metavar="N", help="Exit with 1 above this."),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(metavar="DOLLARS", help="Exit with 1 if a month of --changes costs more."),
    ] = None,
    *,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Show what one change of each collection is billed: calls, look-ups, reads, writes, messages.

    The counts include the events that follow, through aggregates and views of views. They are of a
    change that views show, of a document that exists; others cost the look-up.
    """
    from onto_fn.pricing import Declared, estimates, read_ledger

    loaded = load_app(app)
    world: World
    if data:
        with open_app(app, where=where, output=output) as opened:
            loaded = opened.app
            world = read_ledger(loaded, opened.database, opened.place, most)
    else:
        world = Declared(loaded, _numbers(width), assume)
    prices = _prices(loaded, region, edition, prices_file, needed=budget is not None)
    rates = {**loaded.changes, **loaded.rates(changes_of(changes))}
    monthly = {template.text: rate.per_month for template, rate in rates.items()}
    if budget is not None and not monthly:
        raise CommandError("--budget needs to know how often documents change", "pass --changes")
    found = estimates(loaded, world)
    rows = [_row(one, prices, monthly.get(one.collection)) for one in found]
    columns = [*_COLUMNS]
    if prices is not None:
        columns.append("usd_per_million")
        columns += ["changes_per_month", "usd_per_month"] if monthly else []
    output.table(rows, columns, title="one change of each collection")
    _remarks(output, found, prices)
    _check(found, rows, max_reads, max_writes, budget)


def _row(estimate: Estimate, prices: Prices | None, monthly: float | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "collection": estimate.collection,
        **estimate.counts.to_json(),
        "fan_out": round(estimate.fan_out, 2),
        "then": list(estimate.chain),
        "unaffected_reads": estimate.unaffected.reads,
        "rests_on": list(estimate.rests_on),
    }
    if prices is not None:
        each = prices.dollars(estimate.counts)
        row["usd_per_million"] = round(each * 1_000_000, 2)
        if monthly is not None:
            row["changes_per_month"] = round(monthly)
            row["usd_per_month"] = round(each * monthly, 2)
        row["prices"] = {"region": prices.region, "as_of": prices.as_of, "source": prices.source}
    return row


def _remarks(output: Output, found: list[Estimate], prices: Prices | None) -> None:
    for one in found:
        if one.rests_on:
            output.remark(f"{one.collection}: {'; '.join(one.rests_on)}")
    if prices is None:
        output.remark("no prices: pass --region, or --prices FILE")
        return
    output.remark(
        f"dollars: {prices.region}, {prices.edition} edition, as of {prices.as_of} "
        f"({prices.source}), beyond what is free, without the time of instances, storage and "
        "network"
    )
    if prices.edition == "enterprise":
        output.remark("enterprise: at least, for documents of up to 1 KiB and without index writes")


def _check(
    found: list[Estimate],
    rows: list[dict[str, Any]],
    max_reads: float | None,
    max_writes: float | None,
    budget: float | None,
) -> None:
    over: list[str] = []
    for one in found:
        for what, number, most in (
            ("reads", one.counts.reads, max_reads),
            ("writes", one.counts.writes, max_writes),
        ):
            if most is not None and number > most:
                over.append(f"{one.collection}: {number:g} {what} per change, at most {most:g}")
    total = sum(row.get("usd_per_month", 0) for row in rows)
    if budget is not None and total > budget:
        over.append(f"{total:,.2f} dollars a month, at most {budget:,.2f}")
    if over:
        raise Found("; ".join(over))


def _prices(
    app: App, region: str | None, edition: str, file: Path | None, *, needed: bool
) -> Prices | None:
    from onto_fn.errors import DeclarationError
    from onto_fn.pricing import prices_of, read_prices

    if file is not None:
        return read_prices(file)
    chosen = region or app.options.region
    if not isinstance(chosen, str):
        if needed:
            raise CommandError("--budget needs the region of the database", "pass --region")
        return None
    try:
        return prices_of(chosen, edition)
    except DeclarationError:
        if region is not None or needed:
            raise
        return None


def _numbers(widths: list[str] | None) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for text in widths or ():
        name, _, number = text.rpartition("=")
        if not name or not number.isdecimal() or int(number) < 1:
            raise CommandError(f"--width {text} is not NAME=N", "such as MeetingStore.users=3")
        numbers[name] = int(number)
    return numbers
