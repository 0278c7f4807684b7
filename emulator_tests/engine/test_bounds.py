"""What grows with the data is read and committed in parts of bounded size, each safe by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
import pytest
from pydantic import Field

from emulator_tests.kit.calls import Calls, Unavailable
from emulator_tests.kit.domain import BoardView, GroupView, people
from emulator_tests.kit.fixtures import Connect
from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, RetryPolicy, Store, ViewModel, one, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise import grouping as commits
from onto_fn.engine.materialise import leftovers, lookup
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.errors import RetriesExhausted
from onto_fn.observability import Change, Result

GROUP = "groups/g"


def batch(changed: Change, roots: Iterable[str], view: type[ViewModel[Any]] = GroupView) -> Batch:
    return Batch(view.__name__, changed, tuple((path, 0) for path in roots))


def engine_of(view: type[ViewModel[Any]], **options: Any) -> Engine:
    return Engine([view.definition()], **options)


# Commits of several roots


def test_a_commit_of_many_roots_locks_a_bounded_number_of_documents(
    interleaved: Interleaved, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "MAX_LOCKED", 20)
    roots = [f"groups/g{n:02}" for n in range(12)]
    writer.write_all({path: {"members": people("a", path[-2:])} for path in roots})
    changed = writer.write("people/a", {"name": "Ann"})

    outcomes = engine_of(GroupView).handle_batch(interleaved, batch(changed, roots))

    assert [outcome.result for outcome in outcomes] == [Result.COMMITTED] * 12
    # Each writes a view and a record, and locks its root and two people, which are new to it.
    assert [len(commit.contents) for commit in interleaved.commits] == [8, 8, 8]
    views = writer.collection("groupViews")
    assert [view and view["names"] for view in views.values()] == [["Ann"]] * 12


def test_a_commit_of_many_roots_stays_below_what_firestore_takes(
    connect: Connect, writer: Writer
) -> None:
    roots = [f"groups/g{n}" for n in range(6)]
    for path in roots:
        writer.write(path, {"title": "x" * 900_000, "members": people("a")})
    changed = writer.write("people/a", {"name": "Ann"})
    calls = Calls()

    outcomes = engine_of(GroupView).handle_batch(connect(calls), batch(changed, roots))

    assert [outcome.result for outcome in outcomes] == [Result.COMMITTED] * 6
    assert calls.counts["Commit"] == 3


def test_what_was_committed_before_a_later_part_failed_is_not_done_again(
    connect: Connect, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "MAX_LOCKED", 5)
    roots = [f"groups/g{n}" for n in range(3)]
    writer.write_all({path: {"members": people("a")} for path in roots})
    changed = writer.write("people/a", {"name": "Ann"})
    calls = Calls()

    database = connect(CutOff(2, applied=False), calls)
    outcomes = engine_of(GroupView).handle_batch(database, batch(changed, roots))

    assert [outcome.result for outcome in outcomes] == [Result.COMMITTED] * 3
    assert calls.counts["Commit"] == 3


class Layout(DomainModel, collection="layouts"):
    slots: dict[str, str] = Field(default_factory=dict)


class Guest(DomainModel, collection="guests"):
    layout: str = "l"


class GuestStore(Store):
    guest = root(Guest)
    layout = one(Layout, lambda store: Layout.ref(store.guest.layout))


class Seat(ViewModel[GuestStore], path="seats/{seat}"):
    @property
    def guest(self) -> str:
        return self.store.guest.doc_id

    def targets(self) -> Iterable[Mapping[str, str]]:
        seat = self.store.layout.slots.get(self.store.guest.doc_id)
        return [{"seat": seat}] if seat else []


@pytest.mark.parametrize("max_locked", [1, 1000])
@pytest.mark.parametrize(("leaves", "comes"), [("ann", "bob"), ("bob", "ann")])
def test_a_document_that_one_root_gives_up_and_another_takes_is_there(
    leaves: str,
    comes: str,
    max_locked: int,
    database: Database,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(commits, "MAX_LOCKED", max_locked)
    engine, roots = engine_of(Seat), ["guests/ann", "guests/bob", "guests/cy"]
    writer.write_all({path: {} for path in roots})
    for slots in ({leaves: "window", comes: "aisle"}, {comes: "window", "cy": "aisle"}):
        changed = writer.write("layouts/l", {"slots": slots})
        engine.handle_batch(database, batch(changed, roots, Seat))

    assert writer.collection("seats") == {
        "seats/window": {"guest": comes},
        "seats/aisle": {"guest": "cy"},
    }
    assert listed(writer) == {"seats/window", "seats/aisle"}


# Reads


class ReadSizes(grpc.UnaryStreamClientInterceptor):
    """Notes how many documents each read asks for, and as of when."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.times: set[str] = set()

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        if details.method.endswith("/BatchGetDocuments") and request.HasField("read_time"):
            self.sizes.append(len(request.documents))
            self.times.add(str(request.read_time))
        return continuation(details, request)


