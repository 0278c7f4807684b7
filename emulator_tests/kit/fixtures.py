"""The engine on the real Firestore emulator, without functions: the tests deliver the events.

| fixture | gives |
|---|---|
| `connect` | makes databases on one new project, with interceptors if wanted |
| `database` | the engine's database |
| `interleaved` | the same, with something happening at a chosen instant |
| `writer` | writes sources, and reads what the engine has made, through a database of its own |
| `quick` | a retry policy that gives up after three attempts |
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from typing import Any

import pytest

from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer
from onto_fn import RetryPolicy
from onto_fn.editing import Database
from onto_fn.engine.aggregate import group_commit
from onto_fn.engine.materialise import protocol
from onto_fn.testing import EmulatorSuite

Connect = Callable[..., Database]


@pytest.fixture(autouse=True)
def threads_are_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for instances of a function here, which do not wait for each other."""
    monkeypatch.setattr(protocol, "LONGEST_TURN", 0.0)
    monkeypatch.setattr(group_commit, "LONGEST_WAIT", 0.0)


@pytest.fixture
def project(firestore_emulator: EmulatorSuite, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new project id, and an environment that leads databases to the emulator."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.firestore_host)
    return f"demo-{secrets.token_hex(6)}"


@pytest.fixture
def connect(project: str) -> Generator[Connect]:
    databases: list[Database] = []

    def make(*interceptors: Any, kind: type[Database] = Database) -> Database:
        options = {"interceptors": interceptors} if interceptors else {}
        databases.append(kind(project, **options))
        return databases[-1]

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def database(connect: Connect) -> Database:
    return connect()


@pytest.fixture
def interleaved(connect: Connect) -> Generator[Interleaved]:
    database = connect(kind=Interleaved)
    assert isinstance(database, Interleaved)
    yield database
    assert database.is_done, "the engine did not reach the point at which the action happens"


@pytest.fixture
def writer(connect: Connect) -> Writer:
    return Writer(connect())


@pytest.fixture
def quick() -> RetryPolicy:
    return RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002)
