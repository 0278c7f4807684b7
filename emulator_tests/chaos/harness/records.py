"""The ledger's history, each version judged against the source history at one instant.

That of an eventual view is judged against the versions that it lists: those it must be made of, and
no source may go back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator_tests.chaos.harness.expected import (
    COUNTED,
    EVENTUAL,
    VIEWS,
    Broken,
    Built,
    Reader,
    query_roots,
)
from emulator_tests.chaos.harness.history import Fields, History, intersect

LEDGER, DEAD_LETTERS, OUTBOX = "onto_ledger", "onto_dead_letters", "onto_outbox"

Complaint = tuple[str, str]


@dataclass
class RecordVersion:
    """One commit of a ledger record.

    Attributes:
        time: of the commit.
        fields: the record; None if the commit deleted it.
        spans: the instants at which all versions it lists were current.
        instant: the latest instant at which plain recomputation gives what was committed.
        built: what plain recomputation gives then; None for a failed build.
        complaints: what is wrong with it, as (guarantee, text).
    """

    time: int
    fields: Fields | None
    spans: list[tuple[int, int]] = field(default_factory=list)
    instant: int | None = None
    built: Built | None = None
    complaints: list[Complaint] = field(default_factory=list)

    @property
    def vector(self) -> dict[str, int | None]:
        """Version by path; None where missing."""
        if self.fields is None:
            return {}
        read = [*self.fields["matched"], *self.fields["sources"]]
        return {source["path"]: source["time"] for source in read}

    @property
    def documents(self) -> set[str]:
        """Paths of the view documents that it lists."""
        return {made["path"] for made in self.fields["documents"]} if self.fields else set()

    @property
    def failed(self) -> bool:
        """Whether it records a failed build."""
        return self.fields is not None and self.fields["failure"] is not None


@dataclass
class Record:
    """All commits of one root of one view."""

    view: str
    root: str
    path: str
    versions: list[RecordVersion]

    def at(self, time: int) -> RecordVersion | None:
        """The version at an instant."""
        found = None
        for version in self.versions:
            if version.time > time:
                break
            found = version
        return found

    def last_good(self) -> Built:
        """What the last successful build since the root was created gave."""
        for version in reversed(self.versions):
            if version.fields is None:
                break
            if not version.failed:
                return version.built or {}
        return {}


def read_records(history: History) -> dict[str, Record]:
    """Every ledger record, judged; by its path."""
    return {path: _read(history, path) for path in history.collection(LEDGER)}


def _read(history: History, path: str) -> Record:
    contents = [v.fields for v in history.versions[path] if v.fields is not None]
    view, root = contents[0]["definition"], contents[0]["root"]
    versions = [RecordVersion(v.time, v.fields) for v in history.versions[path]]
    record = Record(view, root, path, versions)
    previous = None
    for version in versions:
        if version.fields is None:
            _judge_deletion(history, record, version)
        elif view in EVENTUAL:
            _judge_eventual(history, record, version)
        elif view in COUNTED:
            _judge_counted(history, version)
        else:
            _judge(history, record, version)
        _judge_order(version, previous)
        _judge_documents(history, version, previous, "G2" if view in EVENTUAL else "G3")
        previous = version
    if view in EVENTUAL:
        _judge_sources(history, record)
    return record


def _judge(history: History, record: Record, version: RecordVersion) -> None:
    """Find the instant of the sources from which this was built."""
    _judge_spans(history, version)
    if not version.spans:
        return
    mismatch = ""
    for start, _ in _candidates(history, record, version.spans):
        found = _compare(record, version, Reader.of_history(history, start))
        if not isinstance(found, str):
            version.instant = start
            version.built = found[0]
            return
        mismatch = mismatch or found
    version.complaints.append(("G3", f"it is no snapshot: {mismatch}"))


def _judge_spans(history: History, version: RecordVersion) -> None:
    """See that all that it lists was current at once."""
    version.spans = _current(history, version, 0, version.time)
    if not version.spans:
        version.complaints.append(("G3", "its sources never were current all at once"))


def _current(
    history: History, version: RecordVersion, after: int, until: int
) -> list[tuple[int, int]]:
    """The parts of `[after, until)` at which all versions that it lists were current."""
    spans = [(after, until)]
    for path, seen in version.vector.items():
        spans = intersect(spans, history.spans(path, seen, until))
    return spans


def _judge_eventual(history: History, record: Record, version: RecordVersion) -> None:
    """See that it was built from the versions that it lists."""
    reader = Reader.of_vector(history, version.vector)
    found = _compare(record, version, reader)
    if isinstance(found, str):
        version.complaints.append(("G2", f"it is not of the versions that it lists: {found}"))
    else:
        version.built = found[0]


def _judge_counted(history: History, version: RecordVersion) -> None:
    """See that what it has read was current at once; the numbers are checked in the end."""
    _judge_spans(history, version)
    if not version.failed:
        contents = {path: history.at(path, version.time).fields for path in version.documents}
        version.built = {path: found for path, found in contents.items() if found is not None}


def _judge_sources(history: History, record: Record) -> None:
    """See that each source of a root's life goes forward by itself, also where it is missing."""
    reached: dict[str, int] = {}
    for version in record.versions:
        if version.fields is None:
            reached.clear()
        for path, seen in version.vector.items():
            spans = history.spans(path, seen, version.time)
            start = next((start for start, end in spans if end > reached.get(path, 0)), None)
            if start is None:
                text = f"{path} goes back to {seen} from what it was at {reached.get(path)}"
                version.complaints.append(("G2", text))
            else:
                reached[path] = max(start, reached.get(path, 0))


