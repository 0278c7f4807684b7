"""What the engine decides about an event: covered or not, behind or not, what a build gains."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onto_fn.engine.materialise.plan import covers, gained, is_behind
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.firestore import Document, Filter, Query
from onto_fn.observability import Change
from onto_fn.store import ReadSet

PATH = "users/a"
times = st.integers(0, 20)


def at(tick: int | None) -> datetime | None:
    return None if tick is None else datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=tick)


def read(path: str, tick: int | None) -> Document:
    return Document(path, None if tick is None else {}, at(tick))


def changed(before: int | None, after: int | None, path: str = PATH) -> Change:
    return Change(path, read(path, before), read(path, after), "e")


def reads(sources: dict[str, int | None], matched: dict[str, int] | None = None) -> ReadSet:
    read_set = ReadSet()
    read_set.add_documents([read(path, tick) for path, tick in sources.items()])
    if matched is not None:
        read_set.add_query(Query("users"), [read(path, tick) for path, tick in matched.items()])
    return read_set


def record(read_set: ReadSet) -> LedgerRecord:
    """The ledger record of a build that read `read_set`."""
    fixed: dict[str, Any] = {"definition": "V", "root": "users/r", "fingerprint": "f"}
    return LedgerRecord(
        sources=read_set.sources,
        matched=read_set.matched,
        watches=read_set.watches(),
        documents={},
        built=True,
        failure=None,
        event_id="",
        read_time=datetime(2026, 1, 1, tzinfo=UTC),
        **fixed,
    )


@dataclass(frozen=True)
class History:
    """The versions of a document: what it was from each instant on, None while it was missing."""

    versions: tuple[tuple[int, int | None], ...]

    def state(self, tick: int) -> int | None:
        """Its update time as a snapshot at `tick` shows it."""
        return next((seen for since, seen in reversed(self.versions) if since <= tick), None)

    def events(self) -> list[tuple[int, Change]]:
        """When each change happened, and its event."""
        states = [None, *(seen for _, seen in self.versions)]
        return [
            (since, changed(before, after))
            for (since, after), before in zip(self.versions, states[:-1], strict=True)
        ]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Creations, updates, deletions and creations again, at increasing instants."""
    versions: list[tuple[int, int | None]] = []
    tick, exists = 0, False
    for wanted in draw(st.lists(st.booleans(), min_size=1, max_size=6)):
        tick += draw(st.integers(1, 3))
        exists = wanted or not exists  # what does not exist cannot be deleted
        versions.append((tick, tick if exists else None))
    return History(tuple(versions))


@given(histories(), times, st.data())
def test_a_covered_event_is_not_newer_than_what_was_built_from(
    history: History, snapshot: int, data: st.DataObject
) -> None:
    happened, event = data.draw(st.sampled_from(history.events()))
    seen = history.state(snapshot)

    if covers(record(reads({PATH: seen})), event):
        same_as_built_from = seen is None and event.after_time is None
        assert happened <= snapshot or same_as_built_from


@given(histories(), times, st.data())
def test_an_event_at_or_before_a_version_that_was_built_from_is_covered(
    history: History, snapshot: int, data: st.DataObject
) -> None:
    happened, event = data.draw(st.sampled_from(history.events()))
    seen = history.state(snapshot)

    if happened <= snapshot and (seen is not None or event.after_time is None):
        assert covers(record(reads({PATH: seen})), event)


@given(histories(), times, st.data())
def test_a_snapshot_with_the_change_is_never_behind_it(
    history: History, snapshot: int, data: st.DataObject
) -> None:
    happened, event = data.draw(st.sampled_from(history.events()))

    if happened <= snapshot:
        assert not is_behind(reads({PATH: history.state(snapshot)}), None, event)


@given(histories(), times, times)
def test_a_snapshot_is_never_behind_a_ledger_of_an_earlier_one(
    history: History, one: int, other: int
) -> None:
    earlier, later = sorted((one, other))
    built = record(reads({PATH: history.state(earlier)}))

    assert not is_behind(reads({PATH: history.state(later)}), built, None)


@given(times, times)
def test_a_stale_version_is_covered_and_a_newer_one_is_not(seen: int, after: int) -> None:
    assert covers(record(reads({PATH: seen})), changed(None, after)) == (after <= seen)


def test_the_version_that_was_built_from_is_covered() -> None:
    assert covers(record(reads({PATH: 3})), changed(2, 3))


