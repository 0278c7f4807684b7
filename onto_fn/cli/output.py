"""Print results: tables for people, JSON lines for programs.

Results go to standard output, remarks and progress to standard error. Without a terminal, or with
NO_COLOR, the output has no colours. Without a terminal, it has no progress bars, and long lines are
not wrapped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

import typer

from onto_fn.cli.errors import FOUND, CommandError
from onto_fn.cli.options import Json, OptionGroup

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from onto_fn.firestore.usage import Billed

_UNFOLDED = 100_000  # the width, in columns, of an output that is not a terminal


def number_of(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: `"1 root"`, `"3 roots"`; `plural` is for nouns that add no s."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or f'{noun}s'}"


class Output(OptionGroup):
    """Where one command prints. A command's parameter of this type adds the option `--json`.

    Args:
        as_json: print JSON, one object per line, instead of tables.
    """

    def __init__(self, *, as_json: Json = False) -> None:
        self.as_json = as_json

    def table(
        self, rows: Iterable[Mapping[str, object]], columns: Sequence[str], *, title: str = ""
    ) -> None:
        """Print rows as a table of these columns, or as one JSON object per row, with all keys.

        If the terminal is too narrow for whole words, each row becomes a block of lines, because a
        wrapped id cannot be copied.
        """
        if self.as_json:
            for row in rows:
                self.line(row)
            return
        from rich import box
        from rich.measure import Measurement
        from rich.table import Table
        from rich.text import Text

        cells = [[as_text(row.get(column)) for column in columns] for row in rows]
        console = self._console()
        # People copy ids and paths, so wrap only columns with texts of several words.
        wraps = [any(len(text.split()) > 1 for text in texts) for texts in zip(*cells, strict=True)]
        table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
        for place, column in enumerate(columns):
            is_text = bool(cells) and wraps[place]
            table.add_column(Text(column), overflow="fold", no_wrap=not is_text)
        for texts in cells:
            table.add_row(*map(Text, texts))
        unfolded = console.options.update(max_width=_UNFOLDED)
        needed = Measurement.get(console, unfolded, table)
        if (needed.maximum if sum(wraps) > 1 else needed.minimum) <= console.width:
            console.print(table)
            return
        if title:
            typer.echo(title)
        for texts in cells:
            typer.echo("")
            self.record(dict(zip(columns, texts, strict=True)))

    def record(self, record: Mapping[str, object]) -> None:
        """Print one record: one line per value, or one JSON object."""
        if self.as_json:
            self.line(record)
            return
        width = max(len(name) for name in record)
        for name, value in record.items():
            typer.echo(f"{name:<{width}}  {as_text(value)}")

    def line(
        self, record: Mapping[str, object], text: str | None = None, *, error: bool = False
    ) -> None:
        """Print one line of a stream: `text`, or one JSON object with `--json`.

        Args:
            record: the line for programs.
            text: the line for people; by default, the values of the record.
            error: whether the line reports an error; a terminal shows it in red.
        """
        if self.as_json:
            typer.echo(json.dumps(record, default=as_text, ensure_ascii=False))
            return
        shown = text if text is not None else "  ".join(map(as_text, record.values()))
        if error and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
            shown = typer.style(shown, fg="red")
        typer.echo(shown)

    def remark(self, text: str) -> None:
        """Print a line for people that is not a result."""
        if not self.as_json:
            typer.echo(text, err=True)

    def progress(self) -> Progress:
        """A progress bar with count, rate and remaining time; it shows only on a terminal.

        Example: `with output.progress() as bar: task = bar.add_task("UserView", total=100)`
        """
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        console = self._console(errors=True)
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(show_speed=True),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=self.as_json or not console.is_terminal,
        )

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask for confirmation, unless `yes` is true.

        Raises:
            CommandError: there is no terminal to ask on.
            typer.Exit: the user answered no.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise CommandError(
                f"{question.rstrip('?')}? There is no terminal to ask in",
                "pass --yes to confirm",
            )
        if not typer.confirm(question, err=True):
            typer.echo("nothing was changed", err=True)
            raise typer.Exit(FOUND)

    def _console(self, *, errors: bool = False) -> Console:
        from rich.console import Console

        console = Console(stderr=errors, highlight=False)
        if not console.is_terminal:
            console.width = _UNFOLDED
        return console


def billed_per(roots: int, billed: Billed) -> dict[str, object]:
    """What a scan was billed for, and how much that is per root."""
    found: dict[str, object] = {"billed_reads": billed.reads, "billed_writes": billed.writes}
    if roots:
        found["reads_per_root"] = round(billed.reads / roots, 2)
        found["writes_per_root"] = round(billed.writes / roots, 2)
    return found


def as_text(value: object) -> str:
    """A value as text for people: "" for None, times in ISO 8601, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(as_text, cast("Iterable[object]", value)))
    return str(value)
