"""Verification: recompute everything from the sources, and report differences.

Each page of roots is checked in one snapshot: sources, ledger records and documents. A difference
at that instant is not yet an error: an event may still be on its way. So a difference counts only
if a later second look finds the same difference from the same sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event, Lock

from onto_fn.attempts import Subject
from onto_fn.engine.materialise.difference import Difference, Kind, Look
from onto_fn.engine.operate.scan import Span, count_roots, pages, spans
from onto_fn.engine.targets.rebuild import rebuild_all
from onto_fn.engine.targets.registry import Registry
from onto_fn.engine.targets.target import Target
from onto_fn.errors import PermanentError, UnreadableRecord
from onto_fn.firestore import Database, Document

PAGE = 100
PAGE_OF_NAMES = 1000
LOOKS = 3


@dataclass(frozen=True)
class Verified:
    """The progress or result of a verification.

    Attributes:
        roots: how many were checked.
        total: approximate number when it began.
        found: how many differences count.
        repaired: how many roots were rebuilt.
    """

    roots: int = 0
    total: int = 0
    found: int = 0
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
        report: called with each difference that counts, by one thread at a time.
        progress: called after each page, by one thread at a time.
    """

    def __init__(
        self,
        engine: Registry,
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
        """Check everything, until the end or until `stop` is set.

        Raises:
            TransientError: the platform failed for longer than the retries last.
        """
        stop = stop or Event()
        total = sum(count_roots(self._database, target) for target in self._targets)
        self._state = Verified(total=total)
        for target in self._targets:
            if target.is_verified:
                self._verify(target, stop)
        return self._state

    def _verify(self, target: Target, stop: Event) -> None:
        failed: list[BaseException] = []

        def work(part: Iterator[Sequence[str]]) -> None:
            try:
                for roots in part:
                    if stop.is_set() or failed:
                        return
                    self._check(target, roots)
            except BaseException as error:
                failed.append(error)

        cuts = spans(self._database, target.root_query(), self._workers)
        parts = [self._root_pages(target, span) for span in cuts]
        parts.append(self._pages_without_root(target))
        with ThreadPoolExecutor(self._workers) as threads:
            list(threads.map(work, parts))
        if failed:
            raise failed[0]
        if not stop.is_set():
            policy = self._engine.retry
            for difference in target.check_whole(self._database, policy, repair=self._repair):
                self._tell([difference], repaired=int(self._repair))

    def _root_pages(self, target: Target, span: Span) -> Iterator[Sequence[str]]:
        for page in pages(self._database, target, span, self._page, self._engine.retry):
            yield page.roots
            self._count(len(page.roots))

    def _pages_without_root(self, target: Target) -> Iterator[Sequence[str]]:
        """Roots that records name but that do not exist: nothing of them may be left.

        A record's id usually names its root. Only records that this does not decide are read as a
        whole.
        """
        names = replace(target.records(), keys_only=True)
        for found in self._database.pages(names, PAGE_OF_NAMES):
            told = {document.path: target.root_named(document.path) for document in found}
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
            # Existing roots are checked with the roots themselves.
            yield [root for root in unsure if now[root] is None]

    def _root_of(self, target: Target, document: Document) -> str | None:
        """The root of a record; a document that onto_fn did not write is only reported."""
        problem = ""
        try:
            root = target.root_in(document)
        except UnreadableRecord as error:
            root, problem = None, str(error)
        if root is not None:
            if target.is_root(root):
                return root
            problem = f"{root} cannot be a root of {target.name}"
        if problem:
            self._tell([Difference(target.name, document.path, Kind.UNREADABLE, problem)])
        return None

    def _check(self, target: Target, roots: Sequence[str]) -> None:
        """Check roots, and check differing ones again until the difference is stable or gone."""
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
                rebuild_all(self._database, target, part, self._engine.retry, force=True)
            repaired = len(roots)
        self._tell([difference for look in looks for difference in look.found], repaired)

    def _look(self, target: Target, roots: Sequence[str]) -> list[Look]:
        found: list[Look] = []
        try:
            for attempt in self._engine.retry.attempts_of(Subject(target.name, step="verify")):
                with attempt:
                    found = target.looks(self._database, roots)
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
