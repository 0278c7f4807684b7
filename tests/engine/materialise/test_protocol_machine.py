"""The protocol as a state machine over the pure decisions, in a database of memory.

Documents are created, changed, deleted and created again, references move, and events are handled
late, again, in any order and in steps that interleave: an attempt takes its snapshot at one time
and commits at another, as concurrent functions do. Whatever happens, the view ends as its sources
are (G1), never goes back (G2), and no version is committed twice (G4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from onto_fn import DomainModel, Ref, Store, many, root
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import Build, covers, gained, is_behind, plan
from onto_fn.engine.materialise.unread import Changed
from onto_fn.engine.records.ledger import LedgerRecord, ledger_path
from onto_fn.firestore import Document, PathTemplate, Query, Write
from onto_fn.firestore.queries import document_key
from onto_fn.observability import Change
from onto_fn.store import ReadSet
from onto_fn.store.loading import Loading, load_all
from onto_fn.views import Definition


class Song(DomainModel, collection="songs"):
    title: str
    length: int = 0


class Album(DomainModel, collection="albums"):
    songs: list[Ref[Song]]
    copies: list[str]
    shows_lengths: bool = False


class AlbumStore(Store):
    album = root(Album)
    songs = many(Song, "album.songs", missing="skip")


DEFINITION = Definition("V", AlbumStore, lambda s, t: {}, (PathTemplate("views/{id}"),), "code 1")
ALBUM, SONGS = "albums/a", ("songs/x", "songs/y", "songs/z")
LEDGER = ledger_path("V", ALBUM)

albums = st.fixed_dictionaries(
    {
        "songs": st.lists(st.sampled_from(SONGS), unique=True),
        "copies": st.lists(st.sampled_from("12"), unique=True, min_size=1),
        "showsLengths": st.booleans(),
    }
)
songs = st.fixed_dictionaries(
    {"title": st.sampled_from(["one", "two"]), "length": st.integers(1, 2)}
)
source = st.tuples(st.just(ALBUM), albums | st.none()) | st.tuples(
    st.sampled_from(SONGS), songs | st.none()
)
place = st.integers(0, 10**6)

Snapshot = dict[str, Document]


@dataclass
class Attempt:
    """One attempt to handle an event, between its look-up and its commit."""

    change: Change
    record: LedgerRecord | None
    snapshot: Snapshot
    read_time: datetime


@dataclass
class Memory:
    """Documents and their versions; a commit applies all of its writes or none."""

    documents: Snapshot = field(default_factory=dict[str, Document])
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def get(self, path: str) -> Document:
        return self.documents.get(path, Document(path, None, None))

    def commit(self, writes: tuple[Write, ...] | list[Write]) -> bool:
        for write in writes:
            found = self.get(write.path).update_time
            if write.precondition is not None and found != (
                None if write.precondition == "absent" else write.precondition
            ):
                return False
        self.now += timedelta(seconds=1)
        for write in writes:
            time = None if write.fields is None else self.now
            self.documents[write.path] = Document(write.path, write.fields, time)
        return True


class Protocol(RuleBasedStateMachine):
    """Sources change; events are looked up and committed, each in steps of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.pending: list[Change] = []
        self.past: list[Change] = []
        self.attempts: list[Attempt] = []
        self.vectors: list[dict[str, Any]] = []

    @rule(written=source)
    def write(self, written: tuple[str, dict[str, Any] | None]) -> None:
        path, fields = written
        before = self.memory.get(path)
        assert self.memory.commit([Write(path, fields)])
        change = Change(path, before, self.memory.get(path), f"event-{self.memory.now}")
        self.pending.append(change)

    @rule(song=st.sampled_from(SONGS), length=st.integers(1, 2), showed=st.booleans())
    def change_a_length_while_a_build_begins_to_read_it(
        self, song: str, length: int, showed: bool
    ) -> None:
        album = {"songs": [song], "copies": ["1"], "showsLengths": showed}
        self.write((song, {"title": "one", "length": 3 - length}))
        self.write((ALBUM, album))
        self.settle()
        self.write((ALBUM, {**album, "showsLengths": True}))
        self.look_up(self.pending.pop())
        self.write((song, {"title": "one", "length": length}))
        self.look_up(self.pending.pop())
        while self.attempts:
            self.commit(self.attempts.pop())

    @rule()
    def settle(self) -> None:
        """All events are handled, and the views are as their sources."""
        while self.pending or self.attempts:
            if self.pending:
                self.look_up(self.pending.pop())
            else:
                self.commit(self.attempts.pop())
        self.check_views()

    @precondition(lambda self: self.pending)
    @rule(which=place)
    def begin(self, which: int) -> None:
        self.look_up(self.pending.pop(which % len(self.pending)))

    @precondition(lambda self: self.past)
    @rule(which=place)
    def redeliver(self, which: int) -> None:
        self.pending.append(self.past[which % len(self.past)])

    @precondition(lambda self: self.past)
    @rule(which=place)
    def redeliver_without_payload(self, which: int) -> None:
        self.pending.append(Change(self.past[which % len(self.past)].path, None, None))

    @precondition(lambda self: self.attempts)
    @rule(which=place)
    def finish(self, which: int) -> None:
        self.commit(self.attempts.pop(which % len(self.attempts)))

    @precondition(lambda self: self.attempts)
    @rule(which=place)
    def die(self, which: int) -> None:
        """The function ends before its commit; the platform delivers the event again."""
        self.pending.append(self.attempts.pop(which % len(self.attempts)).change)

    def look_up(self, change: Change) -> None:
        if change not in self.past:
            self.past.append(change)
        record = LedgerRecord.from_document(self.memory.get(LEDGER))
        watched = record is not None and document_key(change.path) in record.watches
        if change.is_no_op or not (watched or change.path == ALBUM):
            return
        snapshot = dict(self.memory.documents)
        self.attempts.append(Attempt(change, record, snapshot, self.memory.now))

    def commit(self, attempt: Attempt) -> None:
        if covers(attempt.record, attempt.change):
            return
        item = Affected(DEFINITION, ALBUM, 0, attempt.record, attempt.read_time)
        if Changed(attempt.change).is_unread(item):
            return
        made = build(attempt.snapshot, attempt.read_time)
        assert not is_behind(made.read_set, attempt.record, attempt.change)
        planned = plan(DEFINITION, attempt.record, made, ALBUM, attempt.change)
        if planned is None:
            return
        gain = gained(made.read_set, attempt.record, "code 1")
        seen = made.read_set.versions
        moved = any(self.memory.get(path).update_time != seen[path] for path in gain.paths)
        if moved or not self.memory.commit(planned.writes):
            self.pending.append(attempt.change)  # it loses the race, and begins again
            return
        self.check_progress(made.read_set.versions)

    def check_progress(self, vector: dict[str, Any]) -> None:
        if self.vectors:
            before = self.vectors[-1]
            for path in vector.keys() & before.keys():
                old, new = before[path], vector[path]
                assert old is None or new is None or old <= new, "went back (G2)"
            assert vector not in self.vectors[-1:], "the same versions twice (G4)"
        self.vectors.append(vector)

    def check_views(self) -> None:
        views = {
            path: document.fields
            for path, document in self.memory.documents.items()
            if path.startswith("views/") and document.exists
        }
        assert views == (build(self.memory.documents, self.memory.now).documents or {})

    def teardown(self) -> None:
        """Repeated events write no view. At most, the record catches up once.

        An old event of a document that is deleted by now says nothing of the record's version, so
        the view is built. The record then lists the present version of what was skipped.
        """
        self.settle()
        views = self.versions_of_views()
        self.repeat_all()
        assert self.versions_of_views() == views, "a repeated event wrote a view"
        commits = len(self.vectors)
        self.repeat_all()
        assert len(self.vectors) == commits, "a repeated event committed"

    def repeat_all(self) -> None:
        for change in [c for c in self.past if c.is_known]:
            self.look_up(change)
            while self.attempts:
                self.commit(self.attempts.pop())

    def versions_of_views(self) -> dict[str, datetime | None]:
        found = self.memory.documents.items()
        return {path: view.update_time for path, view in found if path.startswith("views/")}


@dataclass
class Reader:
    """Reads of one snapshot."""

    snapshot: Snapshot

    def get(self, paths: Sequence[str]) -> Snapshot:
        return {path: self.snapshot.get(path, Document(path, None, None)) for path in paths}

    def query(self, query: Query) -> list[Document]:
        raise NotImplementedError


def build(snapshot: Snapshot, read_time: datetime) -> Build:
    """The titles of an album's songs, and their lengths if it shows them; for each copy."""
    loading = Loading(AlbumStore, ALBUM, ReadSet(), tracks=True)
    load_all([loading], Reader(snapshot))
    store = loading.result()
    if store is None:
        return Build(loading.read_set, read_time, {}, False)
    shown: dict[str, Any] = {"titles": [song.title for song in store.songs]}
    if store.album.shows_lengths:
        shown["lengths"] = [song.length for song in store.songs]
    documents = {f"views/{copy}": shown for copy in store.album.copies}
    return Build(loading.read_set, read_time, documents, True)


def test_the_view_converges_and_never_goes_back_whatever_is_delivered() -> None:
    run_state_machine_as_test(
        Protocol, settings=settings(max_examples=150, stateful_step_count=40, deadline=None)
    )