def test_very_many_references_are_read_in_pages_at_one_time(
    connect: Connect, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "PAGE", 30)
    names = [f"p{n:02}" for n in range(70)]
    writer.write_all({f"people/{name}": {"name": name} for name in names})
    sizes = ReadSizes()

    changed = writer.write(GROUP, {"members": people(*names)})
    engine_of(GroupView).handle(connect(sizes), changed)

    view = writer.content("groupViews/g")
    assert view is not None
    assert view["names"] == names
    assert sizes.sizes == [1, 30, 30, 10]
    assert len(sizes.times) == 1


# Leftovers


def listed(writer: Writer) -> set[str]:
    """All documents that the ledger lists."""
    records = writer.collection(LEDGER_COLLECTION).values()
    return {made["path"] for record in records if record for made in record["documents"]}


def boards(writer: Writer, names: Iterable[str]) -> set[str]:
    """The boards that there are, of these people."""
    paths = [f"people/{name}/boards/g" for name in names]
    return {path for path, document in writer.database.get(paths)[0].items() if document.exists}


class CutOff(grpc.UnaryUnaryClientInterceptor):
    """Loses the answer of one commit.

    Args:
        number: of the commit, from 1.
        applied: whether it takes effect.
    """

    def __init__(self, number: int, *, applied: bool) -> None:
        self.number = number
        self.applied = applied
        self.commits = 0

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        if not details.method.endswith("/Commit"):
            return continuation(details, request)
        self.commits += 1
        if self.commits != self.number:
            return continuation(details, request)
        if self.applied:
            continuation(details, request).result()
        raise Unavailable


NAMES = [f"p{n:02}" for n in range(35)]


@pytest.fixture
def large_group(database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root with 35 copies, of which 10 are deleted in one commit."""
    monkeypatch.setattr(leftovers, "MAX_DELETED", 10)
    changed = writer.write(GROUP, {"members": people(*NAMES)})
    engine_of(BoardView).handle(database, changed)
    assert len(boards(writer, NAMES)) == 35


def test_very_many_leftovers_go_in_bounded_commits(
    large_group: None, interleaved: Interleaved, writer: Writer
) -> None:
    changed = writer.write(GROUP, {"members": people("new")})

    [outcome] = engine_of(BoardView).handle(interleaved, changed)

    # Each with the record; the last with the new board as well.
    assert [len(commit.contents) for commit in interleaved.commits] == [11, 11, 6, 12]
    assert len(outcome.deleted) == 35
    assert boards(writer, [*NAMES, "new"]) == listed(writer) == {"people/new/boards/g"}


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_whoever_is_killed_among_the_leftovers_leaves_none_that_the_ledger_forgot(
    number: int, applied: bool, large_group: None, connect: Connect, writer: Writer
) -> None:
    once = RetryPolicy(attempts=1)
    changed = writer.write(GROUP, {"members": people("new")})

    with pytest.raises(RetriesExhausted):
        engine_of(BoardView, retry=once).handle(connect(CutOff(number, applied=applied)), changed)
    assert boards(writer, [*NAMES, "new"]) == listed(writer)

    engine_of(BoardView).handle(writer.database, changed)
    assert boards(writer, [*NAMES, "new"]) == listed(writer) == {"people/new/boards/g"}


def test_a_leftover_that_comes_back_half_way_is_there(
    large_group: None, connect: Connect, writer: Writer
) -> None:
    once = RetryPolicy(attempts=1)
    emptied = writer.write(GROUP, {"members": []})
    with pytest.raises(RetriesExhausted):
        engine_of(BoardView, retry=once).handle(connect(CutOff(3, applied=False)), emptied)

    refilled = writer.write(GROUP, {"members": people(*NAMES)})
    for change in (refilled, emptied):
        engine_of(BoardView).handle(writer.database, change)

    assert boards(writer, NAMES) == listed(writer) == {f"people/{n}/boards/g" for n in NAMES}


def test_dropping_a_large_root_is_bounded_too(
    large_group: None, interleaved: Interleaved, writer: Writer
) -> None:
    Engine([]).drop(interleaved, "BoardView")

    assert max(len(commit.contents) for commit in interleaved.commits) <= 12
    assert boards(writer, NAMES) == listed(writer) == set()
