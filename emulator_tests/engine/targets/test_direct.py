"""Query mode: straight from the source to its documents, at least once, without a ledger."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.domain import Person
from emulator_tests.kit.writing import Writer
from onto_fn import DeclarationError, DocumentSink, Mediator, Store, ViewMediator, ViewModel, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.observability import Result

PERSON = "people/p"


class CardStore(Store):
    person = root(Person)


class Card(ViewModel[CardStore], path="cards/{person_id}"):
    @property
    def name(self) -> str:
        return self.store.person.name * (2**20 if self.store.person.team == "huge" else 1)


class Index(Mediator):
    """One document for each name: it moves when the name changes."""

    source = Person
    sink = DocumentSink("names/{name}")
    mode = "direct"

    def on_write(self, source: Person) -> Iterator[Any]:
        yield self.sink.document({"person": source.doc_id}, name=source.name)


@pytest.fixture
def engine() -> Engine:
    return Engine([ViewMediator(Card, mode="direct").definition(), Index().definition()])


def test_documents_follow_their_source_without_a_ledger(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, writer.write(PERSON, {"name": "Ada"}))
    engine.handle(database, writer.write(PERSON, {"name": "Bea"}))

    assert writer.content("cards/p") == {"name": "Bea"}
    assert writer.collection("names") == {"names/Bea": {"person": "p"}}
    assert writer.collection(LEDGER_COLLECTION) == {}


def test_documents_go_with_their_source(engine: Engine, database: Database, writer: Writer) -> None:
    engine.handle(database, writer.write(PERSON, {"name": "Ada"}))
    engine.handle(database, writer.delete(PERSON))

    assert writer.content("cards/p") is None
    assert writer.collection("names") == {}


def test_a_late_event_writes_what_the_source_is_now(
    engine: Engine, database: Database, writer: Writer
) -> None:
    first = writer.write(PERSON, {"name": "Ada"})
    second = writer.write(PERSON, {"name": "Bea"})
    engine.handle(database, second)

    engine.handle(database, first)

    assert writer.content("cards/p") == {"name": "Bea"}


def test_an_event_costs_one_read_and_one_commit(writer: Writer, connect: Any) -> None:
    calls = Calls()
    engine = Engine([ViewMediator(Card, mode="direct").definition()])

    engine.handle(connect(calls), writer.write(PERSON, {"name": "Ada"}))

    assert calls.counts == {"BatchGetDocuments": 1, "Commit": 1}


def test_a_source_that_its_model_refuses_gets_a_dead_letter(
    engine: Engine, database: Database, writer: Writer
) -> None:
    outcomes = engine.handle(database, writer.write(PERSON, {"name": 7}))

    assert [outcome.result for outcome in outcomes] == [Result.DEAD_LETTER] * 2
    assert len(writer.dead_letters()) == 2


def test_a_mended_source_resolves_its_dead_letter(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, writer.write(PERSON, {"name": 7}))

    engine.handle(database, writer.write(PERSON, {"name": "Ada"}))

    assert writer.dead_letters() == {}


def test_a_view_of_more_than_its_root_is_refused() -> None:
    from emulator_tests.kit.domain import GroupView

    with pytest.raises(DeclarationError, match="reads more than its root"):
        ViewMediator(GroupView, mode="direct")


def test_a_document_too_large_is_a_dead_letter_until_it_is_mended(
    engine: Engine, database: Database, writer: Writer
) -> None:
    outcomes = engine.handle(database, writer.write(PERSON, {"name": "Ada", "team": "huge"}))

    results = {outcome.definition: outcome.result for outcome in outcomes}
    assert results == {"Card": Result.DEAD_LETTER, "Index": Result.COMMITTED}

    engine.handle(database, writer.write(PERSON, {"name": "Ada"}))

    assert writer.content("cards/p") == {"name": "Ada"}
    assert writer.dead_letters() == {}
