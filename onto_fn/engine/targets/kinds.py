"""The kinds of targets: views and mediators in each of their modes, and aggregates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote

from typing_extensions import override

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.aggregate.contribution import counted_by, records_of
from onto_fn.engine.aggregate.count import contribute, contribute_together
from onto_fn.engine.aggregate.difference import check_sums, sources_that_differ
from onto_fn.engine.aggregate.group_commit import GroupCommit
from onto_fn.engine.aggregate.unaffected import Unaffected
from onto_fn.engine.materialise.comparison import Seen, look_at
from onto_fn.engine.materialise.cost import average_cost
from onto_fn.engine.materialise.difference import Difference, Look
from onto_fn.engine.materialise.lookup import Affected, find_one
from onto_fn.engine.materialise.protocol import materialise
from onto_fn.engine.materialise.together import materialise_together
from onto_fn.engine.records.fingerprint import other_fingerprints
from onto_fn.engine.records.ledger import LEDGER_COLLECTION, LedgerRecord, ledger_path, root_of_id
from onto_fn.engine.records.skipped import LEFT_OUT
from onto_fn.engine.targets import direct
from onto_fn.engine.targets import switch as switching
from onto_fn.engine.targets import task as tasks
from onto_fn.engine.targets.target import Begun, Cost, Item, Target
from onto_fn.errors import UnreadableRecord
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Document, Filter, PathTemplate, Query
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import last_segment
from onto_fn.store.store import may_skip
from onto_fn.views import Definition


class _DefinitionTarget(Target):
    """A view or mediator; shared by all modes.

    Attributes:
        definition: its definition.
    """

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition.name, definition.root_collection, definition.shards)
        self.definition = definition
        self._own = Filter("definition", "==", definition.name)

    @property
    @override
    def fingerprint(self) -> str:
        return self.definition.fingerprint

    @override
    def accepts(self, fields: Fields) -> bool:
        return self.definition.store.root().model.accepts(fields)

    @override
    def records(self) -> Query:
        return Query(LEDGER_COLLECTION, (self._own,))

    @override
    def records_with(self, fingerprint: str) -> Query:
        return Query(LEDGER_COLLECTION, (self._own, Filter("fingerprint", "==", fingerprint)))

    @override
    def current_records(self) -> list[Query]:
        return [self.records_with(self.fingerprint)]

    @override
    def record_path(self, root: str, shard: int = 0) -> str:
        return ledger_path(self.name, root, shard)

    @override
    def root_named(self, path: str) -> str | None:
        return root_of_id(self.name, last_segment(path))

    @override
    def root_in(self, record: Document) -> str | None:
        found = LedgerRecord.from_document(record)
        return found.root if found else None

    @override
    def versions_in(self, record: Document) -> dict[str, datetime | None]:
        found = LedgerRecord.from_document(record)
        return found.versions if found else {}

    @override
    def count_skipping(self, database: Database) -> int:
        if not may_skip(self.definition.store):
            return 0
        first = Filter("shard", "==", 0)  # the records of a root's other shards say the same
        return database.count(Query(LEDGER_COLLECTION, (self._own, LEFT_OUT, first)))

    @override
    def due(self, database: Database, roots: Sequence[str], policy: RetryPolicy) -> Sequence[str]:
        paths = {root: [self.record_path(root, s) for s in range(self.shards)] for root in roots}
        versions: dict[str, datetime | None] = {}
        wanted = [path for found in paths.values() for path in found]
        if wanted:
            for attempt in policy.attempts_of(Subject(self.name, step="backfill")):
                with attempt:
                    versions = database.versions(wanted)
        return tuple(
            root for root, found in paths.items() if any(versions[path] is None for path in found)
        )

    @override
    def collections_read(self) -> set[PathTemplate]:
        return self.definition.source_collections()

    @override
    def aggregates_read(self) -> list[str]:
        return [aggregate.name for aggregate in self.definition.store.aggregates()]

    @override
    def collections_made(self) -> set[PathTemplate]:
        return {template.parent for template in self.definition.targets}

    def _sample(self, database: Database, size: int) -> list[str]:
        """Some of its roots, at most `size`."""
        found, _ = database.query(replace(self.root_query(), limit=size))
        return [document.path for document in found]


class ViewTarget(_DefinitionTarget):
    """A view or mediator whose documents are kept up to date by the ledger."""

    @override
    def one(
        self,
        database: Database,
        item: Item,
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> Outcome:
        found = Affected(self.definition, *item, force=force)
        for attempt in policy.attempts_of(Subject(self.name, item[0])):
            with attempt:
                found = find_one(database, found)
        return materialise(database, found, change, policy)

    @override
    def together(
        self,
        database: Database,
        items: Sequence[Item],
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> tuple[list[Outcome], list[Item]]:
        wanted = [Affected(self.definition, *item, force=force) for item in items]
        outcomes, alone = materialise_together(database, wanted, change, policy)
        return outcomes, [(item.root, item.shard) for item in alone]

    @override
    def count_current(self, database: Database) -> int:
        return sum(map(database.count, self.current_records())) // self.shards

    @override
    def other_fingerprints(self, database: Database) -> list[str]:
        return other_fingerprints(database, self.records(), self.fingerprint)

    @override
    def cost(self, database: Database, sample: int) -> Cost:
        roots = self._sample(database, sample)
        return Cost(*average_cost(database, self.definition, roots), len(roots))

    @override
    def record_span(self) -> tuple[str, str]:
        first = f"{LEDGER_COLLECTION}/{self.name}~"
        return first, f"{LEDGER_COLLECTION}/{self.name}\x7f"  # which follows the tilde

    @override
    def looks(
        self, database: Database, roots: Sequence[str], seen: Seen | None = None
    ) -> list[Look]:
        return look_at(database, self.definition, roots, seen)


class DirectTarget(_DefinitionTarget):
    """A view or mediator in direct mode: each change writes its documents, without a ledger."""

    is_verified = False  # there is no ledger to hold its documents against

    @override
    def one(
        self,
        database: Database,
        item: Item,
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> Outcome:
        return direct.forward(database, self.definition, item[0], change, policy)

    @override
    def cost(self, database: Database, sample: int) -> Cost:
        roots = self._sample(database, sample)
        return Cost(2.0, 1.0, len(roots)) if roots else Cost(0.0, 0.0)


class TaskTarget(DirectTarget):
    """A mediator in task mode: each document is processed once, when it is written."""

    is_backfilled = False

    @override
    def one(
        self,
        database: Database,
        item: Item,
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> Outcome:
        return tasks.process(database, self.definition, item[0], change, policy)


class AggregateTarget(Target):
    """An aggregate; its roots are the documents that it counts.

    Attributes:
        aggregate: what it counts.
        groups: the events that are being counted.
    """

    def __init__(self, aggregate: AggregateSpec) -> None:
        super().__init__(aggregate.name, aggregate.shape.collection)
        self.aggregate = aggregate
        self._unaffected = Unaffected(aggregate)
        self.groups = GroupCommit(aggregate)

    @property
    @override
    def fingerprint(self) -> str:
        return self.aggregate.fingerprint

    @override
    def accepts(self, fields: Fields) -> bool:
        return self.aggregate.model.accepts(fields)

    @override
    def records(self) -> Query:
        return records_of(self.name)

    @override
    def current_records(self) -> list[Query]:
        return counted_by(self.name, self.fingerprint)

    @override
    def record_path(self, root: str, shard: int = 0) -> str:
        return self.aggregate.contribution_path(root)

    @override
    def root_named(self, path: str) -> str | None:
        source = unquote(last_segment(path).partition("~")[2])
        return source if self.record_path(source) == path else None

    @override
    def root_in(self, record: Document) -> str | None:
        source = (record.fields or {}).get("source")
        if not isinstance(source, str):
            raise UnreadableRecord(record.path, "it names no source")
        return source

    @override
    def versions_in(self, record: Document) -> dict[str, datetime | None]:
        source = self.root_in(record)
        return {source: (record.fields or {}).get("version")} if source else {}

    @override
    def one(
        self,
        database: Database,
        item: Item,
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> Outcome:
        if change is None or force:
            return contribute(database, self.aggregate, item[0], change, policy, force=force)
        if self._unaffected.is_done(database, change):
            return Outcome(self.name, item[0], Result.COVERED)
        return self.groups.contribute(database, change, policy)

    @override
    def together(
        self,
        database: Database,
        items: Sequence[Item],
        change: Change | None,
        policy: RetryPolicy,
        *,
        force: bool = False,
    ) -> tuple[list[Outcome], list[Item]]:
        paths = [path for path, _ in items]
        done = contribute_together(database, self.aggregate, paths, change, policy, force=force)
        return ([], list(items)) if done is None else (done, [])

    @override
    def begin(self, database: Database, policy: RetryPolicy) -> Begun | None:
        return switching.begin(database, self.aggregate, policy)

    @override
    def end(self, database: Database, begun: Begun, policy: RetryPolicy) -> bool:
        return switching.end(database, self, self.aggregate, begun, policy)

    @override
    def is_shown(self, database: Database) -> bool:
        return switching.is_shown(database, self.aggregate)

    @override
    def cost(self, database: Database, sample: int) -> Cost:
        if self.is_shown(database):  # source, record, letter, and the source once more
            return Cost(4, 2)
        return Cost(9, 5)  # then the earlier definition leaves every record

    @override
    def behind(self, database: Database, sources: Sequence[str]) -> set[str]:
        return {look.root for look in sources_that_differ(database, self.aggregate, sources)}

    @override
    def looks(
        self, database: Database, roots: Sequence[str], seen: Seen | None = None
    ) -> list[Look]:
        return sources_that_differ(database, self.aggregate, roots)

    @override
    def check_whole(
        self, database: Database, policy: RetryPolicy, *, repair: bool
    ) -> Iterator[Difference]:
        return check_sums(database, self.aggregate, policy, repair=repair)

    @override
    def collections_read(self) -> set[PathTemplate]:
        return {self.template}


_BY_MODE = {"materialise": ViewTarget, "direct": DirectTarget, "task": TaskTarget}


def target_of(definition: Definition) -> Target:
    """The target for a view or mediator, chosen by its mode."""
    return _BY_MODE[definition.mode](definition)
