"""What one change costs: the engine's protocol, as counts.

The counts are of a change that matters, of a document that exists before and after: it changes
what the views show. See docs/how-it-works.md; the emulator tests compare them with what is billed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onto_fn.engine.records.ledger import is_shard
from onto_fn.firestore.paths import parent_collection
from onto_fn.pricing.counts import Counts
from onto_fn.pricing.world import Reading, World
from onto_fn.store.queries import QueryRead
from onto_fn.views import Definition

if TYPE_CHECKING:
    from onto_fn.engine.materialise.fan_out import FanOut
    from onto_fn.functions import App

_PAGE = 300
"""Records in one query of a look-up."""


@dataclass(frozen=True)
class Event:
    """What one event costs.

    Attributes:
        counts: without the events that its writes cause.
        written: what it writes that may cause events.
        width: how many documents it affects.
    """

    counts: Counts
    written: tuple[str, ...]
    width: int


def event_of(app: App, world: World, path: str) -> Event:
    """The event of a change of one document."""
    collection = parent_collection(path)
    counts, written, width = Counts(invocations=1), [*()], 0
    definitions = [d for d in app.engine.definitions.values() if d.mode == "materialise"]
    if any(w.match(collection) is not None for d in definitions for w in d.watched_collections()):
        readings = world.readers(path)
        found = len(readings)
        pages = 1 if found and found % _PAGE == 0 else 0  # the last page is empty
        counts += Counts(lookups=1, reads=max(1, found) + pages)
        width = sum(max(1, len(reading.documents)) for reading in readings)
        fan_out = app.fan_out
        if fan_out is not None and width > fan_out.threshold:
            counts += _fanned_out(fan_out, readings)
        else:
            counts += _built(readings)
        written += [document for reading in readings for document in reading.documents]
        counts += _sent(readings)
    if not is_shard(path):
        for definition in app.engine.definitions.values():
            if definition.mode != "materialise" and definition.root_collection.match(collection):
                counts += _direct(definition)
        for aggregate in app.engine.aggregates.values():
            if aggregate.shape.collection.match(collection) is not None:
                # The register, the document, its record, its dead letter; the record, a shard.
                counts += Counts(reads=4, writes=2)
                shard = world.shard_of(aggregate, path)
                written += [shard] if shard is not None else []
    return Event(counts, tuple(written), width)


def _built(readings: Sequence[Reading]) -> Counts:
    """One batched read, the queries, and one commit of all."""
    sources: set[str] = set()
    queries: dict[Hashable, int] = {}
    writes = 0
    for reading in readings:
        definition = reading.definition
        is_eventual = definition.consistency == "eventual"
        if not is_eventual:
            sources |= reading.sources
            number = _queries(definition)
            if number:
                queries[reading.asked] = max(number, len(reading.matched))
        if reading.documents or reading.shard == 0 or is_eventual:
            writes += len(reading.documents) + 1
    extremes = {
        (reading.definition.name, reading.root): _extremes(reading.definition)
        for reading in readings
    }
    reads = len(sources) + sum(queries.values()) + sum(extremes.values())
    return Counts(reads=reads, writes=writes)


def _fanned_out(fan_out: FanOut, readings: Sequence[Reading]) -> Counts:
    """Batches, each of which reads its records again."""
    batches: dict[str, list[list[Reading]]] = {}
    for reading in readings:
        filling = batches.setdefault(reading.definition.name, [[]])
        filled = sum(max(1, len(one.documents)) for one in filling[-1])
        if filling[-1] and filled + max(1, len(reading.documents)) > fan_out.batch:
            filling.append([])
        filling[-1].append(reading)
    counts = Counts()
    for filling in batches.values():
        for batch in filling:
            counts += Counts(invocations=1, messages=1, reads=len(batch)) + _built(batch)
    return counts


def _sent(readings: Sequence[Reading]) -> Counts:
    """The messages of changed documents: through the outbox, each by a call of its own."""
    messages = sum(len(reading.documents) * len(reading.definition.sends) for reading in readings)
    # Written with the view. Its function asks what waits before it, and deletes it when it is sent.
    return Counts(
        invocations=messages, reads=messages, writes=messages, deletes=messages, messages=messages
    )


def _direct(definition: Definition) -> Counts:
    """The document and its dead letter; what is written, or the mark."""
    others = len(definition.store.reads()) - 1 if definition.decide is None else 0
    return Counts(reads=2 + others, writes=1)


def _queries(definition: Definition) -> int:
    return sum(isinstance(read, QueryRead) for read in definition.store.reads().values())


def _extremes(definition: Definition) -> int:
    specs = definition.store.aggregates()
    return sum(measure.is_extreme for spec in specs for measure in spec.measures.values())