def test_a_creation_is_not_covered_by_a_build_without_the_document() -> None:
    assert not covers(record(reads({PATH: None})), changed(None, 3))


def test_a_deletion_is_covered_by_a_build_without_the_document() -> None:
    assert covers(record(reads({PATH: None})), changed(3, None))


def test_a_deletion_is_not_covered_by_a_build_from_the_deleted_version() -> None:
    assert not covers(record(reads({PATH: 3})), changed(3, None))


def test_a_deletion_is_covered_by_a_build_from_a_later_version() -> None:
    assert covers(record(reads({PATH: 4})), changed(3, None))


def test_a_document_that_the_ledger_does_not_list_is_not_covered() -> None:
    assert not covers(record(reads({"users/b": 9})), changed(2, 3))


def test_nothing_is_covered_without_a_ledger_record() -> None:
    assert not covers(None, changed(2, 3))


def test_an_event_without_its_payload_is_not_covered() -> None:
    assert not covers(record(reads({PATH: 9})), Change(PATH, None, None))


def test_a_version_that_only_a_query_read_is_covered() -> None:
    assert covers(record(reads({}, matched={PATH: 3})), changed(2, 3))


def test_the_version_read_by_reference_counts_before_that_of_a_query() -> None:
    built = record(reads({PATH: 3}, matched={PATH: 9}))

    assert not covers(built, changed(3, 4))


def test_a_snapshot_without_the_events_version_is_behind() -> None:
    assert is_behind(reads({PATH: 2}), None, changed(2, 3))


def test_a_snapshot_older_than_the_ledger_is_behind() -> None:
    built = record(reads({PATH: 5, "users/b": 5}))

    assert is_behind(reads({PATH: 5, "users/b": 4}), built, None)
    assert is_behind(reads({}, matched={PATH: 4}), built, None)


def test_a_document_that_is_not_read_any_more_is_not_behind() -> None:
    assert not is_behind(reads({"users/b": 5}), record(reads({PATH: 5})), changed(4, 5))


def test_an_event_without_its_payload_shows_nothing_to_be_behind_of() -> None:
    assert not is_behind(reads({PATH: 1}), None, Change(PATH, None, None))


paths = st.sampled_from(["users/a", "users/b", "users/c"])
queries = st.builds(
    lambda value: Query("users", (Filter("n", "==", value),)), st.sampled_from([1, 2, True])
)


@st.composite
def read_sets(draw: st.DrawFn) -> ReadSet:
    read_set = reads(draw(st.dictionaries(paths, st.none() | times)))
    for query in draw(st.lists(queries, max_size=2)):
        read_set.add_query(query, [read(p, 1) for p in draw(st.sets(paths))])
    return read_set


@given(read_sets())
def test_a_first_build_gains_all_that_it_reads(read_set: ReadSet) -> None:
    gain = gained(read_set, None, "f")

    assert set(gain.paths) == set(read_set.sources)
    assert list(gain.queries) == read_set.queries


@given(read_sets())
def test_a_build_that_reads_the_same_again_gains_nothing(read_set: ReadSet) -> None:
    assert not gained(read_set, record(read_set), "f")


@given(read_sets(), read_sets())
def test_what_a_build_does_not_gain_is_watched_already(old: ReadSet, new: ReadSet) -> None:
    gain, known = gained(new, record(old), "f"), old.watches()

    in_gained_queries = {path for _, result in gain.queries for path in result}
    for path in new.versions:
        locked = path in gain.paths or path in in_gained_queries
        assert locked or reads({path: 1}).watches() <= known
    for query, seen in new.queries:
        assert (query, seen) in gain.queries or query.keys() <= known


def test_one_new_value_of_an_in_query_is_a_gain() -> None:
    old, new = ReadSet(), ReadSet()
    old.add_query(Query("users", (Filter("n", "in", [1, 2]),)), [])
    new.add_query(Query("users", (Filter("n", "in", [1, 2, 3]),)), [])

    assert gained(new, record(old), "f").queries
    assert not gained(old, record(new), "f").queries


def test_a_change_of_nothing_is_a_no_op() -> None:
    assert changed(3, 3).is_no_op
    assert not changed(3, 4).is_no_op
    assert not changed(None, 3).is_no_op
    assert not changed(3, None).is_no_op
    assert not Change(PATH, None, None).is_no_op
