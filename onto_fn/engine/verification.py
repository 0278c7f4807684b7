"""Verification: recompute everything from the sources, and tell what differs.

Each page of roots is looked at in one snapshot: sources, ledger records and documents. So what a
look finds was so at one instant. It can still be right: an event may be on its way. So a difference
counts only if a second look, later, finds the same difference from the same sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, Lock
from urllib.parse import unquote

from onto_fn.engine.affected import Affected
from onto_fn.engine.decisions import Build
from onto_fn.engine.differences import Difference, Kind, differences_of
from onto_fn.engine.engine import Engine
from onto_fn.engine.ledger import LedgerRecord, ledger_path, root_of_id
from onto_fn.engine.rebuilding import rebuild_all
from onto_fn.engine.scanning import (
    Span,
    Target,
    count_roots,
    pages,
    records_of,
    root_query,
    root_template,
    spans,
)
from onto_fn.engine.sums import check_sums, sources_that_differ
from onto_fn.engine.together import build_all
from onto_fn.errors import PermanentError, UnreadableRecord
from onto_fn.firestore import Database, Document
from onto_fn.firestore.paths import last_segment, parent_collection
from onto_fn.store import AggregateSpec
from onto_fn.views import Definition

PAGE = 100
PAGE_OF_NAMES = 1000
LOOKS = 3


@dataclass(frozen=True)
class Verified:
    """How a verification is, or ended.

    Attributes:
        roots: how many were looked at.
        total: how many there were when it began, about.
        found: how many differences count.
        repaired: how many roots were rebuilt.
    """

    roots: int = 0
    total: int = 0
    found: int = 0
    repaired: int = 0


class Verification:
    """Compares what is there with what the sources make.

    Args:
        engine: the app's.
        database: the database.
        targets: what to verify; see `targets_of`.
        repair: whether to rebuild what differs.
        workers: pages in hand at the same time.
        page: roots of a page.
        settle: seconds from a look that found a difference to the next; longer than an event
            takes.
        report: called with each difference that counts, by one thread at a time.
        progress: called after each page, by one thread at a time.
    """

    def __init__(
        self,
        engine: Engine,
        database: Database,
        targets: Sequence[Target],
        *,
        repair: bool = False,
        workers: int = 4,
        page: int = PAGE,
        settle: float = 5.0,
        report: Callable[[Difference], None] | None = None,
        progress: Callable[[Verified], None] | None = None,
    ) -> None:
        self._engine = engine
        self._database = database
        self._targets = list(targets)
        self._repair = repair
        self._workers = workers
        self._page = page
        self._settle = settle
        self._report = report
        self._progress = progress
        self._lock = Lock()
        self._state = Verified()

    def run(self, stop: Event | None = None) -> Verified:
        """Look at everything, until the end or until `stop` is set.

        Raises:
            TransientError: the platform failed for longer than the retries last.
        """
        stop = stop or Event()
        total = sum(count_roots(self._database, target) for target in self._targets)
        self._state = Verified(total=total)
        for target in self._targets:
            if isinstance(target, Definition) and target.mode != "materialise":
                continue  # there is no ledger to hold them against
            self._verify(target, stop)
        return self._state

    def _verify(self, target: Target, stop: Event) -> None:
        query = root_query(target)
        failed: list[BaseException] = []

        def work(make: Callable[[], Iterator[Sequence[str]]]) -> None:
            try:
                for roots in make():
                    if stop.is_set() or failed:
                        return
                    self._check(target, roots)
            except BaseException as error:
                failed.append(error)

        parts: list[Callable[[], Iterator[Sequence[str]]]] = [
            lambda span=span: self._root_pages(target, span)
            for span in spans(self._database, query, self._workers)
        ]
        parts.append(lambda: self._pages_without_root(target))
        with ThreadPoolExecutor(self._workers) as threads:
            list(threads.map(work, parts))
        if failed:
            raise failed[0]
        if isinstance(target, AggregateSpec) and not stop.is_set():
            for difference in check_sums(
                self._database, target, self._engine.retry, repair=self._repair
            ):
                self._tell([difference], repaired=int(self._repair))

    def _root_pages(self, target: Target, span: Span) -> Iterator[Sequence[str]]:
        policy = self._engine.retry
        query, template = root_query(target), root_template(target)
        for page in pages(self._database, query, span, template, self._page, policy):
            yield page.roots
            self._count(len(page.roots))

    def _pages_without_root(self, target: Target) -> Iterator[Sequence[str]]:
        """Roots that records tell of and that do not exist: nothing may be left of them.

        A record's id tells its root. Only what is left of this sieve is read whole.
        """
        names = replace(records_of(target), keys_only=True)
        for found in self._database.pages(names, PAGE_OF_NAMES):
            told = {document.path: _told_root(target, document.path) for document in found}
            roots = list({root for root in told.values() if root is not None})
            versions = self._database.versions(roots) if roots else {}
            doubtful = [
                path for path, root in told.items() if root is None or versions[root] is None
            ]
            if not doubtful:
                continue
            records, _ = self._database.get(doubtful)
            listed = {self._root_of(target, record) for record in records.values() if record.exists}
            unsure = sorted(root for root in listed if root is not None)
            now = self._database.versions(unsure) if unsure else {}
            # Those that exist are looked at where the roots are.
            yield [root for root in unsure if now[root] is None]

    def _root_of(self, target: Target, document: Document) -> str | None:
        """The root of a record; what is none of onto_fn's is reported, and left as it is."""
        fields = document.fields or {}
        if isinstance(target, AggregateSpec):
            root = fields.get("source")
            problem = "" if isinstance(root, str) else "it names no source"
        else:
            root, problem = None, ""
            try:
                record = LedgerRecord.from_document(document)
                root = record.root if record else None
            except UnreadableRecord as error:
                problem = str(error)
        if isinstance(root, str):
            if root_template(target).match(parent_collection(root)) is not None:
                return root
            problem = f"{root} cannot be a root of {target.name}"
        if problem:
            self._tell([Difference(target.name, document.path, Kind.UNREADABLE, problem)])
        return None

    def _check(self, target: Target, roots: Sequence[str]) -> None:
        """Look at roots, and at those that differ again, until they differ the same or not."""
        before: dict[str, Look] = {}
        suspects = list(roots)
        for number in range(LOOKS):
            if not suspects:
                return
            if number:
                Event().wait(self._settle)
            looks = {look.root: look for look in self._look(target, suspects) if look.found}
            same = [look for root, look in looks.items() if before.get(root) == look]
            if same:
                self._found(target, same)
            certain = {look.root for look in same}
            before = {root: look for root, look in looks.items() if root not in certain}
            suspects = list(before)

    def _found(self, target: Target, looks: Sequence[Look]) -> None:
        repaired = 0
        if self._repair:
            roots = [
                look.root
                for look in looks
                if any(difference.kind is not Kind.UNREADABLE for difference in look.found)
            ]
            for start in range(0, len(roots), self._page):
                part = roots[start : start + self._page]
                rebuild_all(self._database, target, part, self._engine.retry, afresh=True)
            repaired = len(roots)
        self._tell([difference for look in looks for difference in look.found], repaired)

    def _look(self, target: Target, roots: Sequence[str]) -> list[Look]:
        policy = self._engine.retry
        if isinstance(target, AggregateSpec):
            return [
                Look(root, version, found)
                for root, version, found in policy.run(
                    f"a look at {target.name}",
                    lambda _: sources_that_differ(self._database, target, roots),
                )
            ]
        try:
            return policy.run(
                f"a look at {target.name}", lambda _: look_at(self._database, target, roots)
            )
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
            return [*self._look(target, roots[:half]), *self._look(target, roots[half:])]

    def _tell(self, found: Sequence[Difference], repaired: int = 0) -> None:
        with self._lock:
            state = self._state
            self._state = replace(
                state, found=state.found + len(found), repaired=state.repaired + repaired
            )
            if self._report is not None:
                for difference in found:
                    self._report(difference)

    def _count(self, roots: int) -> None:
        with self._lock:
            self._state = replace(self._state, roots=self._state.roots + roots)
            if self._progress is not None:
                self._progress(self._state)


