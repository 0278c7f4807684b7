"""Every query that onto_fn makes on its own collections has its indexes, in production too.

The emulator answers any query. So the queries are recorded, and compared with what Firestore
indexes by itself and with the generated `firestore.indexes.json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from google.cloud.firestore_v1.types import StructuredQuery

from emulator_tests.kit.domain import GroupView, Person, Team, TeamView, people
from emulator_tests.kit.polls import POLL, CountedPoll, CountedVote, vote
from emulator_tests.kit.sending import Recorder, deliver
from emulator_tests.kit.writing import Writer
from onto_fn import App, DocumentSink, Mediator, ViewMediator, ViewModel, aggregate, query, root
from onto_fn import Store as BaseStore
from onto_fn.aggregates import count, maximum, minimum, total
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.explain import dependents, origins
from onto_fn.engine.operate.status import letters_of_events, status_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.firestore import Filter, Query
from onto_fn.firestore.fieldpaths import quoted
from onto_fn.firestore.queries import Order
from onto_fn.firestore.rpc import structured
from onto_fn.generate import index_file
from onto_fn.indexing import Indexes, MissingIndex, plan
from onto_fn.indexing.structured import read_query

RECORDER = Recorder()
BELOW = {"onto_aggregates": ("shards",), "onto_backfills": ("parts",)}
RARE = {
    # A backfill writes them once for each page.
    *(("parts", name) for name in ("target", "after", "until", "fingerprint", "is_done", "counts")),
    # Of the pointer to the generation that is shown: written once for each new definition.
    *(("shards", name) for name in ("number", "definition", "only", "counted")),
}
"""Fields in collections whose id others may use too; they keep the automatic indexes."""


class ResultsStore(BaseStore):
    poll = root(CountedPoll)
    votes = aggregate(
        CountedVote,
        name="votes",
        number=count(),
        options=count(by="option"),
        weight=total("weight"),
        least=minimum("weight"),
        most=maximum("weight"),
    ).within(poll=lambda store: store.poll.doc_id)


class Results(ViewModel[ResultsStore], path="countedResults/{poll}"):
    @property
    def numbers(self) -> dict[str, Any]:
        return self.store.votes


class LenientStore(BaseStore):
    team = root(Team)
    members = query(Person, invalid="skip").where("team", "==", lambda store: store.team.doc_id)


class Lenient(ViewModel[LenientStore], path="lenientViews/{team}"):
    @property
    def size(self) -> int:
        return len(self.store.members)


class Carried(Mediator):
    source = CountedPoll
    sink = DocumentSink("carried/{id}")
    mode = "task"
    mark = "processed"

    def on_create(self, source: CountedPoll) -> Any:
        yield self.sink.document({"question": source.question}, id=source.doc_id)


def mediators() -> list[Any]:
    return [
        ViewMediator(GroupView, sends=[RECORDER]),
        ViewMediator(TeamView),
        ViewMediator(Results),
        ViewMediator(Lenient),
        Carried(),
    ]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Query]:
    """The queries on onto_fn's own collections, as they are made."""
    found: list[Query] = []
    run, counted = Database._run_query, Database.count

    def note(query: Query) -> None:
        if query.collection.rpartition("/")[2] in OWN_COLLECTIONS | {"shards", "parts"}:
            found.append(query)

    def recorded_run(self: Database, query: Query, *arguments: Any) -> Any:
        note(query)
        return run(self, query, *arguments)

    def recorded_count(self: Database, query: Query) -> int:
        note(query)
        return counted(self, query)

    monkeypatch.setattr(Database, "_run_query", recorded_run)
    monkeypatch.setattr(Database, "count", recorded_count)
    return found


def lacking(query: Query, indexes: dict[str, Any]) -> str | None:
    """The index that Firestore would lack to answer a query."""
    message = StructuredQuery(structured(query, "projects/p/databases/(default)/documents"))
    asked = read_query(StructuredQuery.pb(message))
    assert asked is not None
    found = plan(asked, Indexes.of(indexes))
    return found.text() if isinstance(found, MissingIndex) else None


