"""`consistency="eventual"`: views built from what the ledger remembers, and from the event."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.domain import GroupView, Person, TeamView, group_view, people
from emulator_tests.kit.fixtures import Connect
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DomainModel, Ref, Store, ViewModel, many, root
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch, batches
from onto_fn.engine.materialise.lookup import Materialised, find_affected
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.firestore import Write
from onto_fn.observability import Change, Result
from onto_fn.views import Definition


def eventual(view: type[ViewModel[Any]]) -> Definition:
    return replace(view.definition(), consistency="eventual")


@pytest.fixture
def engine() -> Engine:
    return Engine([eventual(GroupView), eventual(TeamView)])


@pytest.fixture
def couple(engine: Engine, writer: Writer) -> None:
    """A group of two, up to date."""
    contents = {
        "people/a": {"name": "Ann"},
        "people/b": {"name": "Bob"},
        "groups/g": {"members": people("a", "b")},
    }
    for change in writer.write_all(contents):
        engine.handle(writer.database, change)


@pytest.mark.usefixtures("couple")
def test_each_source_goes_forward_by_itself(engine: Engine, writer: Writer) -> None:
    """G3 is given up: what changed in one commit is seen one by one; G1 is not."""
    ann, bob = writer.write_all({"people/a": {"name": "Anna"}, "people/b": {"name": "Bo"}})

    engine.handle(writer.database, ann)
    assert writer.content("groupViews/g") == group_view("Anna", "Bob")

    engine.handle(writer.database, bob)
    assert writer.content("groupViews/g") == group_view("Anna", "Bo")


LIVES = list(permutations(range(5)))
PER_PROJECT = 40


@pytest.mark.parametrize("part", range(len(LIVES) // PER_PROJECT))
def test_the_events_of_a_life_may_come_in_any_order_and_twice(
    part: int, engine: Engine, writer: Writer
) -> None:
    """A document is made, changed, deleted, made again, changed: read by reference and query."""
    lives = LIVES[part * PER_PROJECT : (part + 1) * PER_PROJECT]
    names = [f"p{number}" for number in range(len(lives))]
    roots = {f"groups/{name}": {"members": people(name)} for name in names}
    roots |= {f"teams/{name}": {"title": ""} for name in names}
    for change in writer.write_all(roots):
        engine.handle(writer.database, change)
    events: dict[str, list[Change]] = {name: [] for name in names}
    for step in ("Ann", "Anna", None, "Bob", "Bo"):
        contents = {
            f"people/{name}": step and {"name": step, "team": name if step != "Anna" else "other"}
            for name in names
        }
        for name, change in zip(names, writer.write_all(contents), strict=True):
            events[name].append(change)

    for name, life in zip(names, lives, strict=True):
        order = [events[name][step] for step in life]
        for change in [*order, *random.Random(part).sample(order, 3)]:
            engine.handle(writer.database, change)

    for name, life in zip(names, lives, strict=True):
        assert writer.content(f"groupViews/{name}") == group_view("Bo"), life
        assert writer.content(f"teamViews/{name}") == {"names": ["Bo"]}, life


@pytest.mark.usefixtures("couple")
def test_events_at_the_same_time_each_count_once(engine: Engine, writer: Writer) -> None:
    members = [f"m{number}" for number in range(8)]
    writer.write_all({f"people/{name}": {"name": name} for name in members})
    root_change = writer.write("groups/g", {"members": people(*members)})
    engine.handle(writer.database, root_change)
    rounds = [
        writer.write_all({f"people/{name}": {"name": f"{name}-{turn}"} for name in members})
        for turn in range(3)
    ]
    changes = [change for turn in rounds for change in turn] * 2
    random.Random(0).shuffle(changes)

    found = in_threads(8, lambda change: engine.handle(writer.database, change), changes)

    expected = group_view(*(f"{name}-2" for name in members))
    assert writer.content("groupViews/g") == expected
    committed = [o for outcomes in found for o in outcomes if o.result is Result.COMMITTED]
    assert len(committed) <= len(changes) // 2
    assert engine.rebuild(writer.database, "GroupView", "groups/g").result is Result.UNCHANGED


@pytest.mark.usefixtures("couple")
def test_a_batch_tells_versions_alone_so_what_changed_is_read_once_for_all(
    engine: Engine, connect: Connect, writer: Writer
) -> None:
    more = {f"groups/g{number}": {"members": people("a", "b")} for number in range(9)}
    for change in writer.write_all(more):
        engine.handle(writer.database, change)
    change = writer.write("people/a", {"name": "Anna"})
    found = find_affected(
        writer.database, Materialised(engine.definitions.values()), change, engine.retry
    )
    (batch,) = batches(found, change, 100)
    calls = Calls()

    engine.handle_batch(connect(calls), Batch.from_json(batch.to_json()))

    for group in ("g", *(f"g{number}" for number in range(9))):
        assert writer.content(f"groupViews/{group}") == group_view("Anna", "Bob")
    assert calls.counts == {"BatchGetDocuments": 2, "Commit": 1}  # the records, and Ann


@pytest.mark.usefixtures("couple")
def test_an_event_without_payload_reads_its_document(
    engine: Engine, connect: Connect, writer: Writer
) -> None:
    writer.write("people/a", {"name": "Anna"})
    calls = Calls()

    engine.handle(connect(calls), Change("people/a", None, None))

    assert writer.content("groupViews/g") == group_view("Anna", "Bob")
    assert calls.counts["BatchGetDocuments"] == 2  # Ann for the queries she may enter, and a build


@pytest.mark.usefixtures("couple")
def test_a_view_that_becomes_eventual_reads_its_sources_once(
    engine: Engine, connect: Connect, writer: Writer
) -> None:
    before = Engine([GroupView.definition()])
    before.rebuild(writer.database, "GroupView", "groups/g")
    record = writer.record("GroupView", "groups/g")
    assert record is not None
    writer.database.commit([Write(record.path, replace(record, memory=None).to_fields())])
    counts: list[dict[str, int]] = []
    for name in ("Anna", "Hanna"):
        calls = Calls()
        engine.handle(connect(calls), writer.write("people/a", {"name": name}))
        counts.append(dict(calls.counts))

        assert writer.content("groupViews/g") == group_view(name, "Bob")
    first, second = counts
    assert first == {"RunQuery": 1, "BatchGetDocuments": 1, "Commit": 1}
    assert second == {"RunQuery": 1, "Commit": 1}


def test_sources_that_no_record_can_hold_are_read_at_each_event(
    engine: Engine, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    noise = random.Random(0)
    contents: dict[str, Any] = {
        f"people/{name}": {"name": name, "photo": noise.randbytes(600_000)} for name in "ab"
    }
    for change in writer.write_all({**contents, "groups/g": {"members": people("a", "b")}}):
        engine.handle(writer.database, change)
    record = writer.record("GroupView", "groups/g")
    assert record is not None
    assert record.memory is None
    assert "too small to remember its sources" in caplog.text

    engine.handle(writer.database, writer.write("people/a", {"name": "Ann"}))

    assert writer.content("groupViews/g") == group_view("Ann", "b")
    record = writer.record("GroupView", "groups/g")
    assert record is not None
    assert record.memory is not None  # there is room now


class Reader(DomainModel, collection="people", extra="ignore"):
    """Of a person, what a newsletter needs."""

    name: str


class List(DomainModel, collection="lists"):
    readers: list[Ref[Reader]]


class ListStore(Store):
    list = root(List)
    readers = many(Reader, lambda store: store.list.readers)


class Newsletter(
    ViewModel[ListStore],
    path="inboxes/{reader}/newsletters/{list}",
    consistency="eventual",
    shards=3,
):
    @property
    def names(self) -> list[str]:
        return [reader.name for reader in self.store.readers]

    def targets(self) -> Iterable[Mapping[str, str]]:
        return [
            {"reader": reader.doc_id, "list": self.store.list.doc_id}
            for reader in self.store.readers
        ]


def test_each_shard_remembers_by_itself_and_only_what_its_models_see(
    connect: Connect, writer: Writer
) -> None:
    engine = Engine([Newsletter.definition()])
    readers = [f"r{number}" for number in range(12)]
    contents: dict[str, Any] = {
        f"people/{name}": {"name": name, "photo": random.Random(name).randbytes(100_000)}
        for name in readers
    }
    for change in writer.write_all(contents):
        engine.handle(writer.database, change)
    refs = [Reader.ref(name) for name in readers]
    engine.handle(writer.database, writer.write("lists/l", {"readers": refs}))
    calls = Calls()

    change = writer.write("people/r0", {"name": "first", "photo": b""})
    engine.handle(connect(calls), change)

    names = ["first", *readers[1:]]
    for name in readers:
        assert writer.content(f"inboxes/{name}/newsletters/l") == {"names": names}
    assert calls.counts == {"RunQuery": 1, "Commit": 1}
    for shard in range(3):
        path = ledger_path("Newsletter", "lists/l", shard)
        fields = writer.content(path)
        assert fields is not None
        assert len(fields["memory"]["documents"]) < 1000


def test_a_failed_build_remembers_what_it_has_read(engine: Engine, writer: Writer) -> None:
    contents: dict[str, Any] = {
        "people/a": {"name": 1},
        "people/b": {"name": "Bob"},
        "groups/g": {"members": people("a", "b")},
    }
    for change in writer.write_all(contents):
        engine.handle(writer.database, change)
    assert writer.dead_letter("GroupView", "groups/g") is not None

    engine.handle(writer.database, writer.write("people/a", {"name": "Ann"}))

    assert writer.content("groupViews/g") == group_view("Ann", "Bob")
    assert writer.dead_letter("GroupView", "groups/g") is None


def test_a_root_that_is_deleted_and_made_again_starts_anew(engine: Engine, writer: Writer) -> None:
    ann = writer.write("people/a", {"name": "Ann"})
    made = writer.write("groups/g", {"members": people("a")})
    changes = [ann, made]
    for change in changes:
        engine.handle(writer.database, change)
    changes.append(writer.delete("groups/g"))
    engine.handle(writer.database, changes[-1])
    assert writer.content("groupViews/g") is None
    assert writer.record("GroupView", "groups/g") is None
    changes.append(writer.write("people/a", {"name": "Anna"}))
    changes.append(writer.write("groups/g", {"members": [Person.ref("a")], "title": "again"}))

    for change in reversed(changes):
        engine.handle(writer.database, change)

    assert writer.content("groupViews/g") == group_view("Anna", title="again")
