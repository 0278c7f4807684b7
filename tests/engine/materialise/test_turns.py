"""Turns: who waits for whom in one process."""

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from onto_fn.editing import Database
from onto_fn.engine.materialise import protocol
from onto_fn.engine.materialise.protocol import Turns
from onto_fn.testing.eventually import eventually

PATH = "onto_ledger/GroupView~g"


@pytest.fixture
def threads() -> Generator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")  # nothing is sent there
    return Database("demo-turns")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gives up waiting."""
    monkeypatch.setattr(protocol, "LONGEST_TURN", 600.0)


def taken(these: Turns, database: Database, path: str = PATH) -> bool:
    """What a thread is told that takes a turn and ends it."""
    with these.turn(database, path) as is_mine:
        return is_mine


def come_to_wait(
    these: Turns, database: Database, threads: ThreadPoolExecutor, count: int
) -> list[Future[bool]]:
    """Threads that wait for the turn that is under way."""
    waiting = [threads.submit(taken, these, database) for _ in range(count)]

    def all_wait() -> None:
        assert these.waiting(database, PATH) == count

    eventually(all_wait, deadline=60)
    return waiting


@pytest.mark.usefixtures("patience")
def test_others_wait_for_the_end_of_a_turn_and_are_told_to_look_again(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    these = Turns()
    with these.turn(database, PATH) as is_mine:
        waiting = come_to_wait(these, database, threads, 3)
        assert is_mine
        assert not any(other.done() for other in waiting)

    assert [other.result(60) for other in waiting] == [False] * 3
    assert taken(these, database)


@pytest.mark.usefixtures("patience")
def test_a_turn_that_fails_ends_as_well(database: Database, threads: ThreadPoolExecutor) -> None:
    these = Turns()
    waiting: list[Future[bool]] = []
    with suppress(ZeroDivisionError), these.turn(database, PATH):
        waiting += come_to_wait(these, database, threads, 1)
        raise ZeroDivisionError

    assert [other.result(60) for other in waiting] == [False]
    assert taken(these, database)


@pytest.mark.usefixtures("patience")
def test_a_thread_does_not_wait_for_itself(database: Database) -> None:
    these = Turns()
    with these.turn(database, PATH):
        assert taken(these, database)


@pytest.mark.usefixtures("patience")
def test_turns_of_other_records_and_databases_are_apart(
    database: Database, threads: ThreadPoolExecutor
) -> None:
    these = Turns()
    with these.turn(database, PATH):
        assert threads.submit(taken, these, database, "onto_ledger/GroupView~h").result(60)
        assert threads.submit(taken, these, Database("demo-turns")).result(60)


def test_a_turn_that_takes_too_long_is_not_waited_for(
    database: Database, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LONGEST_TURN", 0.0)
    these = Turns()
    with these.turn(database, PATH):
        assert threads.submit(taken, these, database).result(60)
