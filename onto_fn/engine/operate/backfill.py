"""Backfill: build views and aggregates for existing data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from itertools import groupby
from threading import Event

from onto_fn.attempts import Subject
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.operate.checkpoint import Checkpoint, Counts, Part
from onto_fn.engine.operate.flow import in_order
from onto_fn.engine.operate.pool import Pool, Tool
from onto_fn.engine.operate.scan import Page, Span, count_roots, pages, spans
from onto_fn.engine.targets.rebuild import rebuild_all
from onto_fn.engine.targets.registry import Registry
from onto_fn.engine.targets.target import Begun, Target
from onto_fn.errors import DeclarationError, UnreadableRecord
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Document, PathTemplate
from onto_fn.firestore.usage import Billed

PAGE = 200
WORKERS = 2
KEPT_FAILURES = 20
PARTS = 2
"""Parts per process, so that no process waits long for the last one."""


@dataclass(frozen=True)
class Progress:
    """How far a backfill is.

    Attributes:
        target: name of what is being built.
        counts: of all targets together, including an interrupted run.
        total: approximate number of roots when it began.
    """

    target: str
    counts: Counts
    total: int


Numbered = tuple[int, Part]
"""A part and its number in the checkpoint."""


@dataclass(frozen=True)
class Advance:
    """What one page has brought a part forward.

    Attributes:
        part: the part, as it was saved in the checkpoint.
        counts: outcomes of the page's roots.
        failures: those that have a dead letter now.
    """

    part: Part
    counts: Counts = field(default_factory=Counts)
    failures: tuple[Outcome, ...] = ()


@dataclass(frozen=True)
class Report:
    """How a backfill ended.

    Attributes:
        counts: outcomes of the roots, including an interrupted run.
        is_complete: false if it was stopped; the next run continues.
        resumed: whether it continued an interrupted run.
        failures: the first few that have a dead letter now.
        not_shown: aggregates whose views still show the numbers of an earlier definition.
        billed: reads and writes that Firestore bills for this run.
        looked_at: roots of this run alone.
    """

    counts: Counts
    is_complete: bool
    resumed: bool
    failures: tuple[Outcome, ...]
    not_shown: tuple[str, ...] = ()
    billed: Billed = field(default_factory=Billed)
    looked_at: int = 0


def targets_of(engine: Registry, names: Sequence[str] = ()) -> list[Target]:
    """What to backfill, in an order that builds sources before the views that read them.

    Args:
        engine: the app's.
        names: of views, mediators and aggregates; an aggregate comes with a view that reads it.
            All if there are none.

    Raises:
        DeclarationError: there is nothing of that name, or it is a task.
    """
    wanted: dict[str, Target] = {}
    for name in names or [n for n, target in engine.targets.items() if target.is_backfilled]:
        target = engine.target(name)
        if not target.is_backfilled:
            raise DeclarationError(
                f"{name} is a task: it processes each document once, when the document is written. "
                "Replay its dead letters instead"
            )
        wanted |= {read: engine.targets[read] for read in target.aggregates_read()}
        wanted[name] = target
    return [wanted[name] for name in _in_order(list(wanted.values()))]


class Backfill:
    """Builds the documents of all existing roots, page by page, several pages at a time.

    Safe beside live traffic, because it uses the same commits. It can stop or crash at any instant:
    the next backfill of the same targets continues from the checkpoint.

    Args:
        engine: the app's.
        database: the database.
        targets: what to build, in this order; see `targets_of`.
        name: id of its checkpoint; by default the names of the targets.
        stale: build only roots without a ledger record, and stale ones.
        workers: pages processed at the same time.
        parts: into how many parts the roots of each target are cut, for that many processes.
        page: roots per page, which share a snapshot and a commit.
        publish: publishes batches, one per page, whose receivers do the work; by default this
            process builds.
        restart: whether to start from the beginning, regardless of the checkpoint.
    """

    def __init__(
        self,
        engine: Registry,
        database: Database,
        targets: Sequence[Target],
        *,
        name: str = "",
        stale: bool = False,
        workers: int = WORKERS,
        parts: int = 1,
        page: int = PAGE,
        publish: Callable[[Batch], None] | None = None,
        restart: bool = False,
    ) -> None:
        self._engine = engine
        self._database = database
        self._targets = {target.name: target for target in targets}
        self._stale = stale
        self._workers = workers
        self._parts = parts
        self._page = page
        self._publish = publish
        self._restart = restart
        self._name = name or "~".join(self._targets)[:1000]
        self._begun: dict[str, Begun] = {}
        self._not_shown: list[str] = []
        self._counts = Counts()
        self._failures: list[Outcome] = []
        self._total = 0
        self._checkpoint = self._checkpoint_of_this()

    def run(
        self,
        progress: Callable[[Progress], None] | None = None,
        stop: Event | None = None,
        pool: Pool[Numbered, Advance] | None = None,
    ) -> Report:
        """Build until all is done, or `stop` is set.

        Args:
            progress: called after each page.
            stop: ends it after the pages that are being processed.
            pool: other processes, which build with a `tool` each; by default, this one builds.

        Raises:
            WorkerFailed: a process failed, or was killed. What is done is in the checkpoint.
            TransientError: the platform failed for longer than the retries last. What is done is
                in the checkpoint.
        """
        stop = stop or Event()
        before = self._database.usage.billed
        for target in self._targets.values():
            begun = target.begin(self._database, self._engine.retry)
            if begun is not None:
                self._begun[target.name] = begun
        self._checkpoint = self._checkpoint_of_this()
        parts = None if self._restart else self._checkpoint.load()
        resumed = parts is not None
        if parts is None:
            parts = self._plan()
            self._checkpoint.begin(parts)
        self._counts = sum((part.counts for part in parts), Counts())
        done = self._counts.done
        self._total = sum(count_roots(self._database, t) for t in self._targets.values())
        for name, group in groupby(enumerate(parts), key=lambda item: item[1].target):
            left = [item for item in group if not item[1].is_done]
            self._build(name, left, progress, stop, pool)
            if name in self._begun and not stop.is_set():
                self._show(name)
        if not stop.is_set():
            self._checkpoint.end(self._counts)
        return Report(
            self._counts,
            not stop.is_set(),
            resumed,
            tuple(self._failures),
            tuple(self._not_shown),
            self._database.usage.billed - before + (pool.billed if pool else Billed()),
            self._counts.done - done,
        )

    def _checkpoint_of_this(self) -> Checkpoint:
        about = {
            "targets": [[target.name, target.fingerprint] for target in self._targets.values()],
            # Work for a generation that was abandoned since must be done again.
            "generations": {name: begun.number for name, begun in self._begun.items()},
            "stale": self._stale,
            "published": self._publish is not None,
        }
        return Checkpoint(self._database, self._name, about, self._engine.retry)

    def _show(self, name: str) -> None:
        """Show the numbers of an aggregate once all its documents are counted."""
        target, begun, policy = self._targets[name], self._begun[name], self._engine.retry
        is_left_to_others = self._publish is not None and not begun.was_shown
        if is_left_to_others or not target.end(self._database, begun, policy):
            self._not_shown.append(name)

    def _plan(self) -> list[Part]:
        parts: list[Part] = []
        for target in self._targets.values():
            if self._stale:
                parts += [
                    Part(target.name, fingerprint=fingerprint)
                    for fingerprint in target.other_fingerprints(self._database)
                ]
            parts += [
                Part(target.name, span.after, span.until)
                for span in spans(self._database, target.root_query(), self._parts)
            ]
        return parts

    def tool(self) -> Tool[Numbered, Advance]:
        """What a process of the `pool` of another backfill works with."""
        return Tool(lambda item, stop: self.advance(*item, stop), self._database.usage)

    def _build(
        self,
        name: str,
        parts: Sequence[Numbered],
        progress: Callable[[Progress], None] | None,
        stop: Event,
        pool: Pool[Numbered, Advance] | None,
    ) -> None:
        """Build all parts of one target before the next target, which may read them, begins."""
        failures: dict[int, list[Outcome]] = {number: [] for number, _ in parts}
        try:
            for number, advance in self._advances(parts, stop, pool):
                self._counts += advance.counts
                room = KEPT_FAILURES - len(failures[number])
                failures[number] += advance.failures[:room]
                if progress is not None:
                    progress(Progress(name, self._counts, self._total))
        finally:
            found = [failure for of_part in failures.values() for failure in of_part]
            self._failures += found[: KEPT_FAILURES - len(self._failures)]

    def _advances(
        self, parts: Sequence[Numbered], stop: Event, pool: Pool[Numbered, Advance] | None
    ) -> Iterator[tuple[int, Advance]]:
        if pool is not None:
            for place, advance in pool.run(parts, stop):
                if advance is not None:
                    yield parts[place][0], advance
            return
        for number, part in parts:
            if not stop.is_set():
                for advance in self.advance(number, part, stop):
                    yield number, advance

    def advance(self, number: int, part: Part, stop: Event) -> Iterator[Advance]:
        """Build the pages of a part, several at a time, and save each in the checkpoint.

        Args:
            number: of the part.
            part: how far it is.
            stop: ends it after the pages that are being processed.
        """
        target = self._targets[part.target]

        def work(page: Page) -> tuple[Page, list[Outcome]]:
            return page, self._done(target, part, page)

        for page, outcomes in in_order(work, self._pages(target, part), self._workers, stop):
            counts = counted(len(page.roots), outcomes)
            if self._publish is not None:
                counts = replace(counts, published=len(outcomes))
            part = replace(part, after=page.last, counts=part.counts + counts)
            self._checkpoint.save(number, part)
            failed = [o for o in outcomes if o.result is Result.DEAD_LETTER]
            yield Advance(part, counts, tuple(failed[:KEPT_FAILURES]))
        if not stop.is_set():
            part = replace(part, is_done=True)
            self._checkpoint.save(number, part)
            yield Advance(part)

    def _pages(self, target: Target, part: Part) -> Iterator[Page]:
        if part.fingerprint is not None:
            return self._stale_pages(target, part, part.fingerprint)
        span = Span(part.after, part.until)
        return pages(self._database, target, span, self._page, self._engine.retry)

    def _stale_pages(self, target: Target, part: Part, fingerprint: str) -> Iterator[Page]:
        """The roots of the ledger records written by one other version of the definition."""
        query = target.records_with(fingerprint)
        after = part.after
        while True:
            page = replace(query, start_after=after, limit=self._page)
            found: list[Document] = []
            for attempt in self._engine.retry.attempts_of(Subject(target.name, step="backfill")):
                with attempt:
                    found, _ = self._database.query(page)
            if not found:
                return
            after = found[-1].path
            yield Page(tuple(dict.fromkeys(_roots(target, found))), after)

    def _done(self, target: Target, part: Part, page: Page) -> list[Outcome]:
        roots: Sequence[str] = page.roots
        if self._stale and part.fingerprint is None:
            roots = target.due(self._database, roots, self._engine.retry)
        if self._publish is None:
            return rebuild_all(self._database, target, roots, self._engine.retry)
        if roots:
            self._publish(Batch(target.name, None, tuple(target.items(roots))))
        return [Outcome(target.name, root, Result.FANNED_OUT) for root in roots]


def _in_order(targets: list[Target]) -> list[str]:
    """Names of targets, each after those that build what it reads."""
    graph: dict[str, set[str]] = {}
    for target in targets:
        graph[target.name] = set(target.aggregates_read())
        for other in targets:
            made = other.collections_made() if other is not target else set[PathTemplate]()
            read = target.collections_read()
            if any(mine.overlaps(theirs) for mine in read for theirs in made):
                graph[target.name].add(other.name)
    return [name for name in TopologicalSorter(graph).static_order() if name in graph]


def counted(looked_at: int, outcomes: Sequence[Outcome]) -> Counts:
    """Counts the outcomes of roots."""
    results = [outcome.result for outcome in outcomes]
    return Counts(
        done=looked_at,
        committed=results.count(Result.COMMITTED),
        failed=results.count(Result.DEAD_LETTER),
    )


def _roots(target: Target, records: Sequence[Document]) -> Iterator[str]:
    for document in records:
        try:
            root = target.root_in(document)
        except UnreadableRecord:  # `verify` reports it; there is no root to build
            continue
        if root is not None:
            yield root
