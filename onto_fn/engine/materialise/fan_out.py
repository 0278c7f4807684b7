"""Fan-out: a change that affects very many documents is rebuilt in batches.

The triggered function publishes the batches and returns. Each batch is one message; each delivery
of it rebuilds what is not covered yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Self

from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import covers
from onto_fn.errors import DeclarationError, UndecodableEvent
from onto_fn.events.change import Change
from onto_fn.events.topic_names import TOPIC_RULE, is_topic
from onto_fn.firestore import Database, Document

UNKNOWN_SHARDS = 4
"""Number of never-built shards in a batch."""


@dataclass(frozen=True)
class FanOut:
    """When a change is rebuilt in batches through Pub/Sub, and how large the batches are.

    Args:
        threshold: a change that affects more documents than this is fanned out.
        batch: approximate number of documents in a batch; one function call rebuilds it.
        topic: id of the Pub/Sub topic of the batches.

    Raises:
        DeclarationError: a number is below 1, or the topic's id is not allowed.
    """

    threshold: int = 200
    batch: int = 1000
    topic: str = "onto-fan-out"

    def __post_init__(self) -> None:
        if self.threshold < 1 or self.batch < 1:
            raise DeclarationError("a fan-out's threshold and batch must be 1 or more")
        if not is_topic(self.topic):
            raise DeclarationError(f"{self.topic!r} is not the id of a Pub/Sub topic. {TOPIC_RULE}")


@dataclass(frozen=True)
class Batch:
    """What one message asks to rebuild.

    Attributes:
        definition: name of the view or mediator; in a backfill it may also be an aggregate.
        change: the event, with the versions of the document and without its content; None in a
            backfill, which rebuilds regardless of the ledger.
        items: root and shard of each materialisation.
    """

    definition: str
    change: Change | None
    items: tuple[tuple[str, int], ...]

    def to_json(self) -> bytes:
        """The message's data."""
        change = self.change
        return json.dumps(
            {
                "definition": self.definition,
                "document": change.path if change else None,
                "event": change.event_id if change else None,
                "before": _version(change.before) if change else None,
                "after": _version(change.after) if change else None,
                "items": [list(item) for item in self.items],
            }
        ).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """The batch in the output of `to_json`.

        Raises:
            UndecodableEvent: it is something else.
        """
        try:
            found: dict[str, Any] = json.loads(data)
            path: str | None = found["document"]
            change = path and Change(
                path,
                _document(path, found["before"]),
                _document(path, found["after"]),
                found["event"],
                versions_only=True,
            )
            items = tuple((str(root), int(shard)) for root, shard in found["items"])
            return cls(found["definition"], change or None, items)
        except (KeyError, TypeError, ValueError) as error:
            raise UndecodableEvent(
                f"a message on the fan-out topic is not a batch of onto_fn: {error!r}. Publish "
                "nothing else to that topic"
            ) from error


# Publishes batches, and returns when the broker has confirmed all of them.
Publish = Callable[[Database, Iterable[Batch]], None]


def split(
    affected: Iterable[Affected], threshold: int
) -> tuple[list[Affected], Iterator[Affected]]:
    """The materialisations to do at once, and those to fan out: one of the two is empty."""
    items = iter(affected)
    head: list[Affected] = []
    documents = 0
    for item in items:
        head.append(item)
        documents += _documents(item, threshold)
        if documents > threshold:
            return [], chain(head, items)
    return head, iter(())


def batches(affected: Iterable[Affected], change: Change, size: int) -> Iterator[Batch]:
    """Batches of about `size` documents, for all items that do not cover the change yet."""
    filling: dict[str, _Filling] = {}
    for item in affected:
        if covers(item.record, change):
            continue
        name = item.definition.name
        batch = filling.setdefault(name, _Filling())
        documents = _documents(item, size)
        if batch.items and batch.documents + documents > size:
            yield Batch(name, change, tuple(batch.items))
            batch = filling[name] = _Filling()
        batch.items.append((item.root, item.shard))
        batch.documents += documents
    for name, batch in filling.items():
        yield Batch(name, change, tuple(batch.items))


@dataclass
class _Filling:
    items: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    documents: int = 0


def _documents(item: Affected, unknown: int) -> int:
    """Expected number of documents; a shard that was never built may have very many."""
    if item.record is not None:
        return max(1, len(item.record.documents))
    return 1 if item.definition.shards == 1 else max(1, unknown // UNKNOWN_SHARDS)


def _version(document: Document | None) -> dict[str, Any] | None:
    if document is None:
        return None
    time = document.update_time
    return {"updateTime": time.isoformat() if time else None}


def _document(path: str, version: dict[str, Any] | None) -> Document | None:
    if version is None:
        return None
    time = version["updateTime"]
    return Document(path, {}, datetime.fromisoformat(time)) if time else Document(path, None, None)
