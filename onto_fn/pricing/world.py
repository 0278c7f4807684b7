"""What is read by what: the documents of an app, measured or assumed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.views import Definition


@dataclass(frozen=True)
class Reading:
    """One ledger record, as far as it decides what an event costs.

    Attributes:
        definition: whose it is.
        root: path of the root.
        shard: number of the record.
        sources: what is read by path, whether it exists or not.
        matched: what its queries find.
        documents: paths of its documents.
        asked: equal for readings whose queries are the same.
    """

    definition: Definition
    root: str
    shard: int
    sources: frozenset[str]
    matched: frozenset[str]
    documents: tuple[str, ...]
    asked: Hashable


class World(Protocol):
    """Documents, and what reads them."""

    def readers(self, path: str) -> Sequence[Reading]:
        """The records that a look-up finds for a change of a document."""
        ...

    def shard_of(self, aggregate: AggregateSpec, path: str) -> str | None:
        """The shard to which a document adds, None if nothing reads it."""
        ...

    def documents(self, collection: str) -> Sequence[str]:
        """Documents of a collection (the text of its template), of which the costs are averaged."""
        ...

    def rests_on(self, collection: str) -> list[str]:
        """What the counts of a collection rest on, for people."""
        ...
