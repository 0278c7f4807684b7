"""Deletions carry no version: late, twice, before the creation, and with a new life after it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest

from emulator_tests.kit.domain import GroupView, TeamView, group_view, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result

LIVES = [{"title": "first"}, {"title": "second"}, None, {"title": "third"}]
PEOPLE = [{"name": "Ann"}, {"name": "Anna"}, None, {"name": "Annette"}]
ORDERS = list(permutations(range(4)))


@pytest.fixture
def engine() -> Engine:
    return Engine([GroupView.definition(), TeamView.definition()])


def test_deleted_root_takes_its_view_and_ledger_record_along(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "here"}))

    [outcome] = engine.handle(interleaved, writer.delete("groups/g"))

    assert outcome.deleted == ("groupViews/g",)
    assert writer.content("groupViews/g") is None
    assert writer.collection("onto_ledger") == {}


def test_deletion_delivered_again_commits_nothing(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "here"}))
    deleted = writer.delete("groups/g")
    engine.handle(interleaved, deleted)
    interleaved.commits.clear()

    engine.handle(interleaved, deleted)

    assert interleaved.commits == []


def test_deletion_of_a_reference_delivered_again_is_covered(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    writer.write("people/a", {"name": "Ann"})
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a")}))
    deleted = writer.delete("people/a")
    engine.handle(interleaved, deleted)
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, deleted)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []


def test_late_deletion_of_an_earlier_life_is_covered(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "first"}))
    deleted = writer.delete("groups/g")
    engine.handle(interleaved, writer.write("groups/g", {"title": "second"}))
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, deleted)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []
    assert writer.content("groupViews/g") == group_view(title="second")


def test_creation_delivered_after_the_deletion_makes_nothing(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    created = writer.write("groups/g", {"title": "here"})
    deleted = writer.delete("groups/g")

    engine.handle(interleaved, deleted)
    engine.handle(interleaved, created)

    assert interleaved.commits == []
    assert writer.content("groupViews/g") is None


def test_root_lives_and_dies_right_in_every_order_of_delivery(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for number, order in enumerate(ORDERS):
        changes = [writer.write(f"groups/g{number}", fields) for fields in LIVES]

        deliver(engine, interleaved, changes, order)

        view = f"groupViews/g{number}"
        assert writer.content(view) == group_view(title="third"), order
        assert len(interleaved.history(view)) == 1, order


def test_deleted_root_stays_deleted_in_every_order_of_delivery(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for number, order in enumerate(ORDERS):
        changes = [writer.write(f"groups/g{number}", fields) for fields in (*LIVES[1:], None)]

        deliver(engine, interleaved, changes, order)

        assert writer.content(f"groupViews/g{number}") is None, order
    assert interleaved.commits == []


def test_reference_lives_and_dies_right_in_every_order_of_delivery(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    """Between two deliveries the view may see any life, but never goes back to an earlier one."""
    for number, order in enumerate(ORDERS):
        path, view = f"people/a{number}", f"groupViews/g{number}"
        engine.handle(
            interleaved, writer.write(f"groups/g{number}", {"members": people(f"a{number}")})
        )
        changes = []
        for fields in PEOPLE:
            changes.append(writer.write(path, fields))
            if order[len(changes) - 1] == 0:  # this one is not late at all
                engine.handle(interleaved, changes[-1])

        deliver(engine, interleaved, changes, order)

        assert writer.content(view) == group_view("Annette"), order
        assert len(interleaved.history(view)) <= 3, order


def test_deletion_without_payload_deletes(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "here"}))
    writer.delete("groups/g")

    engine.handle(interleaved, Change("groups/g", None, None))

    assert writer.content("groupViews/g") is None


def test_recreation_while_the_deletion_is_committed_wins(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "first"}))
    deleted = writer.delete("groups/g")

    def recreate() -> None:
        engine.handle(writer.database, writer.write("groups/g", {"title": "second"}))

    interleaved.once(Point.COMMITTING, recreate)
    [outcome] = engine.handle(interleaved, deleted)

    assert outcome.result is Result.COVERED
    assert writer.content("groupViews/g") == group_view(title="second")


def test_deletion_while_an_update_is_committed_wins(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "first"}))
    updated = writer.write("groups/g", {"title": "second"})
    interleaved.once(
        Point.COMMITTING, lambda: engine.handle(writer.database, writer.delete("groups/g"))
    )

    [outcome] = engine.handle(interleaved, updated)

    assert outcome.result is Result.UNCHANGED
    assert writer.content("groupViews/g") is None
    assert writer.collection("onto_ledger") == {}


def deliver(
    engine: Engine, database: Interleaved, changes: Sequence[Change], order: Sequence[int]
) -> None:
    for index in order:
        engine.handle(database, changes[index])
