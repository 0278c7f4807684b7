"""One hot document, beside hand-written triggers that do the same in a transaction.

* A hot view (hot_view.py): each event rebuilds a document that by hand nobody has to read; with
  every event delivered once, and twice.
* A hot counter (hot_counter.py): each event reads a document and writes it again.

Every worker writes a source and handles its event, one after the other, all workers at once. Each
side has a project of its own, in interleaved rounds on one emulator. A hand-written trigger tries
five times, as the client library does, and what then fails is lost, as firebase-functions asks for
no redelivery. A round by hand is cut after some seconds and counts what was handled until then.
What reads and writes one document comes last, as its locks go on in the emulator for a while.

Run it with `make bench BENCH=hot_document`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import hot_counter
import hot_view
from contention import COLUMNS, Round, Side, contend
from emulator import emulator
from frame import Options, Ratio, Report, Table, interleaved

NOTE = (
    "The emulator ends a deadlock of two transactions only when a lock times out, after seconds, "
    "and Firestore is said not to. What reads and then writes one document is the slower for it "
    "here, so the size of the ratio over it is the emulator's."
)


@dataclass(frozen=True)
class Scenario:
    """One comparison.

    Attributes:
        title: of its table.
        sides: the first is onto_fn's.
        workers: how many at a time.
        events: of each worker.
        deliveries: of each event.
        rounds: how many.
        target: what the ratio over the second side should be.
    """

    title: str
    sides: Sequence[type[Side]]
    workers: int
    events: int
    deliveries: int = 1
    rounds: int = 1
    target: str = ""

    def run(self, report: Report, limit: float) -> None:
        """Add the table and the ratios.

        Raises:
            AssertionError: onto_fn has lost an event, or its view is not right.
        """
        found: dict[str, list[Round]] = {side.name: [] for side in self.sides}

        def measure(make: type[Side]) -> float:
            made = contend(make(), self.workers, self.events, self.deliveries, limit)
            found[make.name].append(made)
            return made.rate

        rates = interleaved(
            self.rounds, {s.name: lambda _, side=s: measure(side) for s in self.sides}
        )
        for name, made in found.items():
            failed = [one for one in made if not one.right or len(one.latencies) < one.events]
            if name.startswith("onto_fn") and failed:
                raise AssertionError(f"{self.title}: {name} has lost events: {failed}")
        rows = tuple(Round.row(name, made) for name, made in found.items())
        title = f"{self.title}: {self.rounds} x {self.workers} workers x {self.events} events"
        report.tables.append(Table(title, COLUMNS, rows))
        ours, *others = rates
        for name in others:
            label = f"{self.title}: {ours} / {name}"
            target = self.target if name == "@transactional" else ""
            ratio = Ratio.of(label, rates[ours], rates[name], unit="events/s", target=target)
            report.ratios.append(ratio)


def scenarios(options: Options) -> list[Scenario]:
    """What is compared; quick runs leave out the variants."""
    view = [hot_view.OntoFn, hot_view.Join]
    counter = [hot_counter.OntoFn, hot_counter.Transactional]
    wanted = "at least 20"
    if options.quick:
        return [
            Scenario("A hot view", view, 8, 5, rounds=2),
            Scenario("A hot counter", counter, 8, 5, target=wanted),
        ]
    view.append(hot_view.JoinOnce)
    counter += [hot_counter.OntoFnSharded, hot_counter.TransactionalOnce]
    recorded = [hot_view.OntoFn, hot_view.JoinRecorded]
    return [
        Scenario("A hot view", view, 16, 5, rounds=4),
        Scenario("A hot view, events twice", view, 16, 5, rounds=4, deliveries=2),
        Scenario("A hot counter", counter, 8, 10, rounds=2, target=wanted),
        Scenario("A hot view with a record", recorded, 16, 5, deliveries=2),
    ]


def run(options: Options) -> Report:
    """Interleaved rounds; what was handled and lost, and how many times as fast."""
    report = Report(notes=[NOTE])
    limit = options.pick(10.0, 4.0)
    with emulator():
        for make in (hot_view.OntoFn, hot_view.Join) * options.pick(3, 1):  # warm up
            contend(make(), 8, 5, 1, limit)
        for scenario in scenarios(options):
            scenario.run(report, limit)
    return report
