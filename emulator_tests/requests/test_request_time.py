"""`Request.time`: when a request was made, whenever and however often it is carried out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, Form, FormMediator, Request, Store, root
from onto_fn.access import public
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Result

FORM, LAMP = "lampForms/f", "lamps/l"


class Lamp(DomainModel, collection="lamps"):
    is_on: bool = False
    at: datetime | None = None


class LampStore(Store):
    lamp = root(Lamp)


class Switching:
    """What the forms have seen, and whether they raise."""

    times: list[datetime] = []  # noqa: RUF012 - the class is the one place of this test
    is_broken = False


class LampForm(Form[LampStore], path="lampForms/{id}", create=public(), root="lamp"):
    lamp: str

    def submit(self, request: Request) -> list[Lamp]:
        Switching.times.append(request.time)
        if Switching.is_broken:
            raise ZeroDivisionError
        self.store.lamp.is_on = not self.store.lamp.is_on
        self.store.lamp.at = request.time
        return []


@pytest.fixture
def times(writer: Writer) -> list[datetime]:
    """The times that `submit` has seen; there is a lamp."""
    writer.write_all({LAMP: {"isOn": False}})
    Switching.times, Switching.is_broken = [], False
    return Switching.times


@pytest.fixture
def engine(times: list[datetime]) -> Engine:
    return Engine([FormMediator(LampForm).definition()])


def created(database: Database, path: str) -> Any:
    return database.get([path])[0][path].create_time


def test_the_time_of_a_document_is_its_creation_in_every_retry(
    engine: Engine, interleaved: Interleaved, writer: Writer, times: list[datetime]
) -> None:
    change = writer.write(FORM, {"lamp": "l"})
    interleaved.once(Point.COMMITTING, lambda: writer.write(LAMP, {"isOn": True}))

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.COMMITTED
    assert len(times) == 2
    assert set(times) == {created(writer.database, FORM)}
    lamp = writer.content(LAMP)
    assert lamp is not None
    assert lamp["at"] == times[0]


def test_the_time_of_a_replay_is_that_of_the_request(
    engine: Engine, database: Database, writer: Writer, times: list[datetime]
) -> None:
    Switching.is_broken = True
    engine.handle(database, writer.write(FORM, {"lamp": "l"}))
    Switching.is_broken = False
    [letter] = writer.dead_letters()

    outcome = engine.replay(database, letter.rpartition("/")[2])

    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert len(times) == 2
    assert set(times) == {created(writer.database, FORM)}


def test_the_time_of_a_call_is_its_arrival_in_every_retry(
    engine: Engine, interleaved: Interleaved, writer: Writer, times: list[datetime]
) -> None:
    interleaved.once(Point.COMMITTING, lambda: writer.write(LAMP, {"isOn": True}))

    outcome = engine.submit(interleaved, "LampForm", FORM, {"lamp": "l"})

    assert outcome.result is Result.COMMITTED
    assert len(times) == 2
    assert len(set(times)) == 1
    assert timedelta(0) <= datetime.now(UTC) - times[0] < timedelta(minutes=2)
