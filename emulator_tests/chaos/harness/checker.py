"""The guarantees G1 to G8, checked on evidence: the history, the final state, the acknowledgements.

It recomputes everything from the sources in plain Python and shares nothing with the engine.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from emulator_tests.chaos.harness.expected import (
    AGGREGATES,
    EVENTUAL,
    SENT,
    VIEWS,
    Broken,
    Built,
    Reader,
    is_view,
    query_roots,
    record_id,
    valid,
)
from emulator_tests.chaos.harness.history import Fields, History
from emulator_tests.chaos.harness.records import (
    DEAD_LETTERS,
    LEDGER,
    OUTBOX,
    Record,
    has_left,
    holds_after,
    is_the_same,
    read_records,
)

GUARANTEES = tuple(f"G{number}" for number in range(1, 9))
LONGEST_INVOCATION = 60.0
_CLOCK_SLACK = 2_000  # microseconds between the emulator's clock and the deliverer's


@dataclass(frozen=True)
class Violation:
    """A guarantee that does not hold, and where."""

    guarantee: str
    detail: str

    def __str__(self) -> str:
        return f"{self.guarantee}: {self.detail}"


@dataclass(frozen=True)
class Acknowledgement:
    """The first time that an event was acknowledged.

    Attributes:
        path: the document.
        before: its version before, None if it did not exist.
        after: its version after, None if it was deleted.
        at: when, in microseconds.
        batches: when a batch of its fan-out with a root was acknowledged first, by the path of the
            ledger record; until then, that root may be as it was.
    """

    path: str
    before: int | None
    after: int | None
    at: int
    batches: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Sent:
    """One published message: what became of a document in one version of its view.

    Attributes:
        path: the document.
        version: grows with each change of the document.
        content: None for a deletion.
    """

    path: str
    version: int
    content: Fields | None


@dataclass(frozen=True)
class Evidence:
    """What a run has left.

    Attributes:
        history: every version of sources, views, ledger and dead letters.
        final: all documents at the end, as a client reads them.
        acknowledgements: of every event that was delivered.
        unacknowledged: deliveries that never were.
        slowest: seconds of the longest invocation.
        stopped: when the last source was written, in microseconds.
        outstanding: the documents of events that were not acknowledged by then, or came later.
        outstanding_roots: how many roots the batches of that kind have.
        sent: the published messages, duplicates included.
        quiet_from: when everything was acknowledged; after that, only duplicates were delivered.
    """

    history: History
    final: Mapping[str, Fields]
    acknowledgements: Sequence[Acknowledgement] = ()
    unacknowledged: int = 0
    slowest: float = 0.0
    stopped: int = 0
    outstanding: Sequence[str] = ()
    outstanding_roots: int = 0
    sent: Sequence[Sent] = ()
    quiet_from: int = 2**62


@dataclass
class Verdict:
    """Violations, and how much was checked."""

    violations: list[Violation] = field(default_factory=list)
    ledger_commits: int = 0
    view_versions: int = 0
    roots: int = 0
    broken: int = 0
    acknowledgements: int = 0
    messages: int = 0

    def count(self, guarantee: str) -> int:
        """How many violations of a guarantee there are."""
        return sum(v.guarantee == guarantee for v in self.violations)


def check(evidence: Evidence) -> Verdict:
    """Check all guarantees."""
    verdict = Verdict()
    records = read_records(evidence.history)
    for found in (
        _record_violations(records, verdict),
        _version_violations(evidence.history, records, verdict),
        _final_violations(evidence, records, verdict),
        _acknowledgement_violations(evidence, records, verdict),
        _bound_violations(evidence, records),
        _message_violations(evidence, verdict),
    ):
        verdict.violations += found
    verdict.violations.sort(key=lambda violation: violation.guarantee)
    return verdict


def _record_violations(records: Mapping[str, Record], verdict: Verdict) -> Iterator[Violation]:
    """G2, G3 (unless it is given up), G4, G6: every commit of every ledger record."""
    for record in records.values():
        verdict.ledger_commits += len(record.versions)
        for version in record.versions:
            for guarantee, text in version.complaints:
                place = f"{record.view} of {record.root}, commit of {version.time}"
                yield Violation(guarantee, f"{place}: {text}")


def _version_violations(
    history: History, records: Mapping[str, Record], verdict: Verdict
) -> Iterator[Violation]:
    """G4: every version of a view document changes it, and comes with its ledger record."""
    committed: dict[int, set[str]] = defaultdict(set)
    for record in records.values():
        previous: set[str] = set()
        for version in record.versions:
            committed[version.time] |= previous | version.documents
            previous = version.documents
    for path, versions in history.versions.items():
        if not is_view(path):
            continue
        content: Fields | None = None
        for version in versions:
            verdict.view_versions += 1
            if version.fields == content:
                yield Violation("G4", f"{path} was written again without change, {version.time}")
            if path not in committed[version.time]:
                yield Violation("G4", f"{path} was written without its ledger, {version.time}")
            content = version.fields


def _final_violations(
    evidence: Evidence, records: Mapping[str, Record], verdict: Verdict
) -> Iterator[Violation]:
    """G1, G5, G6, G7: the state at the end."""
    final, history = evidence.final, evidence.history
    wanted: Built = {}
    letters: set[str] = set()
    for view, (collection, compute) in VIEWS.items():
        for root in sorted(p for p in final if p.rpartition("/")[0] == collection):
            verdict.roots += 1
            identifier = record_id(view, root)
            record = records.get(f"{LEDGER}/{identifier}")
            if record is None or record.versions[-1].fields is None:
                yield Violation("G5", f"{view} of {root} was never materialised")
                continue
            try:
                wanted |= compute(Reader.of_documents(final), root)
            except Broken:
                verdict.broken += 1
                letters.add(f"{DEAD_LETTERS}/{identifier}")
                wanted |= record.last_good()
            for path, seen in record.versions[-1].vector.items():
                last = history.versions[path][-1] if path in history.versions else None
                now = last.time if last and last.fields is not None else None
                if now != seen and not (seen and now and _is_unread(history, record, path, now)):
                    yield Violation("G5", f"{view} of {root} covers {path} at {seen}, not {now}")
    for name, (collection, model) in AGGREGATES.items():
        for path in sorted(p for p in final if p.split("/")[-2] == collection):
            try:
                valid(model, final[path])
            except Broken:
                letters.add(f"{DEAD_LETTERS}/{record_id(name, path)}")
    yield from _differences(final, wanted, letters)


def _is_unread(history: History, record: Record, path: str, now: int) -> bool:
    """Whether no change since the version that a record lists concerns it."""
    version = record.versions[-1]
    seen = version.vector[path]
    assert seen is not None
    times = [v.time for v in history.versions[path] if seen <= v.time <= now]
    return all(is_the_same(history, record, version, path, pair) for pair in pairwise(times))


def _differences(
    final: Mapping[str, Fields], wanted: Built, letters: set[str]
) -> Iterator[Violation]:
    for path, content in wanted.items():
        if path not in final:
            yield Violation("G1", f"{path} is missing")
        elif final[path] != content:
            yield Violation("G1", f"{path} is {final[path]}, its sources give {content}")
    for path in final:
        if is_view(path) and path not in wanted:
            yield Violation("G6", f"{path} should not exist")
    found = {path for path in final if path.startswith(f"{DEAD_LETTERS}/")}
    for path in sorted(letters - found):
        yield Violation("G7", f"{path} is missing: its root cannot be built")
    for path in sorted(found - letters):
        yield Violation("G7", f"{path} should not exist: its root can be built")


def _acknowledgement_violations(
    evidence: Evidence, records: Mapping[str, Record], verdict: Verdict
) -> Iterator[Violation]:
    """G5: when an event is acknowledged, every view that reads its document has the change."""
    if evidence.unacknowledged:
        yield Violation("G5", f"{evidence.unacknowledged} deliveries were never acknowledged")
    readers: dict[str, set[str]] = defaultdict(set)
    for record in records.values():
        for version in record.versions:
            for path in version.vector:
                readers[path].add(record.path)
    for event in evidence.acknowledgements:
        verdict.acknowledgements += 1
        if event.before == event.after:
            continue
        changed = event.after or _deleted_at(evidence.history, event)
        queried = query_roots(evidence.history, event.path, changed) | query_roots(
            evidence.history, event.path, changed - 1
        )
        by_query = {f"{LEDGER}/{record_id(*root)}" for root in queried}
        for path in sorted(readers[event.path]):
            record = records[path]
            at = event.batches.get(path, event.at)
            version = record.at(at + _CLOCK_SLACK)
            if version is None or version.fields is None:
                continue  # its root does not exist, or its own event is still to come
            if event.path in version.vector:
                done = _covers(version.vector[event.path], event)
            elif version.failed or path not in by_query:
                done = True  # the event of what it fails for, or of what refers to it, is to come
            elif record.view in EVENTUAL:
                done = has_left(evidence.history, record, event.path, changed, at)
            else:
                done = holds_after(evidence.history, record, version, changed, at)
            if not done and event.before is not None and event.after is not None:
                pair = (event.before, event.after)
                done = is_the_same(evidence.history, record, version, event.path, pair)
            if not done:
                yield Violation(
                    "G5",
                    f"the change of {event.path} at {changed} was acknowledged at {at}, "
                    f"and {record.view} of {record.root} does not have it",
                )


def _covers(seen: int | None, event: Acknowledgement) -> bool:
    if event.after is not None:
        return seen is None or seen >= event.after  # missing: deleted since, or G3 complains
    return seen is None or (event.before is not None and seen > event.before)


def _deleted_at(history: History, event: Acknowledgement) -> int:
    later = [v.time for v in history.versions[event.path] if v.time > (event.before or 0)]
    return later[0]


def _bound_violations(evidence: Evidence, records: Mapping[str, Record]) -> Iterator[Violation]:
    """G7, G8: nothing takes for ever, and nothing goes on for ever."""
    if evidence.slowest > LONGEST_INVOCATION:
        yield Violation("G7", f"an invocation took {evidence.slowest:.0f} s")
    readers: dict[str, set[str]] = defaultdict(set)
    late = 0
    for record in records.values():
        readers[record.root].add(record.path)
        for version in record.versions:
            late += version.time > evidence.stopped
            for path in version.vector:
                readers[path].add(record.path)
    bound = sum(len(readers[path]) for path in evidence.outstanding)
    bound += evidence.outstanding_roots
    if evidence.stopped and late > bound:
        yield Violation("G8", f"{late} commits after the last write, its events allow {bound}")
    for path, versions in evidence.history.versions.items():
        for version in versions:
            if version.time > evidence.quiet_from:
                yield Violation("G8", f"{path} was written at {version.time}, after all was done")


def _message_violations(evidence: Evidence, verdict: Verdict) -> Iterator[Violation]:
    """G4, G5: each version of a published document has one message, and no message is left."""
    messages: dict[str, dict[int, Fields | None]] = defaultdict(dict)
    for sent in evidence.sent:
        known = messages[sent.path].setdefault(sent.version, sent.content)
        if known != sent.content:
            yield Violation("G4", f"{sent.path}: two messages of version {sent.version}")
    for path in evidence.history.collection(SENT):
        verdict.messages += len(messages[path])
        told = [content for _, content in sorted(messages[path].items())]
        was = [version.fields for version in evidence.history.versions[path]]
        if told != was:
            yield Violation("G4", f"{path} had {len(was)} versions, and {len(told)} messages")
    for path in sorted(messages.keys() - set(evidence.history.collection(SENT))):
        yield Violation("G4", f"a message reports {path}, which never existed")
    for path in sorted(p for p in evidence.final if p.startswith(f"{OUTBOX}/")):
        yield Violation("G5", f"{path} was never sent")
