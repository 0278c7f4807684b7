"""Reach the database that a command works on, or say in one line why it cannot be reached."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from onto_fn.cli.apps import app_file, load_app
from onto_fn.cli.choosing import Destination, answers, configured_emulator, destination
from onto_fn.cli.errors import CommandError, one_line
from onto_fn.emulators import VARIABLES, Service

if TYPE_CHECKING:
    from onto_fn.cli.output import Output
    from onto_fn.firestore import Database
    from onto_fn.functions import App

EMULATOR_VARIABLE = VARIABLES["firestore"]
_ANSWER_SECONDS = 15.0
_PROBE = "onto_ledger/~"  # a document that never exists


@dataclass(frozen=True)
class Opened:
    """An app, and the database that it is operated on.

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
        """Which database it is, for people."""
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
        """Which database it is, for people."""
        where = f"the emulator at {self.emulator}" if self.emulator else "Firestore"
        return f"{self.database.project}/{self.database.database} in {where}"


@contextmanager
def open_app(
    app: str,
    *,
    project: str | None,
    database: str | None,
    emulator: str | None,
    live: bool,
    output: Output,
    writes: bool = False,
) -> Generator[Opened]:
    """The app and its database, after a check that the database answers; closed at the end.

    The environment of this process leads to the same database from then on, for what the app
    itself connects to. With an emulator it leads to those of Pub/Sub and Authentication too: the
    ones that the environment names, else those of `onto dev` or of `firebase.json` that answer.

    Args:
        app: `FILE[:NAME]`.
        project: project id.
        database: id of the database; else the app's own.
        emulator: `HOST:PORT` of the Firestore emulator.
        live: whether the real Firestore is asked for by name.
        output: where it is said which database is taken, if that is not plain.
        writes: whether the command changes what is there.

    Raises:
        CommandError: there is no app, no project, no emulator, no credentials, or no permission;
            or see `choosing.destination`, which chooses the database.
    """
    app_file(app)
    place = _reached(project, emulator, output, live=live, writes=writes)
    loaded = load_app(app)
    found = connect(place.project, database or loaded.options.database)
    try:
        yield Opened(loaded, found, place.emulator)
    finally:
        found.close()


@contextmanager
def open_database(
    *,
    project: str | None,
    database: str | None,
    emulator: str | None,
    live: bool,
    output: Output,
    writes: bool = False,
) -> Generator[OpenedDatabase]:
    """A database without its app, after a check that it answers; closed at the end.

    Args:
        project: project id.
        database: id of the database; else the default one.
        emulator: `HOST:PORT` of the Firestore emulator.
        live: whether the real Firestore is asked for by name.
        output: where it is said which database is taken, if that is not plain.
        writes: whether the command changes what is there.

    Raises:
        CommandError: see `open_app`.
    """
    place = _reached(project, emulator, output, live=live, writes=writes)
    found = connect(place.project, database or "(default)")
    try:
        yield OpenedDatabase(found, place.emulator)
    finally:
        found.close()


def _reached(
    project: str | None, emulator: str | None, output: Output, *, live: bool, writes: bool
) -> Destination:
    """Choose the database, and lead this process there."""
    place = destination(project=project, emulator=emulator, live=live, writes=writes)
    if place.remark:
        output.remark(place.remark)
    _lead_to(place)
    return place


def connect(project: str, database: str) -> Database:
    """A connection to a database that has answered.

    Raises:
        CommandError: it does not answer, or refuses; the message says what to do.
    """
    from google.auth.exceptions import GoogleAuthError

    from onto_fn.errors import OntoError
    from onto_fn.firestore import Database
    from onto_fn.firestore.channel import Deadlines

    # What it says, and this says in one line.
    logging.getLogger("google.auth").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"google\.auth")
    try:
        found = Database(project, database, deadlines=Deadlines(read=_ANSWER_SECONDS))
    except GoogleAuthError as error:
        raise _no_credentials(error) from error
    except ValueError as error:  # a file of credentials that is none
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
