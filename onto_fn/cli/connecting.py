"""Connect to the database of a command, or say in one line why that fails."""

from __future__ import annotations

import gc
import logging
import os
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from onto_fn.cli.apps import app_file, load_app
from onto_fn.cli.choosing import Destination, answers, configured_emulator, destination
from onto_fn.cli.errors import CommandError, one_line
from onto_fn.emulators import VARIABLES, Service

if TYPE_CHECKING:
    from onto_fn.cli.options import DatabaseOptions
    from onto_fn.cli.output import Output
    from onto_fn.firestore import Database
    from onto_fn.functions import App

EMULATOR_VARIABLE = VARIABLES["firestore"]
_ANSWER_SECONDS = 15.0
_PROBE = "onto_ledger/~"  # a document that never exists


@dataclass(frozen=True)
class Opened:
    """An app and its database.

    Attributes:
        app: the app.
        database: a connection that has answered.
        emulator: address of the emulator, None for the real Firestore.
    """

    app: App
    database: Database
    emulator: str | None

    @property
    def place(self) -> str:
        """The database's description for people."""
        return OpenedDatabase(self.database, self.emulator).place


@dataclass(frozen=True)
class OpenedDatabase:
    """A database without its app.

    Attributes:
        database: a connection that has answered.
        emulator: address of the emulator, None for the real Firestore.
    """

    database: Database
    emulator: str | None

    @property
    def place(self) -> str:
        """The database's description for people."""
        where = f"the emulator at {self.emulator}" if self.emulator else "Firestore"
        return f"{self.database.project}/{self.database.database} in {where}"


@contextmanager
def open_app(
    app: str,
    *,
    where: DatabaseOptions,
    output: Output,
    writes: bool = False,
    loaded: Callable[[App], None] | None = None,
) -> Generator[Opened]:
    """Load an app, connect to its database and check that it answers. Close it after the block.

    This also sets the environment variables of this process, so that connections of the app itself
    reach the same database. With a Firestore emulator they lead to the emulators of Pub/Sub and
    Authentication too: to those that the environment names, or else to those of `onto dev` or
    `firebase.json` that answer.

    Args:
        app: `FILE[:NAME]`.
        where: the options of the command; without `--database`, the app's own database.
        output: receives a remark on the chosen database if the choice is not obvious.
        writes: whether the command changes documents.
        loaded: is called with the app before anything is connected.

    Raises:
        CommandError: there is no app, no project, no emulator, no credentials, or no permission.
            See also `choosing.destination`, which chooses the database.
    """
    app_file(app)
    place = _reached(where, output, writes=writes)
    its_app = _loaded(app)
    if loaded is not None:
        loaded(its_app)
    found = connect(place.project, where.database or its_app.options.database)
    try:
        yield Opened(its_app, found, place.emulator)
    finally:
        found.close()


def _loaded(app: str) -> App:
    """An app; what its imports make stays, so they are no place to look for garbage."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return load_app(app)
    finally:
        if collects:
            gc.enable()


@contextmanager
def open_database(
    *, where: DatabaseOptions, output: Output, writes: bool = False
) -> Generator[OpenedDatabase]:
    """Connect to a database without its app, and check that it answers. Close it after the block.

    Args:
        where: the options of the command; without `--database`, the database `(default)`.
        output: receives a remark on the chosen database if the choice is not obvious.
        writes: whether the command changes documents.

    Raises:
        CommandError: see `open_app`.
    """
    place = _reached(where, output, writes=writes)
    found = connect(place.project, where.database or "(default)")
    try:
        yield OpenedDatabase(found, place.emulator)
    finally:
        found.close()


def _reached(where: DatabaseOptions, output: Output, *, writes: bool) -> Destination:
    """Choose the database, and point the environment of this process to it."""
    place = destination(
        project=where.project, emulator=where.emulator, live=where.live, writes=writes
    )
    if place.remark:
        output.remark(place.remark)
    _lead_to(place)
    return place


def connect(project: str, database: str) -> Database:
    """Connect to a database, and check that it answers.

    Raises:
        CommandError: it does not answer, or refuses the read; the message says what to do.
    """
    from google.auth.exceptions import GoogleAuthError

    from onto_fn.errors import OntoError
    from onto_fn.firestore import Database
    from onto_fn.firestore.channel import Deadlines

    # The error below says the same in one line.
    logging.getLogger("google.auth").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"google\.auth")
    try:
        found = Database(project, database, deadlines=Deadlines(read=_ANSWER_SECONDS))
    except GoogleAuthError as error:
        raise _no_credentials(error) from error
    except ValueError as error:  # the credentials file has another format
        raise _no_credentials(error) from error
    try:
        found.get([_PROBE])
    except Exception as error:
        found.close()
        cause = error.__cause__ if isinstance(error, OntoError) and error.__cause__ else error
        raise _refusal(project, database, cause) from error
    found.deadlines = Deadlines()
    return found


def _lead_to(place: Destination) -> None:
    os.environ["GOOGLE_CLOUD_PROJECT"] = os.environ["GCLOUD_PROJECT"] = place.project
    if place.emulator:
        os.environ[EMULATOR_VARIABLE] = place.emulator
        os.environ.setdefault("METADATA_SERVER_DETECTION", "none")
        beside: dict[Service, str | None] = {"pubsub": place.pubsub, "auth": place.auth}
        for service, found in beside.items():
            variable = VARIABLES[service]
            address = os.environ.get(variable) or found or configured_emulator(service)
            if address is not None and answers(address):
                os.environ[variable] = address
    else:
        os.environ.pop(EMULATOR_VARIABLE, None)
        # It takes tokens that nobody has signed: none of them may lead to real data.
        os.environ.pop(VARIABLES["auth"], None)


def _no_credentials(error: Exception) -> CommandError:
    return CommandError(
        f"no usable Google credentials ({_first_sentence(error)})",
        "run `gcloud auth application-default login`, or pass --emulator HOST:PORT",
    )


def _refusal(project: str, database: str, error: BaseException) -> CommandError:
    from google.api_core import exceptions as google
    from google.auth.exceptions import GoogleAuthError

    name = f"{project}/{database}"
    says = one_line(cast(Any, error).message if hasattr(error, "message") else error)
    match error:
        case google.Unauthenticated() | GoogleAuthError():
            return _no_credentials(cast(Exception, error))
        case google.ServiceUnavailable() if "metadata from plugin" in says:
            return _no_credentials(error)
        case google.PermissionDenied():
            return CommandError(
                f"no permission for the database {name} ({says})",
                "correct --project, or ask for the role roles/datastore.user",
            )
        case google.NotFound():
            return CommandError(
                f"there is no database {name} ({says})", "correct --project or --database"
            )
        case google.ServiceUnavailable() | google.DeadlineExceeded() | google.RetryError():
            return CommandError(
                f"the database {name} does not answer ({says})",
                "check the network or the emulator",
            )
        case _:
            return CommandError(
                f"the database {name} refuses a read ({says})", "correct --project or --database"
            )


def _first_sentence(error: BaseException) -> str:
    return one_line(error).partition(". ")[0].rstrip(".")