def stored(database: Database) -> Iterator[tuple[str, str]]:
    """Id of the collection, and name, of each field of onto_fn's own documents."""
    for collection in sorted(OWN_COLLECTIONS):
        for path in database.paths(collection):
            below = [f"{path}/{name}" for name in BELOW.get(collection, ())]
            for documents in [database.get([path])[0].values(), *below]:
                found = (
                    database.query(Query(documents))[0] if isinstance(documents, str) else documents
                )
                for document in found:
                    for name in document.fields or {}:
                        yield document.path.split("/")[-2], name


def work(app: App, database: Database, writer: Writer) -> None:
    """Everything that asks about records, letters, contributions and messages."""
    fill(app.engine, database, writer)
    operate(app.engine, database, writer)
    deliver(app, writer)
    for name in ("GroupView", "votes"):
        app.engine.drop(database, name)


def fill(engine: Engine, database: Database, writer: Writer) -> None:
    """Documents in all of onto_fn's collections, dead letters among them."""
    sources: dict[str, Any] = {
        "people/a": {"name": "Ann", "team": "t"},
        "people/broken": {"name": 5, "team": "t"},
        "groups/g": {"title": "G", "members": people("a")},
        "groups/broken": {"title": 5},
        "teams/t": {"title": "T"},
        POLL: {"question": "?"},
        f"{POLL}/votes/1": {"option": "x", "weight": 1.0},
        f"{POLL}/votes/2": {"option": "y", "weight": "heavy"},
    }
    for change in writer.write_all(sources):
        engine.handle(database, change)
    engine.handle(database, vote(writer, 1, option="y", weight=2.0))


def operate(engine: Engine, database: Database, writer: Writer) -> None:
    """Everything that the command line does."""
    for letter in list(engine.letters(database)):
        engine.replay(database, letter.path.partition("/")[2])
    list(engine.letters(database, "GroupView"))
    for target in targets_of(engine):
        status_of(database, target, engine.retry, scan=True)
    old = Engine([replace(GroupView.definition(), fingerprint="old")])
    old.rebuild(database, "GroupView", "groups/g")
    for stale in (True, False):
        Backfill(engine, database, targets_of(engine), stale=stale, workers=2).run()
    Verification(engine, database, targets_of(engine)).run()
    letters_of_events(database)
    origins(engine, database, "groupViews/g")
    dependents(engine, database, "people/a", 10)
    engine.reconcile(database)
    for change in writer.write_all({"groups/g": {"title": "H"}, "people/a": None}):
        engine.handle(database, change)


def test_no_query_needs_an_index_that_is_not_generated(
    asked: list[Query], database: Database, writer: Writer
) -> None:
    app = App(mediators())
    indexes = index_file(app, {})

    work(app, database, writer)

    assert {query.collection.rpartition("/")[2] for query in asked} >= {
        "onto_ledger",
        "onto_dead_letters",
        "onto_contributions",
        "onto_outbox",
    }
    assert [(query, lack) for query in asked if (lack := lacking(query, indexes))] == []


def test_each_stored_field_has_no_index_but_those_that_queries_ask_for(
    asked: list[Query], database: Database, writer: Writer
) -> None:
    app = App(mediators())
    indexes = Indexes.of(index_file(app, {}))

    fill(app.engine, database, writer)
    found = set(stored(database))
    work(app, database, writer)

    wanted = {
        (one.collection.rpartition("/")[2], name.partition(".")[0])
        for one in asked
        for name in (*(f.field for f in one.filters), *(o.field for o in one.orders))
    }
    assert {collection for collection, _ in found} >= {
        "onto_ledger",
        "onto_dead_letters",
        "onto_contributions",
        "onto_outbox",
        "onto_aggregates",
        "shards",
    }
    indexed = {(where, name) for where, name in found if indexes.singles(where, quoted(name))}
    assert indexed - wanted - RARE == set()


def test_what_is_lacking_would_be_found() -> None:
    """The test above can fail."""
    indexes = index_file(App(mediators()), {})

    two = Query("onto_ledger", (Filter("definition", "==", "x"), Filter("fingerprint", ">", "")))
    exempt = Query("onto_ledger", (Filter("sources", "==", 1),))
    list_only = Query("onto_ledger", (), (Order("watches"),))

    assert all(lacking(query, indexes) for query in (two, exempt, list_only))
