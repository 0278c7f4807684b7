"""Task mode: a request is processed once, and marked in the commit that processes it."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator_tests.kit.definitions import during_build
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DeclarationError, DocumentSink, DomainModel, Mediator
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.observability import Change, Result

REQUEST, ORDER = "requests/r", "taskOrders/r"


class Request(DomainModel, collection="requests"):
    amount: int


class Order(Mediator):
    """Turns a request into an order, and deletes the request."""

    source = Request
    sink = DocumentSink("taskOrders/{order_id}")
    mode = "task"

    def on_create(self, source: Request) -> Iterator[Any]:
        if source.amount < 0:
            raise ValueError("a secret of the code")
        yield self.sink.document({"amount": source.amount}, order_id=source.doc_id)


class MarkedOrder(Order):
    """The same, with a mark that the client can watch."""

    mark = "processed"


class Application(DomainModel, collection="applications", extra="forbid"):
    """A request whose model knows no mark."""

    text: str


class Admission(Mediator):
    source = Application
    sink = DocumentSink("admissions/{id}")
    mode = "task"
    mark = "processed"
    is_open = False

    def on_create(self, source: Application) -> Iterator[Any]:
        if not self.is_open:
            raise ValueError("not yet")
        yield self.sink.document({"text": source.text}, id=source.doc_id)


@pytest.fixture
def deleting() -> Engine:
    return Engine([Order().definition()])


@pytest.fixture
def marking() -> Engine:
    return Engine([MarkedOrder().definition()])


def test_a_request_is_deleted_in_the_commit_that_processes_it(
    deleting: Engine, database: Database, writer: Writer
) -> None:
    [outcome] = deleting.handle(database, writer.write(REQUEST, {"amount": 3}))

    assert outcome.result is Result.COMMITTED
    assert writer.content(ORDER) == {"amount": 3}
    assert writer.content(REQUEST) is None
    assert writer.collection(LEDGER_COLLECTION) == {}


def test_a_request_is_marked_in_the_commit_that_processes_it(
    marking: Engine, database: Database, writer: Writer
) -> None:
    marking.handle(database, writer.write(REQUEST, {"amount": 3}))

    documents, _ = writer.database.get([REQUEST, ORDER])
    request = documents[REQUEST]
    assert request.fields is not None
    assert request.fields["processed"]["state"] == "done"
    assert request.fields["amount"] == 3
    assert request.update_time == documents[ORDER].update_time


@pytest.mark.parametrize("kind", [Order, MarkedOrder])
def test_a_request_delivered_eight_times_at_once_is_processed_once(
    kind: type[Order], interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([kind().definition()])
    created = writer.write(REQUEST, {"amount": 3})

    outcomes = in_threads(8, lambda change: engine.handle(interleaved, change), [created] * 8)

    results = [outcome.result for [outcome] in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert results.count(Result.COVERED) == 7
    assert interleaved.history(ORDER) == [{"amount": 3}]


def test_the_mark_does_not_trigger_the_task_again(
    marking: Engine, database: Database, writer: Writer
) -> None:
    created = writer.write(REQUEST, {"amount": 3})
    marking.handle(database, created)
    marked, _ = writer.database.get([REQUEST])
    own = Change(REQUEST, created.after, marked[REQUEST], "own")

    [outcome] = marking.handle(database, own)

    assert outcome.result is Result.COVERED
    assert outcome.attempts == 1


def test_the_deletion_of_a_request_keeps_what_it_made(
    deleting: Engine, database: Database, writer: Writer
) -> None:
    created = writer.write(REQUEST, {"amount": 3})
    deleting.handle(database, created)
    gone, _ = writer.database.get([REQUEST])

    [outcome] = deleting.handle(database, Change(REQUEST, created.after, gone[REQUEST], "own"))

    assert outcome.result is Result.COVERED
    assert writer.content(ORDER) == {"amount": 3}


def test_a_new_request_with_an_old_id_is_processed_again(
    deleting: Engine, database: Database, writer: Writer
) -> None:
    first = writer.write(REQUEST, {"amount": 3})
    deleting.handle(database, first)
    second = writer.write(REQUEST, {"amount": 4})

    deleting.handle(database, second)
    deleting.handle(database, first)

    assert writer.content(ORDER) == {"amount": 4}


def test_a_request_that_changes_while_it_is_processed_is_processed_as_it_is_now(
    deleting: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    created = writer.write(REQUEST, {"amount": 3})
    interleaved.once(Point.COMMITTING, lambda: writer.write(REQUEST, {"amount": 4}))

    [outcome] = deleting.handle(interleaved, created)

    assert outcome.attempts == 2
    assert interleaved.history(ORDER) == [{"amount": 4}]


def test_an_invalid_request_gets_one_dead_letter_and_waits_for_its_mend(
    deleting: Engine, database: Database, writer: Writer
) -> None:
    bad = writer.write(REQUEST, {"amount": "three"})
    first = [outcome.result for outcome in deleting.handle(database, bad)]
    second = [outcome.result for outcome in deleting.handle(database, bad)]

    letter = writer.dead_letter("Order", REQUEST)
    assert first == [Result.DEAD_LETTER]
    assert second == [Result.COVERED]
    assert letter is not None
    assert "requests/r is not a valid Request: amount" in letter["error"]["message"]
    assert letter["event"]["document"] == REQUEST
    assert letter["count"] == 1

    deleting.handle(database, writer.write(REQUEST, {"amount": 3}))

    assert writer.content(ORDER) == {"amount": 3}
    assert writer.dead_letters() == {}


def test_a_marked_request_tells_its_client_what_is_wrong_with_it(
    marking: Engine, database: Database, writer: Writer
) -> None:
    marking.handle(database, writer.write(REQUEST, {"amount": "three"}))

    request = writer.content(REQUEST)
    assert request is not None
    assert request["processed"]["state"] == "failed"
    assert "amount" in request["processed"]["reason"]


def test_a_marked_request_does_not_tell_its_client_what_code_raised(
    marking: Engine, database: Database, writer: Writer
) -> None:
    marking.handle(database, writer.write(REQUEST, {"amount": -1}))

    request = writer.content(REQUEST)
    letter = writer.dead_letter("MarkedOrder", REQUEST)
    assert request is not None
    assert letter is not None
    assert request["processed"]["reason"] == "internal error"
    assert "a secret of the code" in letter["error"]["message"]


def test_a_failed_request_is_processed_by_replay_once(
    marking: Engine, database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    marking.handle(database, writer.write(REQUEST, {"amount": -1}))
    [letter] = list(marking.letters(database))

    def mended(self: Order, source: Request) -> Iterator[Any]:
        yield self.sink.document({"amount": source.amount}, order_id=source.doc_id)

    monkeypatch.setattr(Order, "on_create", mended)
    outcome = marking.replay(database, letter.path.rpartition("/")[2])

    request = writer.content(REQUEST)
    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert writer.content(ORDER) == {"amount": -1}
    assert writer.dead_letters() == {}
    assert request is not None
    assert request["processed"]["state"] == "done"
    assert marking.replay(database, letter.path.rpartition("/")[2]) is None


def test_hooks_that_a_task_never_calls_are_refused() -> None:
    with pytest.raises(DeclarationError, match="on_update is never called"):

        class Wrong(Order):  # pyright: ignore[reportUnusedClass]
            def on_update(self, source: Request) -> None: ...


def test_a_failed_request_of_a_strict_model_can_be_replayed(
    database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine([Admission().definition()])
    engine.handle(database, writer.write("applications/a", {"text": "x"}))
    [letter] = list(engine.letters(database))
    monkeypatch.setattr(Admission, "is_open", True)

    outcome = engine.replay(database, letter.path.rpartition("/")[2])

    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert writer.content("admissions/a") == {"text": "x"}


@pytest.mark.parametrize("kind", [Order, MarkedOrder])
def test_a_withdrawn_request_takes_its_dead_letter_along(
    kind: type[Order], database: Database, writer: Writer
) -> None:
    engine = Engine([kind().definition()])
    engine.handle(database, writer.write(REQUEST, {"amount": -1}))

    engine.handle(database, writer.delete(REQUEST))

    assert writer.dead_letters() == {}


def test_replay_of_a_request_that_is_withdrawn_forgets_the_letter(
    deleting: Engine, database: Database, writer: Writer
) -> None:
    deleting.handle(database, writer.write(REQUEST, {"amount": -1}))
    writer.delete(REQUEST)  # and its event is not delivered
    [letter] = list(deleting.letters(database))

    deleting.replay(database, letter.path.rpartition("/")[2])

    assert writer.dead_letters() == {}


def test_the_mark_of_a_failed_request_keeps_its_letter(
    marking: Engine, database: Database, writer: Writer
) -> None:
    created = writer.write(REQUEST, {"amount": -1})
    marking.handle(database, created)
    marked, _ = writer.database.get([REQUEST])

    for change in (Change(REQUEST, created.after, marked[REQUEST], "own"), created):
        marking.handle(database, change)

    assert len(writer.dead_letters()) == 1


@pytest.mark.parametrize("kind", [Order, MarkedOrder])
def test_a_request_that_is_mended_and_done_while_it_fails_leaves_no_letter(
    kind: type[Order], database: Database, writer: Writer
) -> None:
    definition = kind().definition()
    bad = writer.write(REQUEST, {"amount": -1})

    def mend() -> None:
        mended = writer.write(REQUEST, {"amount": 3})
        Engine([definition]).handle(writer.database, mended)

    Engine([during_build(definition, mend)]).handle(database, bad)

    assert writer.content(ORDER) == {"amount": 3}
    assert writer.dead_letters() == {}


def test_a_request_without_room_for_its_mark_has_a_dead_letter(
    marking: Engine, database: Database, writer: Writer
) -> None:
    full = {"amount": -1, "text": "x" * (2**20 - 110)}

    results = [
        marking.handle(database, change)[0].result for change in [writer.write(REQUEST, full)] * 2
    ]

    assert results == [Result.DEAD_LETTER, Result.COVERED]
    assert len(writer.dead_letters()) == 1
    assert writer.content(REQUEST) == full
