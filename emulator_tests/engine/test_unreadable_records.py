"""A ledger record that cannot be read stops its own root, loudly, and can be mended."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_tests.kit.domain import BoardView, people
from emulator_tests.kit.writing import Writer
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.records.ledger import ledger_path
from onto_fn.firestore import Write
from onto_fn.observability import Result

GROUP, OTHER = "groups/g", "groups/other"
RECORD = ledger_path("BoardView", GROUP)
DAMAGES: dict[str, Any] = {
    "an entry without a digest": {"documents": [{"path": "people/a/boards/g"}]},
    "a number for a list": {"watches": 7},
    "a text for a time": {"sources": [{"path": GROUP, "time": "yesterday"}]},
    "a name of its own": {"definition": 7, "root": None},
    "a list for a failure": {"failure": ["?"]},
}


@pytest.fixture
def engine() -> Engine:
    return Engine([BoardView.definition()])


@pytest.fixture(autouse=True)
def built(engine: Engine, database: Database, writer: Writer) -> None:
    """Two groups with the boards of their members."""
    for group, names in ((GROUP, "ab"), (OTHER, "ab")):
        engine.handle(database, writer.write(group, {"title": "old", "members": people(*names)}))


def damage(writer: Writer, change: dict[str, Any]) -> None:
    fields = writer.content(RECORD)
    assert fields is not None
    writer.database.commit([Write(RECORD, {**fields, **change})])


def titles(writer: Writer, group: str = "g") -> dict[str, str]:
    """The title on each person's board of a group."""
    boards = {name: writer.content(f"people/{name}/boards/{group}") for name in "abc"}
    return {name: board["title"] for name, board in boards.items() if board is not None}


@pytest.mark.parametrize("kind", DAMAGES)
def test_it_has_a_dead_letter_and_a_rebuild_mends_it_and_keeps_track_of_its_documents(
    kind: str, engine: Engine, database: Database, writer: Writer
) -> None:
    damage(writer, DAMAGES[kind])
    changed = writer.write(GROUP, {"title": "new", "members": people("b", "c")})

    [outcome] = engine.handle(database, changed)

    assert outcome.result is Result.DEAD_LETTER
    assert f"{RECORD} cannot be read as a ledger record: " in outcome.error
    letter = writer.dead_letter("BoardView", GROUP)
    assert letter is not None
    assert letter["error"] == {
        "kind": "UnreadableRecord",
        "message": outcome.error,
        "document": RECORD,
    }
    assert titles(writer) == {"a": "old", "b": "old"}

    mended = engine.rebuild(database, "BoardView", GROUP)

    assert mended.result is Result.COMMITTED
    assert titles(writer) == {"b": "new", "c": "new"}
    assert writer.dead_letters() == {}
    assert engine.handle(database, changed)[0].result is Result.COVERED
    engine.handle(database, writer.delete(GROUP))
    assert titles(writer) == {}


def test_what_is_no_record_at_all_is_a_dead_letter_of_its_root(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.database.commit([Write(RECORD, {"hello": "world"})])
    changed = writer.write(GROUP, {"title": "new", "members": people("a", "b")})

    [outcome] = engine.handle(database, changed)

    assert outcome.result is Result.DEAD_LETTER
    assert "is missing" in outcome.error
    letter_id = f"BoardView~{GROUP.replace('/', '%2F')}"
    replayed = engine.replay(database, letter_id)
    assert replayed is not None
    assert replayed.result is Result.COMMITTED
    assert titles(writer) == {"a": "new", "b": "new"}


def test_it_never_makes_a_rebuild_delete_what_is_not_the_views(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write("people/a", {"name": "Ann"})
    damage(writer, {"documents": [{"path": "people/a"}, {"path": 5}, "people/b", None]})

    engine.rebuild(database, "BoardView", GROUP)

    assert writer.content("people/a") == {"name": "Ann"}


def test_others_in_its_batch_go_on(engine: Engine, database: Database, writer: Writer) -> None:
    damage(writer, {"watches": 7})
    writer.write_all({path: {"title": "new", "members": people("a")} for path in (GROUP, OTHER)})
    changed = writer.write("people/a", {"name": "Ann"})

    outcomes = engine.handle_batch(database, Batch("BoardView", changed, ((GROUP, 0), (OTHER, 0))))

    assert {o.root: o.result for o in outcomes} == {
        GROUP: Result.DEAD_LETTER,
        OTHER: Result.COMMITTED,
    }
    assert titles(writer) == {"a": "old", "b": "old"}
    assert titles(writer, "other") == {"a": "new"}


def test_reconciling_mends_it(engine: Engine, database: Database, writer: Writer) -> None:
    damage(writer, {"built": "perhaps"})
    writer.write(GROUP, {"title": "new", "members": people("a")})  # and its event is lost

    assert engine.reconcile(database) == 1

    assert titles(writer) == {"a": "new"}


def test_a_document_in_the_ledger_that_belongs_to_nothing_is_left_alone(
    engine: Engine, database: Database, writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    fields = writer.content(RECORD)
    assert fields is not None
    stray = {"watches": fields["watches"], "note": "mine"}
    writer.database.commit([Write("onto_ledger/BoardView~elsewhere", stray)])

    [outcome] = engine.handle(database, writer.write(GROUP, {"title": "new", "members": []}))

    assert outcome.result is Result.COMMITTED
    assert writer.content("onto_ledger/BoardView~elsewhere") == stray
    assert "belongs to no view of this app" in caplog.text
