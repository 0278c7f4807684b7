"""Targets: everything that has roots and is built or counted for each of them.

A target is a view, a mediator, or an aggregate, whose roots are the documents that it counts. All
differences between them are here: where their roots and records are, how one root or several are
brought up to date, and how they are verified. `kinds` has the kinds of targets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from onto_fn.attempts import Collector, RetryPolicy
from onto_fn.engine.materialise.comparison import Seen
from onto_fn.engine.materialise.difference import Difference, Look
from onto_fn.errors import DeclarationError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome
from onto_fn.firestore import Database, Document, PathTemplate, Query
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import parent_collection

Item = tuple[str, int]
"""A root, and which of its shards."""


@dataclass(frozen=True)
class Begun:
    """A generation of an aggregate's numbers that is being counted.

    Attributes:
        number: of the generation.
        was_shown: whether its numbers were shown already.
    """

    number: int
    was_shown: bool


@dataclass(frozen=True)
class Cost:
    """Approximate billed reads and writes of one root.

    Attributes:
        reads: document reads.
        writes: document writes.
        sampled: number of builds that were averaged.
    """

    reads: float
    writes: float
    sampled: int = 0


class Target(ABC):
    """What has roots.

    Attributes:
        name: unique in the app.
        template: of the collections of the roots.
        shards: how many records each root has.
        is_backfilled: whether existing roots can be built at any time.
        is_verified: whether it has records, by which it can be compared with its sources.
    """

    is_backfilled = True
    is_verified = True

    def __init__(self, name: str, template: PathTemplate, shards: int = 1) -> None:
        self.name = name
        self.template = template
        self.shards = shards

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Changes when its code does."""

    # Its roots

    def root_query(self) -> Query:
        """The query for the names of all roots, and possibly others in a collection group.

        Raises:
            DeclarationError: the id of the roots' collection is a variable.
        """
        template = self.template
        if template.segments[-1].startswith("{"):
            raise DeclarationError(
                f"the roots of {self.name} are in {template.text!r}. A collection whose id is a "
                "variable cannot be scanned; rebuild its roots one by one with `Engine.rebuild`"
            )
        if not template.variables:
            return Query(template.text, keys_only=True)
        return Query(template.segments[-1], keys_only=True, collection_group=True)

    def is_root(self, path: str) -> bool:
        """Whether a document can be a root, by its path."""
        return self.template.match(parent_collection(path)) is not None

    @abstractmethod
    def accepts(self, fields: Fields) -> bool:
        """Whether a document that can be a root is of the class that is built or counted."""

    def items(self, roots: Sequence[str]) -> list[Item]:
        """The shards of roots."""
        return [(root, shard) for root in roots for shard in range(self.shards)]

    # Its records

    @abstractmethod
    def records(self) -> Query:
        """The query, indexed, for all records of its roots."""

    @abstractmethod
    def current_records(self) -> list[Query]:
        """The queries that together find the records of the current definition."""

    @abstractmethod
    def record_path(self, root: str, shard: int = 0) -> str:
        """Document path of a root's record."""

    def record_span(self) -> tuple[str, str] | None:
        """The paths between which all its records are; None if there are others between them.

        The records in it are in the order of the paths of the roots, with few exceptions.
        """
        return None

    @abstractmethod
    def root_named(self, path: str) -> str | None:
        """The root of a record's path, if the path is unambiguous."""

    @abstractmethod
    def root_in(self, record: Document) -> str | None:
        """The root that a record names; None if there is no record.

        Raises:
            UnreadableRecord: the document is something else.
        """

    @abstractmethod
    def versions_in(self, record: Document) -> dict[str, datetime | None]:
        """The sources in a record: update time by path.

        Raises:
            UnreadableRecord: the document is something else.
        """

    def count_current(self, database: Database) -> int:
        """How many roots do not need a build, as far as counting shows."""
        return 0

    def count_skipping(self, database: Database) -> int:
        """How many roots leave out invalid sources."""
        return 0

    def other_fingerprints(self, database: Database) -> list[str]:
        """The fingerprints in its records besides its own, each a part of a backfill."""
        return []

    def records_with(self, fingerprint: str) -> Query:
        """The query for the records that one version of the definition has written."""
        return self.records()

    def due(self, database: Database, roots: Sequence[str], policy: RetryPolicy) -> Sequence[str]:
        """The roots that were never built.

        `other_fingerprints` finds those built by other versions. If it finds nothing, all are due.
        """
        return roots

    # Building and counting

    @abstractmethod
    def one(
        self,
        database: Database,
        item: Item,
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> Outcome:
        """Bring one root, or one of its shards, up to date.

        Args:
            database: the database.
            item: the root and the shard.
            change: the event; None to do it regardless of the record.
            policy: bounds of the retries.
            force: write the documents even if the record lists the same digests.

        Raises:
            RetriesExhausted: nothing was committed.
        """

    def together(
        self,
        database: Database,
        items: Sequence[Item],
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> tuple[list[Outcome], list[Item]]:
        """Bring several up to date in few commits; see `one`.

        Returns:
            The outcomes of those that are done, and the items that must be done alone.
        """
        return [], list(items)

    def begin(self, database: Database, policy: RetryPolicy) -> Begun | None:
        """The start of a backfill; see `switch`."""
        return None

    def end(self, database: Database, begun: Begun, policy: RetryPolicy) -> bool:
        """Show what a backfill counted; False if another definition replaced it."""
        return True

    def is_shown(self, database: Database) -> bool:
        """Whether the counted numbers are shown."""
        return True

    @abstractmethod
    def cost(self, database: Database, sample: int) -> Cost:
        """The billed cost of one root, measured by a limited number of builds without commits."""

    # Verifying

    def behind(self, database: Database, sources: Sequence[str]) -> set[str]:
        """Those of some sources whose present version has yet to be handled.

        Args:
            database: the database.
            sources: of which records name another version. It need not matter that they changed.

        Raises:
            TransientError: they could not be read.
        """
        return set(sources)

    def looks(
        self, database: Database, roots: Sequence[str], seen: Seen | None = None
    ) -> list[Look]:
        """The differences of some roots, each from one snapshot.

        Args:
            database: the database.
            roots: paths of roots.
            seen: what a scan has read already, if the target has a `record_span`.

        Raises:
            TransientError: a read failed.
            PermanentError: a batched read is refused.
        """
        return []

    def check_whole(
        self, database: Database, policy: RetryPolicy, *, repair: bool
    ) -> Iterator[Difference]:
        """Differences that belong to no root."""
        yield from ()

    # Its place among others

    @abstractmethod
    def collections_read(self) -> set[PathTemplate]:
        """Templates of the collections that it reads."""

    def aggregates_read(self) -> list[str]:
        """Names of the aggregates that it reads."""
        return []

    def collections_made(self) -> set[PathTemplate]:
        """Templates of the collections that it writes, which other targets may read."""
        return set()


def do_all(
    database: Database,
    target: Target,
    items: Sequence[Item],
    change: Change | None,
    policy: RetryPolicy,
    collector: Collector[Outcome],
) -> None:
    """Bring roots of one target up to date: together, and the rest one by one.

    Args:
        database: the database.
        target: the view, mediator or aggregate.
        items: the roots and their shards.
        change: the event, or None to rebuild regardless of the records.
        policy: bounds of the retries.
        collector: receives the outcomes.
    """
    left: Sequence[Item] = ()
    with collector:
        done, left = target.together(database, items, change, policy)
        collector.add(*done)
    for item in left:
        with collector:
            collector.add(target.one(database, item, change, policy))
