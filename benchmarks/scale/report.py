"""The tables of docs/scale.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onto_fn.pricing import Counts, prices_of

from . import model
from .loads import loads, steps
from .model import FACTS, RATES, Setup
from .resources import hot_view, instance, ramp

_MONTH = 30 * 24 * 3600
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Shown:
    """A table of texts."""

    columns: Sequence[str]
    rows: Rows

    def __str__(self) -> str:
        """It in Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sections() -> list[tuple[str, Shown]]:
    """A name and a table each, in the order of the page."""
    return [
        ("facts", facts()),
        ("loads", used()),
        ("first", first()),
        ("steps", broken()),
        ("hot", hot()),
        ("instance", waits()),
        ("ramp", ramps()),
        ("cost", cost()),
    ]


def facts() -> Shown:
    return Shown(
        ["what", "value", "is", "from"],
        [(_what(fact), _value(fact), fact.kind, fact.source) for fact in FACTS],
    )


def used() -> Shown:
    """The use of each resource, as the app is deployed at first; in bold what breaks."""
    columns = [loads(rate, Setup()) for rate in RATES]
    return Shown(
        ["resource, use over what it takes", *map(_rate, RATES)],
        [
            (row[0].resource, *(_load(load.value) for load in row))
            for row in zip(*columns, strict=True)
        ],
    )


def first() -> Shown:
    """What breaks first, by what has been done before."""
    states = (Setup(), Setup(own_exempt=True), Setup(own_exempt=True, app_exempt=True))
    rows = [(_rate(rate), *(_worst(rate, setup) for setup in states)) for rate in RATES]
    return Shown(
        ["changes/s", "with automatic indexes", "with the generated files", "and own times exempt"],
        rows,
    )


def broken() -> Shown:
    """What breaks at each rate, with the remedy."""
    rows: list[Sequence[str]] = []
    for rate in RATES:
        for number, load in enumerate(steps(rate), 1):
            name = _rate(rate) if number == 1 else ""
            rows.append(
                (name, str(number), load.resource, _load(load.value), load.remedy, load.taken)
            )
    return Shown(["changes/s", "step", "breaks", "use", "remedy", "by"], rows)


def hot() -> Shown:
    """What becomes of a root that changes often."""
    rows: list[Sequence[str]] = []
    for rate in (1, 5, 20, 100, 500):
        for instances in (1, 10, 100):
            seen = hot_view(rate, instances, seed=19)
            rows.append(
                (
                    f"{rate:g}",
                    str(instances),
                    f"{seen.commits:.1f}",
                    f"{seen.share:.2f}",
                    f"{seen.lost:.2f}",
                    f"{1000 * seen.late:.0f}",
                )
            )
    return Shown(
        ["events/s", "instances", "commits/s", "commits/event", "lost/event", "mean ms"], rows
    )


def waits() -> Shown:
    """What events of one instance wait for a place and its vCPU."""
    rows: list[Sequence[str]] = []
    for rate in (50, 94, 125, 150, 200):
        seen = instance(rate, int(model.CONCURRENCY.value), seed=19)
        behind = f"{60 * seen.behind:.0f}" if seen.load > 1 else ""
        rows.append((str(rate), f"{seen.load:.2f}", f"{1000 * seen.wait:.1f}", behind))
    return Shown(["events/s", "use", "mean wait, ms", "minutes late after an hour"], rows)


def ramps() -> Shown:
    rows: list[Sequence[str]] = []
    for rate in RATES:
        found = ramp(rate, model.RAMP.value)
        minutes = (found.allowed, found.caught_up, found.longest)
        rows.append((_rate(rate), *(f"{seconds / 60:.0f}" for seconds in minutes)))
    return Shown(
        [
            "writes/s from the first second on",
            "taken after, min",
            "caught up after",
            "late at most",
        ],
        rows,
    )


def cost() -> Shown:
    """Dollars a month by the price table of `onto cost`."""
    prices = prices_of("us-central1")
    shown = Counts(1, 1, model.READS, model.WRITES)
    unread = Counts(1, 1, 1)
    rows = [
        (
            _rate(rate),
            f"${prices.dollars(shown.times(rate * _MONTH)):,.0f}",
            f"${prices.dollars(unread.times(rate * _MONTH)):,.0f}",
        )
        for rate in RATES
    ]
    return Shown(["changes/s", "all are shown by a view", "none is read by a view"], rows)


def _worst(rate: float, setup: Setup) -> str:
    worst = max(loads(rate, setup), key=lambda load: load.value)
    return f"{worst.resource} ({_load(worst.value)})"


def _rate(rate: float) -> str:
    return f"{rate:,}"


def _what(fact: model.Fact) -> str:
    return f"changes that {fact.what}" if fact.unit.startswith("of ") else fact.what


def _value(fact: model.Fact) -> str:
    unit = f" {fact.unit}" if fact.unit and not fact.unit.startswith("of ") else ""
    if unit == "" and fact.unit:
        return f"1 in {1 / fact.value:,.0f}"
    number = f"{fact.value:,.0f}" if fact.value >= 1 else f"{fact.value:g}"
    return f"{number}{unit}"


def _load(value: float) -> str:
    text = f"{value:.1f}" if value >= 10 else f"{value:.2g}"
    text = f"{value:.0f}" if value >= 99.5 else text
    return f"**{text}**" if value > 1 else text
