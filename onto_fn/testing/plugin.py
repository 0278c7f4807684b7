"""Pytest fixtures that run tests against the Firebase emulators.

The plugin is active wherever the package is installed with pytest. Until a test uses one of its
fixtures, it starts nothing and imports nothing heavy:

| fixture | scope | gives |
|---|---|---|
| `emulators` | session | the emulators of the project, with its functions loaded |
| `firestore_client` | function | a client on `emulators`, whose database is empty |
| `database` | function | the same database as onto_fn's `Database` |
| `firestore_emulator` | session | a Firestore emulator without functions |
| `engine_client` | function | a client on `firestore_emulator`, with its own project |
| `signed_in` | function | makes users of `emulators`: `signed_in("ada", admin=True)` |
| `signed_out` | function | a user of `emulators` who is not signed in |
| `call` | function | calls `onto_request`: `call(OrderForm, {…}, user=ada)` |
| `topics` | function | the topics of the app's `TopicSink`s on `emulators`, and their messages |
| `frozen_time` | function | stops the clock of the test's own process |
| `eventually` | function | waits until a check holds |

By default, pytest's root folder must contain `firebase.json`. The ini option `onto_fn_project_dir`
names another folder, relative to the root folder. `onto_fn_emulators` lists the emulators to start.

With `--firestore-strict-indexes`, each query that production would refuse for want of an index is
refused. This holds for these emulators, and for one that the variable FIRESTORE_EMULATOR_HOST
names, for which no fixture is needed. `--firestore-strict-indexes=FILE` names the index file of the
latter; by default, `firebase.json` does.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from google.cloud.firestore import Client

    from onto_fn.firestore import Database
    from onto_fn.testing.calling import Call
    from onto_fn.testing.clock import FrozenTime
    from onto_fn.testing.emulators.suite import EmulatorSuite
    from onto_fn.testing.eventually import Eventually
    from onto_fn.testing.topics import Topics
    from onto_fn.testing.users import User

_PROJECT_DIR = "onto_fn_project_dir"
_EMULATORS = "onto_fn_emulators"
_STRICT = "--firestore-strict-indexes"
_HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
_running = pytest.StashKey[dict[str, "EmulatorSuite"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    parser.getgroup("firestore").addoption(
        _STRICT,
        nargs="?",
        const=True,
        metavar="FILE",
        help="Refuse the Firestore queries that production would refuse for want of an index.",
    )
    parser.addini(_PROJECT_DIR, "folder of firebase.json, relative to the root folder", default=".")
    parser.addini(
        _EMULATORS,
        "emulators that the fixture `emulators` starts",
        type="args",
        default=["firestore", "functions"],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the record of this session's running emulators, and check a given one's queries."""
    config.stash[_running] = {}
    if config.getoption(_STRICT) and os.environ.get(_HOST_VARIABLE):
        _check_indexes(config, os.environ[_HOST_VARIABLE])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the end of the emulators' log to the report of a failed test that used them."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for fixture, suite in item.config.stash[_running].items():
            if fixture in item.fixturenames:
                report.sections.append((f"{fixture} log", suite.log_tail()))
    return report