def has_left(history: History, record: Record, path: str, after: int, until: int) -> bool:
    """Whether a document was outside of what a root queries at an instant in `[after, until)`."""
    times = [after, *(v.time for v in history.versions[path] if after < v.time < until)]
    root = (record.view, record.root)
    return any(root not in query_roots(history, path, time) for time in times)


def is_the_same(
    history: History, record: Record, version: RecordVersion, path: str, times: tuple[int, int]
) -> bool:
    """Whether two versions of one document give the same documents, with all else as it was read.

    Then an event that replaces one by the other concerns no field that the view shows, and the
    record may go on listing the earlier version.
    """
    reader = Reader.of_vector(history, version.vector)
    made: list[Built] = []
    for time in times:
        fields = history.at(path, time).fields
        if fields is None:
            return False
        try:
            made.append(VIEWS[record.view][1](reader.replaced(path, fields), record.root))
        except Broken:
            return False
    return made[0] == made[1]


def holds_after(
    history: History, record: Record, version: RecordVersion, after: int, until: int
) -> bool:
    """Whether a record's version is right for the sources of any instant in `[after, until)`."""
    spans = _current(history, version, after, until)
    return any(
        not isinstance(_compare(record, version, Reader.of_history(history, start)), str)
        for start, _ in _candidates(history, record, spans)
    )


def _compare(record: Record, version: RecordVersion, reader: Reader) -> tuple[Built | None] | str:
    """What plain recomputation gives of a reader, or how it differs from the version."""
    try:
        built: Built | None = VIEWS[record.view][1](reader, record.root)
    except Broken:
        built = None
    if (built is None) != version.failed:
        return "it was built from refused sources" if built is None else "it is no failure"
    if built is not None and reader.seen != version.vector:
        return f"sources differ: {_difference(reader.seen, version.vector)}"
    if built is not None and version.fields is not None:
        documents = sorted(version.documents)
        if sorted(built) != documents:
            return f"it has the documents {documents}, its sources give {sorted(built)}"
    return (built,)


def _candidates(
    history: History, record: Record, spans: list[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The parts of the spans between changes of what the view queries, the latest first."""
    queried = {
        "UserView": "meetings",
        "PollResults": f"{record.root}/votes",
        "TeamSummary": "members",
        "DivisionSummary": "teamSummaries",
    }.get(record.view)
    changes = (
        {v.time for path in history.collection(queried) for v in history.versions[path]}
        if queried
        else set()
    )
    for start, end in reversed(spans):
        points = sorted({start, *(t for t in changes if start < t < end)})
        yield from reversed(list(zip(points, [*points[1:], end], strict=True)))


def _judge_deletion(history: History, record: Record, version: RecordVersion) -> None:
    version.spans = history.spans(record.root, None, version.time)
    if not version.spans:
        version.complaints.append(("G2", "it was deleted although its root has never been missing"))
        return
    version.instant = version.spans[-1][0]
    version.built = {}


def _judge_order(version: RecordVersion, previous: RecordVersion | None) -> None:
    if previous is None:
        return
    before, after = previous.vector, version.vector
    for path in before.keys() & after.keys():
        old, new = before[path], after[path]
        if old is not None and new is not None and new < old:
            version.complaints.append(("G2", f"{path} goes back from {old} to {new}"))
    if version.spans and previous.spans and version.spans[-1][1] <= previous.spans[0][0]:
        version.complaints.append(("G2", "its sources are older than those of the commit before"))
    if version.fields is not None and previous.fields is not None and before == after:
        version.complaints.append(("G4", "the same versions were committed twice"))


def _judge_documents(
    history: History, version: RecordVersion, previous: RecordVersion | None, guarantee: str
) -> None:
    """The view documents are right after the commit, whichever it wrote."""
    old = previous.documents if previous else set()
    if version.failed:
        for path in old:
            if history.at(path, version.time).time == version.time:
                version.complaints.append((guarantee, f"a failed build wrote {path}"))
        return
    if version.built is None:
        return
    for path, content in version.built.items():
        if history.at(path, version.time).fields != content:
            found = history.at(path, version.time).fields
            version.complaints.append((guarantee, f"{path} is {found}, its sources give {content}"))
    for path in old - set(version.built):
        if history.at(path, version.time).fields is not None:
            version.complaints.append(("G6", f"{path} was left when it was no longer produced"))


def _difference(first: dict[str, int | None], second: dict[str, int | None]) -> str:
    paths = sorted(p for p in {*first, *second} if first.get(p, 0) != second.get(p, 0))
    return ", ".join(f"{p} {first.get(p, 'unread')}/{second.get(p, 'unread')}" for p in paths[:3])
