"""A mediator's hooks: what each makes takes effect once a version, and once a life (G4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DocumentSink, DomainModel, Mediator
from onto_fn.engine import Engine
from onto_fn.engine.records.ledger import dead_letter_path
from onto_fn.observability import Change, Result

SHOP, RECEIPT = "orders/o", "receipts/o"


class Order(DomainModel, collection="orders"):
    total: int


class Receipts(Mediator):
    """Writes which hook made it; counts on nothing but what it is given."""

    source = Order
    sink = DocumentSink("receipts/{order_id}")

    def on_create(self, source: Order) -> Iterator[Any]:
        yield self.sink.document({"created": source.total}, order_id=source.doc_id)

    def on_update(self, source: Order) -> Iterator[Any]:
        yield self.sink.document({"updated": source.total}, order_id=source.doc_id)


class Archive(Mediator):
    """Puts something in the place of what it deletes; fails when it is told to."""

    source = Order
    sink = DocumentSink("archive/{order_id}")

    def __init__(self) -> None:
        self.is_broken = False

    def on_create(self, source: Order) -> Iterator[Any]:
        yield self.sink.document({"open": source.total}, order_id=source.doc_id)

    def on_update(self, source: Order) -> None:
        return None

    def on_delete(self, path: str) -> Iterator[Any]:
        if self.is_broken:
            raise ZeroDivisionError("no archive")
        yield self.sink.document({"closed": path}, order_id="closed")


@pytest.fixture
def engine() -> Engine:
    return Engine([Receipts().definition()])


def test_on_create_takes_effect_once_though_delivered_five_times_at_once(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    created = writer.write(SHOP, {"total": 1})

    outcomes = in_threads(5, lambda change: engine.handle(interleaved, change), [created] * 5)

    results = [outcome.result for [outcome] in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert results.count(Result.COVERED) == 4
    assert interleaved.history(RECEIPT) == [{"created": 1}]


def test_on_update_follows_on_create(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for total in (1, 2):
        engine.handle(interleaved, writer.write(SHOP, {"total": total}))

    assert interleaved.history(RECEIPT) == [{"created": 1}, {"updated": 2}]


def test_on_create_is_given_what_the_source_has_become(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    changes = [writer.write(SHOP, {"total": total}) for total in (1, 2)]

    for change in reversed(changes):
        engine.handle(interleaved, change)

    assert interleaved.history(RECEIPT) == [{"created": 2}]


def test_update_while_on_create_commits_is_still_a_creation(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    created = writer.write(SHOP, {"total": 1})
    late: list[Change] = []
    interleaved.once(Point.READ, lambda: late.append(writer.write(SHOP, {"total": 2})))

    engine.handle(interleaved, created)
    engine.handle(interleaved, late[0])

    assert interleaved.history(RECEIPT) == [{"created": 2}]


def test_deleted_source_takes_its_documents_along(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write(SHOP, {"total": 1}))

    engine.handle(interleaved, writer.delete(SHOP))

    assert interleaved.history(RECEIPT) == [{"created": 1}, None]
    assert writer.collection("onto_ledger") == {}


def test_recreated_source_is_created_again(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for fields in ({"total": 1}, None, {"total": 2}):
        engine.handle(interleaved, writer.write(SHOP, fields))

    assert interleaved.history(RECEIPT) == [{"created": 1}, None, {"created": 2}]


def test_on_delete_takes_effect_once_though_delivered_five_times_at_once(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([Archive().definition()])
    engine.handle(interleaved, writer.write(SHOP, {"total": 1}))
    deleted = writer.delete(SHOP)

    in_threads(5, lambda change: engine.handle(interleaved, change), [deleted] * 5)

    assert interleaved.history("archive/o") == [{"open": 1}, None]
    assert interleaved.history("archive/closed") == [{"closed": SHOP}]


def test_recreated_source_is_created_again_though_its_deletion_left_documents(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([Archive().definition()])
    for fields in ({"total": 1}, None, {"total": 2}):
        engine.handle(interleaved, writer.write(SHOP, fields))

    assert writer.content("archive/o") == {"open": 2}
    assert writer.content("archive/closed") is None


def test_source_recreated_before_anyone_heard_of_its_deletion_is_an_update(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    """The ledger saw one life only: the hooks tell what became of their documents, not of ids."""
    engine.handle(interleaved, writer.write(SHOP, {"total": 1}))
    deleted = writer.delete(SHOP)
    engine.handle(interleaved, writer.write(SHOP, {"total": 2}))

    [outcome] = engine.handle(interleaved, deleted)

    assert outcome.result is Result.COVERED
    assert interleaved.history(RECEIPT) == [{"created": 1}, {"updated": 2}]


def test_hook_that_returns_none_leaves_the_documents(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([Archive().definition()])
    for total in (1, 2):
        engine.handle(interleaved, writer.write(SHOP, {"total": total}))

    assert interleaved.history("archive/o") == [{"open": 1}]


def test_on_delete_that_failed_is_made_good_by_a_rebuild(
    interleaved: Interleaved, writer: Writer
) -> None:
    archive = Archive()
    engine = Engine([archive.definition()])
    engine.handle(interleaved, writer.write(SHOP, {"total": 1}))
    archive.is_broken = True
    [failed] = engine.handle(interleaved, writer.delete(SHOP))
    assert failed.result is Result.DEAD_LETTER
    assert writer.content("archive/o") == {"open": 1}

    archive.is_broken = False
    engine.rebuild(interleaved, "Archive", SHOP)

    assert writer.dead_letters() == {}
    assert writer.content("archive/o") is None
    assert writer.content("archive/closed") == {"closed": SHOP}


def test_on_delete_that_fails_still_has_its_dead_letter_after_a_rebuild(
    interleaved: Interleaved, writer: Writer
) -> None:
    archive = Archive()
    engine = Engine([archive.definition()])
    engine.handle(interleaved, writer.write(SHOP, {"total": 1}))
    archive.is_broken = True
    engine.handle(interleaved, writer.delete(SHOP))

    outcome = engine.rebuild(interleaved, "Archive", SHOP)

    assert outcome.result is Result.DEAD_LETTER
    assert list(writer.dead_letters()) == [dead_letter_path("Archive", SHOP)]
