"""Joins of any width and depth: time, round trips and billed documents of an event.

Beside onto_fn in its default mode: the same view with `consistency="eventual"`, and the default's
calls with requests that were made beforehand, so that what remains is the emulator's and the
connection's. Duplicates and changes that alter nothing are measured as well.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from emulator import emulator
from frame import Curves, Options, Ratio, Report, Table, interleaved
from peers.raw import replayed

from onto_fn import DomainModel, Ref, Store, ViewModel, many, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Document, Write
from onto_fn.observability import Change
from onto_fn.testing.billing import Billing
from onto_fn.views.definition import Consistency


class Part(DomainModel, collection="parts"):
    number: int = 0
    next: Ref[Part] | None = None


class Whole(DomainModel, collection="wholes"):
    parts: list[Ref[Part]]


class WholeStore(Store):
    whole = root(Whole)
    first = many(Part, lambda store: store.whole.parts)
    second = many(Part, lambda store: [p.next for p in store.first if p.next])
    third = many(Part, lambda store: [p.next for p in store.second if p.next])
    fourth = many(Part, lambda store: [p.next for p in store.third if p.next])


class Total(ViewModel[WholeStore], path="totals/{whole}"):
    @property
    def total(self) -> int:
        levels = (self.store.first, self.store.second, self.store.third, self.store.fourth)
        return sum(part.number for level in levels for part in level)


class Join:
    """A view of `width` chains of `depth` parts each, up to date."""

    def __init__(self, width: int, depth: int, consistency: Consistency = "snapshot") -> None:
        self.project = f"demo-{secrets.token_hex(6)}"
        self.billing = Billing()
        self.plain = Database(self.project)
        self.database = Database(self.project, interceptors=[self.billing])
        self.engine = Engine([replace(Total.definition(), consistency=consistency)])
        self.number = 0
        identifiers = [[f"p{n}-{level}" for level in range(depth)] for n in range(width)]
        parts = [
            Part(doc_id=doc_id, next=Part.ref(chain[level + 1]) if level + 1 < depth else None)
            for chain in identifiers
            for level, doc_id in enumerate(chain)
        ]
        whole = Whole(doc_id="w", parts=[Part.ref(chain[0]) for chain in identifiers])
        models = [*parts, whole]
        self.plain.commit([Write(model.doc_ref.path, model.doc_fields()) for model in models])
        self.engine.rebuild(self.plain, "Total", "wholes/w")
        self.changed = f"parts/p0-{depth - 1}"

    def change(self, **fields: Any) -> Change:
        """Change the last part of the first chain, and return the event."""
        self.number += 1
        before = self.plain.get([self.changed])[0][self.changed]
        content = {**(before.fields or {}), **(fields or {"number": self.number})}
        written = self.plain.commit([Write(self.changed, content)])
        after = Document(self.changed, content, written)
        return Change(self.changed, before, after, secrets.token_hex(8))

    def costs(self, events: int, changes: Callable[[], Change]) -> list[float]:
        """Median milliseconds; round trips, reads and writes of an event."""
        self.billing.counts.clear()
        taken: list[float] = []
        for _ in range(events):
            change = changes()
            started = time.perf_counter()
            self.engine.handle(self.database, change)
            taken.append(time.perf_counter() - started)
        billed = [self.billing.counts[kind] / events for kind in ("calls", "reads", "writes")]
        return [statistics.median(taken) * 1000, *billed]


def run(options: Options) -> Report:
    """Every width and depth, and the kinds of event that there is nothing to do for."""
    rounds, events = options.pick(5, 3), options.pick(20, 6)
    with emulator():
        widths = [(width, 1) for width in options.pick((1, 2, 5, 10, 50, 100, 500), (1, 10, 100))]
        wide, ratios = _measured(widths, "width {width}", rounds, events)
        deep, _ = _measured([(5, depth) for depth in (1, 2, 3, 4)], "depth {depth}", rounds, events)
        idle = _idle(events * rounds)
    columns = (
        *("", "default ms", "round trips", "reads", "writes"),
        *("eventual ms", "round trips", "reads", "writes", "ready-made ms"),
    )
    report = Report(
        [
            Table("One event of a join, by its width", columns, wide),
            Table("One event of a join of width 5, by its depth", columns, deep),
            Table(
                "Events of a join of width 10 that change no view",
                ("", "ms", "round trips", "reads", "writes"),
                idle,
            ),
        ]
    )
    report.ratios = ratios
    points = [(width, row) for (width, _), row in zip(widths, wide, strict=True)]

    def column(number: int) -> list[tuple[float, float]]:
        return [(width, float(row[number])) for width, row in points]

    series = {
        "default": column(1),
        "eventual": column(5),
        "the default's requests, ready-made": column(9),
    }
    report.curves = [Curves("One event of a join", "documents joined", "milliseconds", series)]
    reads = {"default": column(3), "eventual": column(7)}
    report.curves.append(Curves("Billed reads of one event", "documents joined", "reads", reads))
    return report


def _measured(
    shapes: Iterable[tuple[int, int]], label: str, rounds: int, events: int
) -> tuple[tuple[tuple[str | float, ...], ...], list[Ratio]]:
    rows: list[tuple[str | float, ...]] = []
    ratios: list[Ratio] = []
    for width, depth in shapes:
        default, eventual = Join(width, depth), Join(width, depth, "eventual")
        limit = replayed(
            Database(default.project),
            lambda database, join=default: join.engine.handle(database, join.change()),
        )
        billed: dict[str, list[float]] = {}

        def costs(name: str, join: Join, billed: dict[str, list[float]] = billed) -> float:
            milliseconds, *billed[name] = join.costs(events, join.change)
            return milliseconds

        found = interleaved(
            rounds,
            {
                "default": lambda _, join=default, costs=costs: costs("default", join),
                "eventual": lambda _, join=eventual, costs=costs: costs("eventual", join),
                "ready-made": lambda _, join=default, play=limit: _median(
                    events, join.change, play
                ),
            },
        )
        median = {name: statistics.median(values) for name, values in found.items()}
        shape = label.format(width=width, depth=depth)
        rows.append(
            (
                shape,
                *(median["default"], *billed["default"]),
                *(median["eventual"], *billed["eventual"]),
                median["ready-made"],
            )
        )
        for name, over in (("eventual", "default"), ("default", "ready-made")):
            title = f"{name} / {over}, {shape}"
            ratios.append(Ratio.of(title, found[name], found[over], unit="latency"))
    return tuple(rows), ratios


def _median(events: int, change: Callable[[], Change], handle: Callable[[], None]) -> float:
    taken: list[float] = []
    for _ in range(events):
        change()
        started = time.perf_counter()
        handle()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def _idle(events: int) -> tuple[tuple[str | float, ...], ...]:
    join = Join(10, 1)
    known = join.change()
    join.engine.handle(join.plain, known)
    no_op = Change(known.path, known.after, known.after, "no-op")
    kinds: dict[str, Callable[[], Change]] = {
        "duplicate": lambda: known,
        "no-op": lambda: no_op,
        "a field no view uses": lambda: join.change(unused=secrets.token_hex(4)),
    }
    return tuple((name, *join.costs(events, changes)) for name, changes in kinds.items())
