"""Reach the database that a command works on, or say in one line why it cannot be reached."""

from __future__ import annotations

import json
import logging
import os
import socket
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from onto_fn.cli.apps import app_file, load_app
from onto_fn.cli.errors import CommandError, one_line
from onto_fn.emulators import DEMO
from onto_fn.errors import OntoError
from onto_fn.firebase_json import read_firebase_json

if TYPE_CHECKING:
    from onto_fn.firestore import Database
    from onto_fn.functions import App

EMULATOR_VARIABLE = "FIRESTORE_EMULATOR_HOST"
PUBSUB_VARIABLE = "PUBSUB_EMULATOR_HOST"
DEFAULT_PROJECT = "demo-onto-fn"
_LOCAL = "127.0.0.1"
_EMULATOR_SECONDS = 2.0
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
    app: str, *, project: str | None, database: str | None, emulator: str | None
) -> Generator[Opened]:
    """The app and its database, after a check that the database answers; closed at the end.

    The environment of this process leads to the same database from then on, for what the app
    itself connects to. With an emulator it leads to that of Pub/Sub too: the one that
    `PUBSUB_EMULATOR_HOST` names, else the one of `firebase.json` if it answers.

    Args:
        app: `FILE[:NAME]`.
        project: project id; else the default of `.firebaserc`.
        database: id of the database; else the app's own.
        emulator: `HOST:PORT` of the Firestore emulator, or None for the real Firestore.

    Raises:
        CommandError: there is no app, no project, no emulator, no credentials, or no permission.
    """
    app_file(app)
    project = project or default_project()
    _reach(project, emulator)
    loaded = load_app(app)
    found = connect(project, database or loaded.options.database)
    try:
        yield Opened(loaded, found, emulator)
    finally:
        found.close()


@contextmanager
def open_database(
    *, project: str | None, database: str | None, emulator: str | None
) -> Generator[OpenedDatabase]:
    """A database without its app, after a check that it answers; closed at the end.

    Without an address, the emulator of this folder's `firebase.json` is taken if it answers, unless
    the project is one that is named and real. `onto dev` runs it as the project of `.firebaserc`,
    with `demo-` before its id.

    Args:
        project: project id; else that of `onto dev`, or the default of `.firebaserc`.
        database: id of the database; else the default one.
        emulator: `HOST:PORT` of the Firestore emulator.

    Raises:
        CommandError: there is no project, no emulator, no credentials, or no permission.
    """
    if emulator is None and (project is None or project.startswith(DEMO)):
        configured = configured_emulator("firestore")
        if configured is not None and _answers(configured):
            emulator = configured
    if project is None:
        project = emulated_project(Path()) if emulator else default_project()
    _reach(project, emulator)
    found = connect(project, database or "(default)")
    try:
        yield OpenedDatabase(found, emulator)
    finally:
        found.close()


def emulated_project(folder: Path) -> str:
    """The project that `onto dev` runs a folder's emulators as: that of `.firebaserc`, made demo.

    Raises:
        CommandError: `.firebaserc` is not JSON.
    """
    chosen = project_of(folder / ".firebaserc") or DEFAULT_PROJECT
    return chosen if chosen.startswith(DEMO) else f"{DEMO}{chosen}"


def _reach(project: str, emulator: str | None) -> None:
    """Lead this process to an emulator that answers, or to Google."""
    if emulator:
        _check_emulator(emulator)
    elif project.startswith(DEMO):
        raise CommandError(
            f"the project {project} exists in an emulator only",
            "start one with `onto dev`, and say --emulator "
            f"{configured_emulator('firestore') or f'{_LOCAL}:8080'}",
        )
    _lead_to(project, emulator)


def default_project() -> str:
    """The default project of `.firebaserc`, as the Firebase command line has it.

    Raises:
        CommandError: there is none.
    """
    default = project_of(Path(".firebaserc"))
    if default is None:
        raise CommandError(
            "no project is named",
            "say --project ID, or run onto in a folder whose .firebaserc has a default",
        )
    return default


def project_of(file: Path) -> str | None:
    """The default project that a `.firebaserc` names, None if it names none.

    Raises:
        CommandError: it is not JSON.
    """
    try:
        # JSON has no narrower type than this.
        content: Any = json.loads(file.read_text()) if file.is_file() else {}
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {one_line(error)}") from error
    try:
        return cast("str | None", content["projects"]["default"])
    except (KeyError, TypeError):
        return None


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


def _lead_to(project: str, emulator: str | None) -> None:
    os.environ["GOOGLE_CLOUD_PROJECT"] = os.environ["GCLOUD_PROJECT"] = project
    if emulator:
        os.environ[EMULATOR_VARIABLE] = emulator
        os.environ.setdefault("METADATA_SERVER_DETECTION", "none")
        pubsub = os.environ.get(PUBSUB_VARIABLE) or configured_emulator("pubsub")
        if pubsub is not None and _answers(pubsub):
            os.environ[PUBSUB_VARIABLE] = pubsub
    else:
        os.environ.pop(EMULATOR_VARIABLE, None)


def _check_emulator(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise CommandError(f"{address!r} is no address", "say --emulator HOST:PORT")
    if not _answers(address):
        raise CommandError(
            f"no emulator answers at {address}", "start it with `onto dev`, or correct --emulator"
        )


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _EMULATOR_SECONDS).close()
    except (OSError, OverflowError, ValueError):
        return False
    return True


def configured_emulator(service: str) -> str | None:
    """Where an emulator of this folder's project listens, as far as `firebase.json` says.

    Args:
        service: such as `"pubsub"`.
    """
    try:
        config: Any = read_firebase_json(Path())
        settings: Any = config["emulators"][service]
        return f"{settings.get('host', _LOCAL)}:{settings['port']}"
    except (OntoError, KeyError, TypeError, AttributeError):
        return None


def _no_credentials(error: Exception) -> CommandError:
    return CommandError(
        f"no usable Google credentials ({_first_sentence(error)})",
        "run `gcloud auth application-default login`, or say --emulator HOST:PORT",
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
                "look at the network, or at the emulator",
            )
        case _:
            return CommandError(
                f"the database {name} refuses a read ({says})", "correct --project or --database"
            )


def _first_sentence(error: BaseException) -> str:
    return one_line(error).partition(". ")[0].rstrip(".")
