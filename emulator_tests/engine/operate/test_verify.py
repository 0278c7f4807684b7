"""Verification: what is there is compared with what the sources make, and mended if asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from emulator_tests.kit.domain import GroupView, group_view
from emulator_tests.kit.polls import POLL, numbers, poll_engine, vote
from emulator_tests.kit.writing import Writer
from onto_fn.aggregates import count, total
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.difference import Difference, Kind
from onto_fn.engine.operate.backfill import targets_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.engine.records.ledger import ledger_path

VIEW = "groupViews/b"


@pytest.fixture
def engine() -> Engine:
    return Engine([GroupView.definition()])


@pytest.fixture
def built(engine: Engine, database: Database, writer: Writer) -> None:
    """Three groups with their views."""
    for name in "abc":
        engine.handle(database, writer.write(f"groups/{name}", {"title": name}))


def verified(engine: Engine, database: Database, *, repair: bool = False) -> list[Difference]:
    found: list[Difference] = []
    ended = Verification(
        engine, database, targets_of(engine), repair=repair, settle=0, page=2, report=found.append
    ).run()
    assert ended.found == len(found)
    return found


def _deleted(writer: Writer, _: Engine) -> None:
    writer.delete(VIEW)


def _changed(writer: Writer, _: Engine) -> None:
    writer.write(VIEW, {**group_view(title="b"), "names": ["nobody"], "more": 1})


def _unseen_change(writer: Writer, _: Engine) -> None:
    writer.write("groups/b", {"title": "B"})


def _unseen_deletion(writer: Writer, _: Engine) -> None:
    writer.delete("groups/b")


def _unseen_creation(writer: Writer, _: Engine) -> None:
    writer.write("groups/d", {"title": "d"})


def _other_version(writer: Writer, engine: Engine) -> None:
    old = Engine([replace(engine.definitions["GroupView"], fingerprint="old")])
    old.rebuild(writer.database, "GroupView", "groups/b")


def _unseen_poison(writer: Writer, _: Engine) -> None:
    writer.write("groups/b", {"title": 3})


@pytest.mark.usefixtures("built")
def test_what_is_right_has_no_differences(engine: Engine, database: Database) -> None:
    assert verified(engine, database) == []


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (_deleted, {(Kind.MISSING, VIEW, ())}),
        (_changed, {(Kind.WRONG, VIEW, ("more", "names"))}),
        (_unseen_change, {(Kind.WRONG, VIEW, ("title",))}),
        (
            _unseen_deletion,
            {
                (Kind.LEFTOVER, VIEW, ()),
                (Kind.LEFTOVER, ledger_path("GroupView", "groups/b"), ()),
            },
        ),
        (
            _unseen_creation,
            {
                (Kind.MISSING, "groupViews/d", ()),
                (Kind.MISSING, ledger_path("GroupView", "groups/d"), ()),
            },
        ),
        (_other_version, {(Kind.STALE, ledger_path("GroupView", "groups/b"), ())}),
        (_unseen_poison, {(Kind.NO_LETTER, "groups/b", ())}),
    ],
)
def test_damage_is_found_and_mended(
    engine: Engine,
    database: Database,
    writer: Writer,
    damage: Callable[[Writer, Engine], None],
    expected: set[tuple[Kind, str, tuple[str, ...]]],
) -> None:
    damage(writer, engine)

    found = verified(engine, database, repair=True)

    assert {(d.kind, d.path, d.fields) for d in found} == expected
    assert verified(engine, database) == []


@pytest.mark.usefixtures("built")
def test_an_event_that_is_on_its_way_is_no_difference(
    engine: Engine, database: Database, writer: Writer
) -> None:
    change = writer.write("groups/b", {"title": "on its way"})
    looks: list[object] = []

    class Looking(Verification):
        """The event arrives after the first look at what it changes."""

        def _look(self, target, roots, seen=None):  # pyright: ignore
            found = super()._look(target, roots, seen)
            if any(look.found for look in found) and not looks:
                looks.append(found)
                engine.handle(database, change)
            return found

    ended = Looking(engine, database, targets_of(engine), settle=0).run()

    assert looks
    assert ended.found == 0


@pytest.mark.usefixtures("built")
def test_what_is_no_record_is_reported_and_left_alone(
    engine: Engine, database: Database, writer: Writer
) -> None:
    strange = {"definition": "GroupView", "what": "ever"}
    writer.write("onto_ledger/strange", strange)

    found = verified(engine, database, repair=True)

    assert [(d.kind, d.path) for d in found] == [(Kind.UNREADABLE, "onto_ledger/strange")]
    assert writer.content("onto_ledger/strange") == strange


def test_a_vote_that_was_not_counted_is_found_and_counted(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(votes=count(), weight=total("weight"))
    engine.handle(database, vote(writer, 1, weight=1.0))
    vote(writer, 2, weight=2.0)

    found = [d for d in verified(engine, database, repair=True) if d.target == "votes"]

    assert [(d.kind, d.root) for d in found] == [(Kind.MISSING, f"{POLL}/votes/2")]
    assert numbers(engine, database, writer) == {"votes": 2, "weight": 3.0}


def test_a_sum_that_is_wrong_is_found_and_mended(database: Database, writer: Writer) -> None:
    engine = poll_engine(votes=count(), weight=total("weight"))
    engine.handle(database, vote(writer, 1, weight=2.5))
    (shard,) = [
        path
        for group in database.paths("onto_aggregates")
        for path in engine.aggregates["votes"].shard_paths(group.rpartition("/")[2])
        if writer.content(path)
    ]
    fields = dict(writer.content(shard) or {})
    fields["votes"] = 7
    writer.write(shard, fields)

    found = [d for d in verified(engine, database, repair=True) if d.target == "votes"]

    assert [(d.kind, d.fields) for d in found] == [(Kind.SUM, ("votes",))]
    assert numbers(engine, database, writer) == {"votes": 1, "weight": 2.5}
