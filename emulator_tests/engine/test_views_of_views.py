"""Views as sources of views converge; what the engine itself writes starts nothing (G8)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.domain import GroupView, people
from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, Ref, Store, ViewModel, one, query, root
from onto_fn.engine import Engine
from onto_fn.firestore import Document
from onto_fn.observability import Change

Connect = Callable[..., Any]


class SizeStore(Store):
    group = root(GroupView.Document)


class SizeView(ViewModel[SizeStore], path="sizes/{group_id}"):
    """Second level: of a group's view."""

    @property
    def size(self) -> int:
        return len(self.store.group.names)

    @property
    def size_class(self) -> str:
        return "large" if self.size > 1 else "small"


class Report(DomainModel, collection="reports"):
    group: Ref[SizeView.Document]


class ReportStore(Store):
    report = root(Report)
    size = one(SizeView.Document, lambda store: store.report.group, default=None)
    peers = query(SizeView.Document).where(
        "size_class", "==", lambda store: store.size.size_class if store.size else None
    )


class ReportView(ViewModel[ReportStore], path="reportViews/{report_id}"):
    """Third level: of the second by reference, and by a query on it."""

    @property
    def size(self) -> int | None:
        return self.store.size.size if self.store.size else None

    @property
    def peers(self) -> int:
        return len(self.store.peers)


class Feed:
    """Delivers what the engine commits back to it, in a random order, until all is quiet."""

    def __init__(self, engine: Engine, database: Interleaved, seed: int) -> None:
        self.engine = engine
        self.database = database
        self.random = random.Random(seed)
        self.known: dict[str, Document] = {}
        self.delivered = 0

    def run(self, changes: list[Change], *, bound: int) -> None:
        pending = list(changes)
        while pending:
            self.delivered += 1
            assert self.delivered <= bound, "the engine keeps triggering itself"
            change = pending.pop(self.random.randrange(len(pending)))
            self.engine.handle(self.database, change)
            pending += self.committed()
            if self.random.random() < 0.2:
                pending.append(change)  # again

    def committed(self) -> list[Change]:
        """A change for each document of the commits, the ledger's and dead letters' too."""
        changes: list[Change] = []
        for commit in self.database.commits:
            paths = list(commit.contents)
            documents, _ = self.database.get(paths, read_time=commit.time)
            for path in paths:
                before = self.known.get(path, Document(path, None, None))
                self.known[path] = documents[path]
                changes.append(Change(path, before, documents[path], f"{commit.time}-{path}"))
        self.database.commits.clear()
        return changes


@pytest.mark.parametrize("seed", range(4))
def test_three_levels_converge_whatever_the_order(
    seed: int, interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([view.definition() for view in (GroupView, SizeView, ReportView)])
    changes = [
        writer.write("reports/r", {"group": SizeView.Document.ref("g")}),
        writer.write("groups/g", {"members": people("a", "b")}),
        writer.write("groups/h", {"members": people("a", "c")}),
        writer.write("groups/i", {"members": people("c")}),
        writer.write("people/a", {"name": "Ann"}),
        writer.write("people/b", {"name": "Bob"}),
        writer.write("people/c", {"name": "Cid"}),
        writer.delete("people/b"),
        writer.delete("groups/i"),
    ]

    Feed(engine, interleaved, seed).run(changes, bound=400)

    assert writer.content("sizes/g") == {"size": 1, "sizeClass": "small"}
    assert writer.content("sizes/h") == {"size": 2, "sizeClass": "large"}
    assert writer.content("sizes/i") is None
    assert writer.content("reportViews/r") == {"size": 1, "peers": 1}
    assert writer.dead_letters() == {}


def test_deleted_root_empties_every_level(interleaved: Interleaved, writer: Writer) -> None:
    engine = Engine([view.definition() for view in (GroupView, SizeView, ReportView)])
    feed = Feed(engine, interleaved, 0)
    writer.write("people/a", {"name": "Ann"})
    created = [
        writer.write("reports/r", {"group": SizeView.Document.ref("g")}),
        writer.write("groups/g", {"members": people("a")}),
    ]
    feed.run(created, bound=100)
    assert writer.content("reportViews/r") == {"size": 1, "peers": 1}

    feed.run([writer.delete("groups/g")], bound=200)

    assert writer.content("sizes/g") is None
    assert writer.content("reportViews/r") == {"peers": 0}


def test_ledger_and_dead_letter_writes_affect_nothing(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    engine.handle(interleaved, writer.write("groups/g", {"title": "here"}))
    engine.handle(interleaved, writer.write("groups/h", {"title": ["no text"]}))
    feed = Feed(engine, interleaved, 0)
    own = [change for change in feed.committed() if change.path.startswith("onto_")]
    assert {change.path.partition("/")[0] for change in own} == {
        "onto_ledger",
        "onto_dead_letters",
    }

    outcomes = [engine.handle(interleaved, change) for change in own]

    assert outcomes == [[]] * len(own)
    assert interleaved.commits == []


class Anything(DomainModel, collection="{kind}"):
    """A model of documents of any collection: the engine's own fit the template as well."""


class AnythingStore(Store):
    thing = root(Anything)


class AnythingView(ViewModel[AnythingStore], path="{kind}/{thing_id}/views/view"):
    @property
    def identifier(self) -> str:
        return self.store.thing.doc_id

    def targets(self) -> list[dict[str, str]]:
        kind, identifier = self.store.thing.doc_ref.path.split("/")
        return [{"kind": kind, "thing_id": identifier}]


def test_model_of_any_collection_does_not_read_the_ledger(
    interleaved: Interleaved, connect: Connect, writer: Writer
) -> None:
    engine = Engine([AnythingView.definition()])
    engine.handle(interleaved, writer.write("plants/fern", {}))
    own = [c for c in Feed(engine, interleaved, 0).committed() if c.path.startswith("onto_")]
    calls = Calls()

    outcomes = [engine.handle(connect(calls), change) for change in own]

    assert outcomes == [[]]
    assert calls.counts == {}
    assert list(writer.collection("onto_ledger")) == [own[0].path]
