"""How much of each resource a rate of changes uses, and what is done where it is not enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import ceil

from onto_fn.aggregates.spec import MAX_SHARDS

from . import model
from .model import Setup, needed_instances
from .resources import (
    EVENTS,
    constant,
    exponential,
    hot_view,
    instance,
    queue,
    shard_writes,
)

SEED = 19


@dataclass(frozen=True)
class Load:
    """A resource at a rate of changes.

    Args:
        resource: its name.
        value: use over what it takes; it breaks above 1.
        remedy: what is done.
        taken: who does it: the toolkit by itself, or the app after a finding.
        relieve: the setup with the remedy.
    """

    resource: str
    value: float
    remedy: str
    taken: str
    relieve: Callable[[Setup], Setup]

    @property
    def breaks(self) -> bool:
        return self.value > 1


@cache  # several tables show the same
def loads(rate: float, setup: Setup, *, events: int = EVENTS) -> tuple[Load, ...]:
    """The resources that the rate uses, in the order of the event's way."""
    return tuple(_loads(rate, setup, events))


def _loads(rate: float, setup: Setup, events: int) -> Iterator[Load]:
    running = setup.running(rate)
    indexed = queue(
        rate, 1, exponential(1 / model.INDEXED_WRITES.value), seed=SEED, customers=events
    ).load
    yield Load(
        "index: ledger, outbox",
        0 if setup.own_exempt else indexed,
        "exempt all fields that no query asks for",
        "onto_fn: `onto generate indexes`",
        lambda setup: replace(setup, own_exempt=True),
    )
    yield Load(
        "index: the app's own times",
        0 if setup.app_exempt else indexed,
        "exempt the field, or split the query",
        "the app; `onto doctor`: increasing-index",
        lambda setup: replace(setup, app_exempt=True),
    )
    seconds = model.EVENT_BYTES.value / (model.TRANSPORT.value * setup.transport)
    moved = queue(rate, 1, constant(seconds), seed=SEED, customers=events).load
    yield Load(
        "transport of events",
        moved,
        "a larger quota of Pub/Sub",
        "the project, at Google",
        lambda setup: replace(setup, transport=setup.transport * ceil(moved / 0.9)),
    )
    busy = instance(rate / running, int(model.CONCURRENCY.value), seed=SEED, customers=events).load
    yield Load(
        "instances",
        busy,
        f"`max_instances={needed_instances(rate):,}`",
        "the app; `onto doctor`: function-limits",
        lambda setup: replace(setup, instances=needed_instances(rate)),
    )
    counted = rate * model.BUSIEST_GROUP.value / setup.parts
    written = shard_writes(counted, running, setup.shards, seed=SEED, customers=events)
    each = written / setup.shards / model.DOCUMENT_WRITES.value
    enough = ceil(written / 0.8)
    divided = ceil(enough / MAX_SHARDS)  # an aggregate has no more shards than these
    shards = ceil(enough / divided)
    yield Load(
        "document: shard of the busiest group",
        each,
        f"`shards={shards}`" + (f", and {divided} groups by a filter" if divided > 1 else ""),
        "the app; `onto doctor`: hot-aggregate",
        lambda setup: replace(setup, shards=shards, parts=setup.parts * divided),
    )
    shown = hot_view(written, running, seed=SEED, customers=events).commits
    parts = ceil(rate * model.BUSIEST_GROUP.value / 0.8)
    yield Load(
        "document: view of the busiest group",
        shown / model.DOCUMENT_WRITES.value,
        f"{parts} groups, each with a view",
        "the app; no finding yet",
        lambda setup: replace(setup, parts=parts),
    )
    concerned = rate * model.BUSIEST_ROOT.value / setup.roots
    built = hot_view(concerned, running, seed=SEED, customers=events).commits
    roots = ceil(rate * model.BUSIEST_ROOT.value / 0.8)
    yield Load(
        "document: view of the busiest root",
        built / model.DOCUMENT_WRITES.value,
        f"{roots} roots instead of one",
        "the app; `onto doctor`: hot-view, for queries alone",
        lambda setup: replace(setup, roots=roots),
    )
    batches = rate * model.WIDE.value * model.BATCHES
    widened = queue(
        batches,
        setup.batch_instances,
        exponential(model.BATCH.value),
        seed=SEED,
        customers=max(events, 20 * setup.batch_instances),
    ).load
    needed = ceil(batches * model.BATCH.value / model.CPU_TARGET.value)
    yield Load(
        "fan-out: instances for batches",
        widened,
        f"`max_instances={needed}`",
        "the app",
        lambda setup: replace(setup, batch_instances=needed),
    )


def steps(rate: float, *, events: int = EVENTS) -> list[Load]:
    """What breaks, one after the other: the worst first, then the worst once that is remedied."""
    setup, found = Setup(), list[Load]()
    while True:
        worst = max(loads(rate, setup, events=events), key=lambda load: load.value)
        if not worst.breaks:
            return found
        found.append(worst)
        setup = worst.relieve(setup)
        if len(found) > 20:
            raise RuntimeError(f"no remedy helps: {worst.resource}")
