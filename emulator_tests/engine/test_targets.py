"""Documents that a view stops producing go in the commit that stops producing them (G6)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from threading import Event, Thread
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.domain import BoardView, Group, people
from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, RetryPolicy, Store, ViewModel, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Result

Connect = Callable[..., Any]
ALL = "abcdef"


@pytest.fixture
def engine() -> Engine:
    return Engine([BoardView.definition()])


def board(person: str) -> str:
    return f"people/{person}/boards/g"


def group(members: str) -> dict[str, Any]:
    return {"title": members, "members": people(*members)}


def test_dropped_documents_are_deleted_in_the_commit_that_writes_the_others(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", group("abc")))
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, writer.write("groups/g", group("bd")))

    assert outcome.written == (board("b"), board("d"))
    assert outcome.deleted == (board("a"), board("c"))
    [commit] = interleaved.commits
    written = {board("b"): {"title": "bd"}, board("d"): {"title": "bd"}}
    boards = {p: fields for p, fields in commit.contents.items() if p.startswith("people")}
    assert boards == {board("a"): None, board("c"): None, **written}
    record = writer.record("BoardView", "groups/g")
    assert record is not None
    assert record.update_time == commit.time
    assert set(record.documents) == {board("b"), board("d")}


def test_change_of_targets_is_one_commit_call(
    engine: Engine, connect: Connect, writer: Writer
) -> None:
    engine.handle(writer.database, writer.write("groups/g", group("abc")))
    calls = Calls()

    engine.handle(connect(calls), writer.write("groups/g", group("bd")))

    assert calls.counts["Commit"] == 1


def test_view_without_targets_keeps_its_ledger_record_only(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", group("ab")))
    engine.handle(interleaved, writer.write("groups/g", group("")))

    assert [writer.content(board(person)) for person in "ab"] == [None, None]
    assert writer.record("BoardView", "groups/g") is not None


def test_deleted_root_deletes_every_target_in_one_commit(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", group("abc")))
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, writer.delete("groups/g"))

    assert outcome.deleted == (board("a"), board("b"), board("c"))
    assert len(interleaved.commits) == 1
    assert writer.collection("onto_ledger") == {}


def test_stale_event_does_not_bring_a_dropped_document_back(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    changes = [writer.write("groups/g", group(members)) for members in ("abc", "b")]

    for change in (changes[1], changes[0]):
        [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.COVERED
    assert [writer.content(board(person)) for person in "ac"] == [None, None]


def test_reader_sees_the_documents_change_together(
    engine: Engine, connect: Connect, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", group(ALL)))
    done, seen = Event(), set[str]()
    problems: list[dict[str, Any]] = []

    def read() -> None:
        while not done.is_set():
            boards = boards_now(reader)
            titles = {fields["title"] for fields in boards.values()}
            seen.update(titles)
            if "".join(sorted(boards)) not in titles or len(titles) != 1:
                problems.append(boards)

    reader = connect()
    thread = Thread(target=read)
    thread.start()
    order = random.Random(6)
    try:
        for _ in range(60):
            members = "".join(sorted(order.sample(ALL, order.randint(1, len(ALL)))))
            engine.handle(interleaved, writer.write("groups/g", group(members)))
    finally:
        done.set()
        thread.join(30)

    assert problems == []
    assert len(seen) > 3, "the reader saw too little to tell"


def boards_now(database: Database) -> dict[str, Any]:
    paths = {board(person): person for person in ALL}
    _, read_time = database.get(list(paths)[:1])
    documents, _ = database.get(list(paths), read_time=read_time)
    return {paths[path]: d.fields for path, d in documents.items() if d.fields is not None}


def test_documents_of_another_group_stay(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    other = Group.ref("other").path
    engine.handle(interleaved, writer.write("groups/g", group("a")))
    engine.handle(interleaved, writer.write(other, group("a")))

    engine.handle(interleaved, writer.delete("groups/g"))

    assert writer.content("people/a/boards/other") == {"title": "a"}


class Deep(DomainModel, collection="deeps/{above}/deeps"):
    name: str


class DeepStore(Store):
    deep = root(Deep)


class DeepView(ViewModel[DeepStore], path="deepViews/{above}/deepViews/{deep}"):
    @property
    def name(self) -> str:
        return self.store.deep.name

    def targets(self) -> Iterable[Mapping[str, str]]:
        return [{"above": "x" * 1000, "deep": self.store.deep.doc_id}]


def test_paths_longer_than_a_key_of_a_map_are_materialised(
    database: Database, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([DeepView.definition()], retry=quick)
    source = f"deeps/{'a' * 1000}/deeps/{'b' * 1000}"
    view = f"deepViews/{'x' * 1000}/deepViews/{'b' * 1000}"

    [outcome] = engine.handle(database, writer.write(source, {"name": "one"}))

    assert outcome.result is Result.COMMITTED
    assert writer.content(view) == {"name": "one"}

    engine.handle(database, writer.delete(source))

    assert writer.content(view) is None
