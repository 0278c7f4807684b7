"""`estimates`: what a change of each source collection costs, with the events that follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onto_fn.aggregates.spec import SHARDS
from onto_fn.engine.records.ledger import OUTBOX_COLLECTION
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.paths import parent_collection
from onto_fn.pricing.counts import Counts
from onto_fn.pricing.event import event_of
from onto_fn.pricing.world import World

_OWN = {OUTBOX_COLLECTION, SHARDS.text}
_AT_LEAST = "at least: its code may read and write more, and cause further events"

if TYPE_CHECKING:
    from onto_fn.functions import App


@dataclass(frozen=True)
class Estimate:
    """What one change of a collection costs, on average.

    Attributes:
        collection: the template of the collection.
        counts: everything that is billed for it.
        unaffected: what a change costs that no view shows.
        fan_out: documents that it affects itself.
        chain: the collections in which further events follow, in their order.
        rests_on: what the counts rest on.
    """

    collection: str
    counts: Counts
    unaffected: Counts
    fan_out: float
    chain: tuple[str, ...]
    rests_on: tuple[str, ...]


def estimates(app: App, world: World) -> list[Estimate]:
    """The estimates of all collections that the app listens to, in their order."""
    return [
        _of_collection(app, world, trigger.collection.text)
        for trigger in app.triggers()
        if trigger.collection.text not in _OWN  # they are in the chains of the others
    ]


def _of_collection(app: App, world: World, collection: str) -> Estimate:
    template = PathTemplate(collection)
    # Of tasks, and of documents that nothing reads yet, the world has none.
    unread = template.child("x").render(dict.fromkeys(template.variables, "x"))
    paths = world.documents(collection) or [unread]
    total, unaffected, width = Counts(), Counts(), 0.0
    chain: dict[str, None] = {}
    for path in paths:
        total += _with_chain(app, world, path, chain)
        event = event_of(app, world, path)
        found = len(world.readers(path))
        lookups = event.counts.lookups
        unaffected += Counts(1, lookups, max(1, found) if lookups else 2)
        width += event.width
    share = 1 / len(paths)
    is_code = any(
        definition.mode != "materialise" and definition.root_collection.match(collection)
        for definition in app.engine.definitions.values()
    )
    return Estimate(
        collection,
        total.times(share),
        unaffected.times(share),
        width * share,
        tuple(chain),
        (*world.rests_on(collection), *([_AT_LEAST] if is_code else [])),
    )


def _with_chain(app: App, world: World, path: str, chain: dict[str, None]) -> Counts:
    """An event, and the events of what it writes. Views do not feed each other in a cycle."""
    event = event_of(app, world, path)
    counts = event.counts
    for written in event.written:
        collection = parent_collection(written)
        for trigger in app.triggers():
            if trigger.collection.match(collection) is not None:
                chain[trigger.collection.text] = None
                counts += _with_chain(app, world, written, chain)
                break
    return counts