@pytest.fixture(scope="session")
def emulators(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[EmulatorSuite]:
    """The emulators of the project, with its functions loaded; started once per session."""
    only = tuple(request.config.getini(_EMULATORS))
    yield from _suite("emulators", only, request, tmp_path_factory)


@pytest.fixture(scope="session")
def firestore_emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[EmulatorSuite]:
    """A Firestore emulator without functions: it starts fast, and no function sees its writes."""
    yield from _suite("firestore_emulator", ("firestore",), request, tmp_path_factory)


@pytest.fixture
def firestore_client(emulators: EmulatorSuite) -> Generator[Client]:
    """A client on `emulators`, whose default database is empty when the test begins.

    A function may still handle an event of an earlier test and write later. To avoid this, let each
    test wait for everything that it causes.
    """
    emulators.clear()
    client = emulators.client()
    yield client
    client.close()


@pytest.fixture
def database(
    firestore_client: Client, emulators: EmulatorSuite, monkeypatch: pytest.MonkeyPatch
) -> Generator[Database]:
    """The database of `firestore_client`, for `Repository`, `edit` and the app's own functions.

    During the test, environment variables name the emulators, so that `App.database` and Google's
    clients find them as well.
    """
    from onto_fn.firestore import Database

    for name, value in emulators.environ().items():
        monkeypatch.setenv(name, value)
    database = Database(emulators.project_id)
    yield database
    database.close()


@pytest.fixture
def engine_client(firestore_emulator: EmulatorSuite) -> Generator[Client]:
    """A client on `firestore_emulator` with a new project, and so with its own empty database."""
    client = firestore_emulator.client(project_id=f"demo-{secrets.token_hex(6)}")
    yield client
    client.close()


@pytest.fixture
def signed_in(emulators: EmulatorSuite) -> Generator[Callable[..., User]]:
    """Makes users of `emulators`, under the security rules.

    `ada = signed_in("ada", admin=True)`: the first argument is the user's id, the others are the
    custom claims of the ID token. `onto_fn.testing.users.User` describes what a user can do.
    """
    with ExitStack() as stack:

        def sign_in(uid: str, /, **claims: object) -> User:
            return stack.enter_context(_user(emulators, uid, claims))

        yield sign_in


@pytest.fixture
def signed_out(emulators: EmulatorSuite) -> Generator[User]:
    """A user of `emulators` who is not signed in, under the security rules."""
    with _user(emulators, None, {}) as user:
        yield user


@pytest.fixture
def call(emulators: EmulatorSuite) -> Call:
    """Calls `onto_request` as the Firebase SDK does.

    `call(OrderForm, {"dish": "pasta"}, user=ada)` returns the answer, or raises
    `onto_fn.testing.CallFailed` with the reason.
    """
    from onto_fn.testing.calling import call

    return partial(call, emulators)


@pytest.fixture
def topics(emulators: EmulatorSuite) -> Generator[Topics]:
    """The topics of the app's `TopicSink`s on `emulators`: `topics.messages("orders")`.

    It receives the messages that are published during the test. The emulators must include
    `functions` and `pubsub`.
    """
    from onto_fn.testing.topics import Topics

    receiver = f"test-{secrets.token_hex(6)}"
    found = Topics(emulators.pubsub_host, emulators.project_id, emulators.topics, receiver)
    yield found
    found.close()


@pytest.fixture
def frozen_time() -> Generator[FrozenTime]:
    """Stops the clock of the test's own process: `frozen_time("2026-01-02T12:00Z")`.

    Call it again to set another time. See `onto_fn.testing.clock`.
    """
    from onto_fn.testing.clock import frozen_clock

    with frozen_clock() as freeze:
        yield freeze


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a check holds: `eventually(check, deadline=20.0)`.

    See `onto_fn.testing.eventually`.
    """
    from onto_fn.testing.eventually import eventually

    return eventually


@contextmanager
def _user(
    emulators: EmulatorSuite, uid: str | None, claims: Mapping[str, object]
) -> Generator[User]:
    from onto_fn.testing.users import sign_in, with_rules

    with_rules(emulators)
    user = sign_in(emulators, uid, claims)
    try:
        yield user
    finally:
        user.close()


def _check_indexes(config: pytest.Config, emulator: str) -> None:
    """Put the check of indexes in front of an emulator, until the session ends."""
    from onto_fn.testing.strict_indexes import Checker, StrictIndexes

    option: object = config.getoption(_STRICT)
    checker = Checker(_project_dir(config), indexes=None if option is True else str(option))
    strict = StrictIndexes(emulator, checker).start()
    os.environ[_HOST_VARIABLE] = strict.address

    def stop() -> None:
        os.environ[_HOST_VARIABLE] = emulator
        strict.stop()

    config.add_cleanup(stop)


def _project_dir(config: pytest.Config) -> Path:
    return config.rootpath / Path(str(config.getini(_PROJECT_DIR)))


def _suite(
    fixture: str,
    only: tuple[str, ...],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[EmulatorSuite]:
    from onto_fn.testing.emulators.suite import EmulatorSuite

    config = request.config
    log_dir = tmp_path_factory.mktemp(fixture)
    tell = partial(_tell, config)
    settings: dict[str, Any] = {"only": only, "log_dir": log_dir, "tell": tell}
    if config.getoption(_STRICT):
        settings["strict_indexes"] = True
    with EmulatorSuite(_project_dir(config), **settings) as suite:
        running = config.stash[_running]
        running[fixture] = suite
        try:
            yield suite
        finally:
            del running[fixture]


def _tell(config: pytest.Config, text: str) -> None:
    """Show a line immediately, although pytest captures output."""
    # The class of this plugin is not public.
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        print(f"\n{text}", file=sys.stderr, flush=True)