@dataclass(frozen=True)
class Look:
    """What a look has found of one root.

    Attributes:
        root: its path.
        versions: of its sources, as the look saw them.
        found: the differences.
    """

    root: str
    versions: Mapping[str, datetime | None] | datetime | None
    found: tuple[Difference, ...]


def look_at(database: Database, definition: Definition, roots: Sequence[str]) -> list[Look]:
    """Look at roots in one snapshot: sources, ledger records and documents.

    Raises:
        TransientError: a read failed.
        PermanentError: a batched read is refused.
    """
    wanted = [(root, shard) for root in roots for shard in range(definition.shards)]
    paths = [ledger_path(definition.name, root, shard) for root, shard in wanted]
    documents, read_time = database.get(paths)
    broken: dict[str, UnreadableRecord] = {}
    due: list[Affected] = []
    for (root, shard), path in zip(wanted, paths, strict=True):
        try:
            record = LedgerRecord.from_document(documents[path])
        except UnreadableRecord as error:
            broken[root] = error
            continue
        due.append(Affected(definition, root, shard, record, read_time))
    due = [item for item in due if item.root not in broken]
    looks = [
        Look(root, None, (Difference(definition.name, error.path, Kind.UNREADABLE, str(error)),))
        for root, error in broken.items()
    ]
    if not due:
        return looks
    built = build_all(database, due)
    expected = {
        path for item, made in zip(due, built, strict=True) for path in _documents(item, made)
    }
    there = database.get(sorted(expected), read_time=read_time)[0] if expected else {}
    found: dict[str, list[Difference]] = {root: [] for root in roots if root not in broken}
    versions: dict[str, Mapping[str, datetime | None]] = {}
    for item, made in zip(due, built, strict=True):
        found[item.root] += differences_of(item, made, there)
        versions[item.root] = made.read_set.versions
    return [*looks, *(Look(root, versions[root], tuple(found[root])) for root in found)]


def _told_root(target: Target, path: str) -> str | None:
    if not isinstance(target, AggregateSpec):
        return root_of_id(target.name, last_segment(path))
    source = unquote(last_segment(path).partition("~")[2])
    return source if target.contribution_path(source) == path else None


def _documents(item: Affected, made: Build) -> set[str]:
    listed = set(item.record.documents) if item.record else set[str]()
    return listed | set(made.documents or {})
