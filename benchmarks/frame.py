"""What every benchmark gives: tables, ratios of interleaved rounds, and curves to draw."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Options:
    """How long a benchmark may take."""

    quick: bool = False

    def pick(self, usual: Any, quick: Any) -> Any:
        """A size or a number of rounds."""
        return quick if self.quick else usual


@dataclass(frozen=True)
class Ratio:
    """A over B, one value a round; both were measured next to each other in that round.

    Args:
        label: what is divided by what, such as `onto_fn / raw`.
        values: one a round.
        unit: of what was measured, such as `latency`.
        target: what the median should be: `at most 1.25`; empty if there is no such line.
    """

    label: str
    values: tuple[float, ...]
    unit: str = ""
    target: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        spread = f"{min(self.values):.2f} to {max(self.values):.2f}"
        target = f", wanted {self.target}" if self.target else ""
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"{self.label}{unit}: {self.median:.2f} ({spread}, {len(self.values)} rounds{target})"
        )

    @staticmethod
    def of(label: str, a: Sequence[float], b: Sequence[float], **rest: str) -> Ratio:
        """The ratios of two sides' rounds."""
        return Ratio(label, tuple(x / y for x, y in zip(a, b, strict=True)), **rest)


@dataclass(frozen=True)
class Table:
    """Rows of numbers and texts; the first column is what a row is about."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]


@dataclass(frozen=True)
class Curves:
    """Curves of one drawing, by name: x and y values."""

    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float, float]]]
    log: bool = True


@dataclass
class Report:
    """What one benchmark has found."""

    tables: list[Table] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def show(self, console: Console) -> None:
        """Print it."""
        for table in self.tables:
            shown = RichTable(title=table.title, title_justify="left")
            for number, column in enumerate(table.columns):
                shown.add_column(column, justify="right" if number else "left")
            for row in table.rows:
                shown.add_row(*(text(cell) for cell in row))
            console.print(shown)
        for line in [*map(str, self.ratios), *self.notes]:
            console.print(line, highlight=False, soft_wrap=True)

    def to_json(self) -> dict[str, Any]:
        """It as results.json has it."""
        found = asdict(self)
        for ratio, entry in zip(self.ratios, found["ratios"], strict=True):
            entry |= {"median": ratio.median, "min": min(ratio.values), "max": max(ratio.values)}
        return found


def from_rich(table: RichTable) -> Table:
    """A table that was made for printing."""
    columns = [[str(column.header), *map(str, column.cells)] for column in table.columns]
    header, *rows = zip(*columns, strict=True)
    return Table(str(table.title), header, tuple(rows))


def text(cell: str | float) -> str:
    """A cell as a reader wants it: three digits that count."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or cell == int(cell) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.3g}"


def interleaved(rounds: int, sides: Mapping[str, Callable[[int], float]]) -> dict[str, list[float]]:
    """One measurement of each side in each round; every other round goes in the other order.

    So what else the machine does falls on all sides alike.
    """
    found: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        order = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in order:
            found[name].append(sides[name](number))
    return found


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]
