"""Who asks: the id that a verified token says reaches `submit`, and nobody else's does."""

from __future__ import annotations

from typing import Any

import pytest

from emulator_tests.kit.writing import Writer
from onto_fn import App, DomainModel, Form, FormMediator, Request
from onto_fn.access import role, signed_in
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Result


class Note(DomainModel, collection="callerNotes"):
    text: str
    by: str | None = None


class NoteForm(Form, path="noteForms/{id}", create=signed_in() | role("admin")):
    text: str

    def submit(self, request: Request) -> list[Note]:
        if self.text == "broken" and BROKEN:
            raise RuntimeError("not now")
        return [Note(doc_id=request.doc_id, text=self.text, by=request.uid)]


BROKEN: list[bool] = []
FORM = "noteForms/n"


@pytest.fixture
def engine() -> Engine:
    BROKEN.clear()
    return App([FormMediator(NoteForm, callable=True)]).engine


def author(writer: Writer) -> Any:
    note = writer.content("callerNotes/n")
    assert note is not None
    return note.get("by")


def submit(engine: Engine, database: Database, text: str, uid: str | None) -> Result:
    return engine.submit(database, "NoteForm", FORM, {"text": text}, uid).result


def test_the_caller_is_known_to_submit(engine: Engine, database: Database, writer: Writer) -> None:
    assert submit(engine, database, "hello", "ada") is Result.COMMITTED
    assert author(writer) == "ada"


def test_a_document_that_a_client_has_written_is_nobodys_whoever_calls_first(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write(FORM, {"text": "hello"})

    assert submit(engine, database, "other", "mallory") is Result.COVERED
    assert writer.content("callerNotes/n") is None, "the document asks for something else"
    assert submit(engine, database, "hello", "mallory") is Result.COMMITTED
    assert author(writer) is None


def test_a_replay_knows_the_caller_of_the_request_that_failed(
    engine: Engine, database: Database, writer: Writer
) -> None:
    BROKEN.append(True)
    assert submit(engine, database, "broken", "ada") is Result.DEAD_LETTER
    BROKEN.clear()

    [letter] = writer.dead_letters()
    outcome = engine.replay(database, letter.rpartition("/")[2])

    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert author(writer) == "ada"


def test_a_dead_letter_names_no_caller_of_another_document(
    engine: Engine, database: Database, writer: Writer
) -> None:
    BROKEN.append(True)
    submit(engine, database, "broken", "ada")
    BROKEN.clear()
    change = writer.write(FORM, {"text": "hello"})  # in its place, without the mark

    [outcome] = engine.handle(database, change)

    assert outcome.result is Result.COMMITTED
    assert author(writer) is None
