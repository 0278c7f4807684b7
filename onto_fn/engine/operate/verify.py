"""Verification: recompute everything from the sources, and report differences.

Each page of roots is checked in one snapshot: sources, ledger records and documents. A difference
at that instant is not yet an error: an event may still be on its way. So a difference counts only
if a later second look finds the same difference from the same sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from threading import Event
from typing import Literal

from onto_fn.attempts import Subject
from onto_fn.engine.materialise.comparison import Seen
from onto_fn.engine.materialise.difference import Difference, Kind, Look
from onto_fn.engine.operate.flow import in_order
from onto_fn.engine.operate.pool import Pool, Tool
from onto_fn.engine.operate.scan import Span, count_roots, merged, pages, record_spans, spans
from onto_fn.engine.targets.rebuild import rebuild_all
from onto_fn.engine.targets.registry import Registry
from onto_fn.engine.targets.target import Target
from onto_fn.errors import PermanentError, UnreadableRecord
from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.usage import Billed

PAGE = 250
PAGE_OF_NAMES = 1000
PORTIONS = 2
"""Parts per process, so that no process waits long for the last one."""
LOOKS = 3
WORKERS = 2
_REPAIRED = 200  # roots per commit


@dataclass(frozen=True)
class Verified:
    """The progress or result of a verification.

    Attributes:
        roots: how many were checked.
        total: approximate number when it began.
        found: how many differences count.
        repaired: how many roots were rebuilt.
        billed: reads and writes that Firestore bills for it.
    """

    roots: int = 0
    total: int = 0
    found: int = 0
    repaired: int = 0
    billed: Billed = field(default_factory=Billed)


@dataclass(frozen=True)
class Portion:
    """A part of a verification, which any process can do.

    Attributes:
        target: name of the view, mediator or aggregate.
        kind: `roots` with their records as far as they are known by name, or the other `records`.
        span: the part of the roots.
        records: the part of the ledger that belongs to it.
    """

    target: str
    kind: Literal["roots", "records"]
    span: Span = field(default_factory=Span)
    records: Span | None = None


@dataclass(frozen=True)
class Checked:
    """What was found on one page.

    Attributes:
        roots: how many existing roots were checked.
        found: the differences that count.
        repaired: how many roots were rebuilt.
    """

    roots: int
    found: tuple[Difference, ...] = ()
    repaired: int = 0


class Verification:
    """Compares the stored documents with what the sources make.

    Args:
        engine: the app's.
        database: the database.
        targets: what to verify; see `targets_of`.
        repair: whether to rebuild what differs.
        workers: pages processed at the same time.
        page: roots per page.
        settle: seconds to wait before a difference is checked again; should exceed the time of an
            event.
        report: called with each difference that counts, in the order of the roots.
        progress: called after each page.
    """

    def __init__(
        self,
        engine: Registry,
        database: Database,
        targets: Sequence[Target],
        *,
        repair: bool = False,
        workers: int = WORKERS,
        page: int = PAGE,
        settle: float = 5.0,
        report: Callable[[Difference], None] | None = None,
        progress: Callable[[Verified], None] | None = None,
    ) -> None:
        self._engine = engine
        self._database = database
        self._targets = [target for target in targets if target.is_verified]
        self._repair = repair
        self._workers = workers
        self._page = page
        self._settle = settle
        self._report = report
        self._progress = progress
        self._state = Verified()

    def run(
        self, stop: Event | None = None, pool: Pool[Portion, Checked] | None = None
    ) -> Verified:
        """Check everything, until the end or until `stop` is set.

        Args:
            stop: ends it after the pages that are being processed.
            pool: other processes, which do the work with a `tool` each; by default, this one does.

        Raises:
            TransientError: the platform failed for longer than the retries last.
            WorkerFailed: a process failed, or was killed.
        """
        stop = stop or Event()
        before = self._database.usage.billed
        total = sum(count_roots(self._database, target) for target in self._targets)
        self._state = Verified(total=total)
        for target in self._targets:
            if pool is None:
                self._here(self.portions(target), stop)
            else:
                self._elsewhere(self.portions(target, PORTIONS * pool.size), stop, pool)
            if stop.is_set():
                break
            for checked in self.whole(target):
                self._count(checked)
                self._tell(checked.found)
        billed = self._database.usage.billed - before
        return replace(self._state, billed=billed + (pool.billed if pool else Billed()))

    def tool(self) -> Tool[Portion, Checked]:
        """What a process of the `pool` of another verification works with."""
        return Tool(self.checked, self._database.usage)

    def _here(self, portions: Sequence[Portion], stop: Event) -> None:
        """The records without a root take few reads, and are looked for beside the roots."""
        *roots, records = portions
        with ThreadPoolExecutor(1) as beside:
            rest = beside.submit(lambda: list(self.checked(records, stop)))
            for portion in roots:
                for checked in self.checked(portion, stop):
                    self._count(checked)
                    self._tell(checked.found)
            for checked in rest.result():
                self._count(checked)
                self._tell(checked.found)

    def _elsewhere(
        self, portions: Sequence[Portion], stop: Event, pool: Pool[Portion, Checked]
    ) -> None:
        """What a part finds is told once everything before it is told, so the order is the same."""
        found: dict[int, list[Difference]] = {number: [] for number in range(len(portions))}
        ended: set[int] = set()
        try:
            for number, checked in pool.run(portions, stop):
                if checked is None:
                    ended.add(number)
                else:
                    self._count(checked)
                    found[number] += checked.found
                while found:
                    first = next(iter(found))
                    self._tell(found[first])
                    found[first] = []
                    if first not in ended:
                        break
                    del found[first]
        finally:  # what was found counts, whatever ended it
            for rest in found.values():
                self._tell(rest)

    def portions(self, target: Target, count: int = 1) -> list[Portion]:
        """Parts that together are the verification of a target, but for what belongs to no root.

        Args:
            target: the view, mediator or aggregate.
            count: of the parts with roots; there may be fewer.
        """
        name = target.name
        parts = spans(self._database, target.root_query(), count)
        if target.record_span() is None:
            roots = [Portion(name, "roots", part) for part in parts]
        else:
            roots = [
                Portion(name, "roots", part, records)
                for part, records in zip(parts, record_spans(target, parts), strict=True)
            ]
        return [*roots, Portion(name, "records")]

    def checked(self, portion: Portion, stop: Event) -> Iterator[Checked]:
        """What is found in a part, page by page in the order of the roots."""
        target = self._engine.target(portion.target)
        if portion.kind == "records":
            found: Iterable[_Page] = self._pages_without_root(target)
        elif portion.records is not None:
            found = self._merged(target, portion.span, portion.records)
        else:
            found = self._root_pages(target, portion.span)
        yield from in_order(lambda page: self._check(target, page), found, self._workers, stop)

    def whole(self, target: Target) -> Iterator[Checked]:
        """Differences of a target that belong to no root."""
        policy = self._engine.retry
        for difference in target.check_whole(self._database, policy, repair=self._repair):
            yield Checked(0, (difference,), int(self._repair))

    def _root_pages(self, target: Target, span: Span) -> Iterator[_Page]:
        for page in pages(self._database, target, span, self._page, self._engine.retry):
            yield _Page(page.roots, counted=len(page.roots))

    def _merged(self, target: Target, span: Span, records: Span) -> Iterator[_Page]:
        """Roots with what the scan has read, and roots that only records name."""
        policy = self._engine.retry
        for page in merged(self._database, target, span, records, self._page, policy):
            if page.roots:
                yield _Page(page.roots, page.seen, counted=len(page.roots))
            # Of another definition, whose name a record has, only that one decides.
            others = [self._database.decoded(message) for message in page.others]
            own = [r for r in others if (r.fields or {}).get("definition") == target.name]
            yield from self._without_root(target, own)

    def _pages_without_root(self, target: Target) -> Iterator[_Page]:
        """Roots that records name but that do not exist: nothing of them may be left.

        A record's id usually names its root. Only records that this does not decide are read as a
        whole.
        """
        for query in self._record_names(target):
            for found in self._database.pages(query, PAGE_OF_NAMES):
                told = {document.path: target.root_named(document.path) for document in found}
                roots = list({root for root in told.values() if root is not None})
                versions = self._database.versions(roots) if roots else {}
                doubtful = [
                    path for path, root in told.items() if root is None or versions[root] is None
                ]
                if doubtful:
                    records, _ = self._database.get(doubtful)
                    there = [record for record in records.values() if record.exists]
                    yield from self._without_root(target, there)

    def _record_names(self, target: Target) -> list[Query]:
        """The queries for the names of the records that `merged` does not read."""
        names = replace(target.records(), keys_only=True)
        span = target.record_span()
        if span is None:
            return [names]
        return [replace(names, end_at=span[0]), replace(names, start_after=span[1])]

    def _without_root(self, target: Target, records: Sequence[Document]) -> Iterator[_Page]:
        """The roots of records that do not exist; existing roots are checked with the roots."""
        if not records:
            return
        listed: set[str] = set()
        problems: list[Difference] = []
        for record in records:
            root, problem = _root_of(target, record)
            if problem is not None:
                problems.append(problem)
            if root is not None:
                listed.add(root)
        unsure = sorted(listed)
        now = self._database.versions(unsure) if unsure else {}
        gone = tuple(root for root in unsure if now[root] is None)
        if gone or problems:
            yield _Page(gone, problems=tuple(problems))

    def _check(self, target: Target, page: _Page) -> Checked:
        """Check roots, and check differing ones again until the difference is stable or gone."""
        found = list(page.problems)
        repaired = 0
        before: dict[str, Look] = {}
        suspects: Sequence[str] = page.roots
        for number in range(LOOKS):
            if not suspects:
                break
            if number:
                Event().wait(self._settle)
            seen = None if number else page.seen
            looks = {look.root: look for look in self._look(target, suspects, seen) if look.found}
            same = [look for root, look in looks.items() if before.get(root) == look]
            repaired += self._repaired(target, same)
            found += chain.from_iterable(look.found for look in same)
            certain = {look.root for look in same}
            before = {root: look for root, look in looks.items() if root not in certain}
            suspects = list(before)
        return Checked(page.counted, tuple(found), repaired)

    def _repaired(self, target: Target, looks: Sequence[Look]) -> int:
        if not self._repair:
            return 0
        roots = [
            look.root
            for look in looks
            if any(difference.kind is not Kind.UNREADABLE for difference in look.found)
        ]
        for start in range(0, len(roots), _REPAIRED):
            part = roots[start : start + _REPAIRED]
            rebuild_all(self._database, target, part, self._engine.retry, force=True)
        return len(roots)

    def _look(self, target: Target, roots: Sequence[str], seen: Seen | None = None) -> list[Look]:
        found: list[Look] = []
        try:
            for attempt in self._engine.retry.attempts_of(Subject(target.name, step="verify")):
                with attempt:
                    found = target.looks(self._database, roots, seen)
            return found
        except PermanentError as error:
            if len(roots) == 1:
                return [
                    Look(
                        roots[0],
                        None,
                        (Difference(target.name, roots[0], Kind.UNREADABLE, str(error)),),
                    )
                ]
            half = len(roots) // 2
            return [
                *self._look(target, roots[:half], seen),
                *self._look(target, roots[half:], seen),
            ]

    def _count(self, checked: Checked) -> None:
        state = self._state
        self._state = replace(
            state,
            roots=state.roots + checked.roots,
            found=state.found + len(checked.found),
            repaired=state.repaired + checked.repaired,
        )
        if self._progress is not None:
            self._progress(self._state)

    def _tell(self, found: Iterable[Difference]) -> None:
        if self._report is not None:
            for difference in found:
                self._report(difference)


@dataclass(frozen=True)
class _Page:
    """Roots to check together.

    Attributes:
        roots: their paths.
        seen: what was read of them already.
        counted: how many of them exist.
        problems: differences that are certain already.
    """

    roots: tuple[str, ...]
    seen: Seen | None = None
    counted: int = 0
    problems: tuple[Difference, ...] = ()


def _root_of(target: Target, document: Document) -> tuple[str | None, Difference | None]:
    """The root of a record; a document that onto_fn did not write is only reported."""
    problem = ""
    try:
        root = target.root_in(document)
    except UnreadableRecord as error:
        root, problem = None, str(error)
    if root is not None:
        if target.is_root(root):
            return root, None
        problem = f"{root} cannot be a root of {target.name}"
    if not problem:
        return None, None
    return None, Difference(target.name, document.path, Kind.UNREADABLE, problem)
