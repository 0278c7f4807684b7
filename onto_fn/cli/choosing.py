"""Choose the database of a command. One rule holds for all commands; the first row that fits wins.

| given | the command uses |
|---|---|
| `--emulator` or `FIRESTORE_EMULATOR_HOST` | that emulator |
| `--live`, or `--project` with a real project | the real Firestore |
| a running emulator of this folder | that emulator |
| none of these | the real Firestore of the default project in `.firebaserc` |

On an emulator, the default project is that of the running `onto dev`. While an emulator of this
folder runs, a command that writes needs `--live` to change a real database.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.running import Running, all_running
from onto_fn.emulators import DEMO
from onto_fn.errors import OntoError
from onto_fn.firebase_json import read_firebase_json

DEFAULT_PROJECT = "demo-onto-fn"
_LOCAL = "127.0.0.1"
_LOCALS = {_LOCAL, "localhost", "0.0.0.0", "::1", "[::1]"}
_EMULATOR_SECONDS = 2.0
_FIRESTORE_SAYS = b"Ok"


@dataclass(frozen=True)
class Destination:
    """The database of a command.

    Attributes:
        project: id of the project.
        emulator: address of the Firestore emulator, None for the real Firestore.
        pubsub: address of the Pub/Sub emulator that runs beside it, None if it is not known.
        auth: address of the Auth emulator that runs beside it, None if it is not known.
        remark: what a person should know about the choice, "" if it is obvious.
    """

    project: str
    emulator: str | None = None
    pubsub: str | None = None
    auth: str | None = None
    remark: str = ""


def destination(
    *, project: str | None, emulator: str | None, live: bool, writes: bool
) -> Destination:
    """Choose the database of a command by the rule above.

    Args:
        project: the value of `--project` or of the environment.
        emulator: the value of `--emulator` or of the environment.
        live: whether `--live` was passed.
        writes: whether the command changes documents.

    Raises:
        CommandError: no project is known, the emulator does not answer, or two options exclude
            each other; or the command would change a real database while an emulator runs, and
            `--live` was not passed.
    """
    if live:
        return _live(project, emulator)
    if emulator:
        return _emulated(project, emulator)
    here = _here()
    if here is not None and (project is None or project.startswith(DEMO)):
        return _found(project, here)
    chosen = project or default_project()
    if chosen.startswith(DEMO):
        raise _only_emulated(chosen)
    if writes and here is not None:
        address = here.emulators["firestore"]
        raise CommandError(
            f"this would change the real project {chosen}, but an emulator is running at {address}",
            "pass --live for the real Firestore, or --emulator "
            f"{address} with --project {here.project}",
        )
    return Destination(chosen)


def _live(project: str | None, emulator: str | None) -> Destination:
    if emulator:
        raise CommandError(
            f"--live selects the real Firestore, but {emulator} is an emulator",
            "leave out --live, or --emulator (and unset FIRESTORE_EMULATOR_HOST)",
        )
    chosen = project or default_project()
    if chosen.startswith(DEMO):
        raise CommandError(
            f"--live selects the real Firestore, but the project {chosen} exists only in an "
            "emulator",
            "leave out --live, or pass --project ID",
        )
    return Destination(chosen)


def _emulated(project: str | None, emulator: str) -> Destination:
    """The named emulator. By default, the project is that of the `onto dev` that runs it."""
    _check_emulator(emulator)
    owner = next((one for one in all_running() if _is_at(one, emulator)), None)
    running = owner.project if owner is not None else emulated_project(Path())
    remark = ""
    if owner is not None and project not in (None, running):
        remark = f"`onto dev` runs as {running}, but this command uses {project} of its emulator"
    others: Mapping[str, str] = owner.emulators if owner is not None else {}
    return _beside(others, Destination(project or running, emulator, remark=remark))


def _found(project: str | None, here: Running) -> Destination:
    address, chosen = here.emulators["firestore"], project or here.project
    default = project_of(Path(".firebaserc"))
    remark = ""
    # The user may have meant the real project.
    if project is None and default is not None and not default.startswith(DEMO):
        remark = (
            f"using the project {chosen} in the emulator at {address}; pass --live for {default} "
            "in the real Firestore"
        )
    return _beside(here.emulators, Destination(chosen, address, remark=remark))


def _beside(emulators: Mapping[str, str], place: Destination) -> Destination:
    return replace(place, pubsub=emulators.get("pubsub"), auth=emulators.get("auth"))


def _here() -> Running | None:
    """The `onto dev` of this folder; without one, the emulator on the port in `firebase.json`."""
    folder, others = str(Path().resolve()), all_running()
    for one in others:
        address = one.emulators.get("firestore")
        if one.folder == folder and address and answers(address):
            return one
    configured = configured_emulator("firestore")
    if configured is None or not _is_firestore(configured):
        return None
    if any(_is_at(one, configured) for one in others):
        return None  # it belongs to another folder
    return Running(folder, emulated_project(Path()), {"firestore": configured})


def _only_emulated(project: str) -> CommandError:
    configured = configured_emulator("firestore") or f"{_LOCAL}:8080"
    problem = f"the project {project} exists only in an emulator"
    for one in all_running():
        if _is_at(one, configured):
            problem += f", and the emulator at {configured} belongs to {one.folder}"
    return CommandError(problem, f"start one with `onto dev`, and pass --emulator {configured}")


def emulated_project(folder: Path) -> str:
    """The project of a folder's emulators: that of `.firebaserc`, with the prefix `demo-`.

    Raises:
        CommandError: `.firebaserc` is not JSON.
    """
    chosen = project_of(folder / ".firebaserc") or DEFAULT_PROJECT
    return chosen if chosen.startswith(DEMO) else f"{DEMO}{chosen}"


def default_project() -> str:
    """The default project of `.firebaserc`, which the Firebase command line uses too.

    Raises:
        CommandError: there is no default project.
    """
    default = project_of(Path(".firebaserc"))
    if default is None:
        raise CommandError(
            "no project is named",
            "pass --project ID, or run onto in a folder whose .firebaserc has a default",
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


def configured_emulator(service: str) -> str | None:
    """The address of an emulator of this folder in `firebase.json`, None if it has none.

    Args:
        service: such as `"pubsub"`.
    """
    try:
        config: Any = read_firebase_json(Path())
        settings: Any = config["emulators"][service]
        return f"{settings.get('host', _LOCAL)}:{settings['port']}"
    except (OntoError, KeyError, TypeError, AttributeError):
        return None


def answers(address: str) -> bool:
    """Whether something listens at an address."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _EMULATOR_SECONDS).close()
    except (OSError, OverflowError, ValueError):
        return False
    return True


def _is_firestore(address: str) -> bool:
    """Whether a Firestore emulator listens at an address: many programs use port 8080."""
    import urllib.request  # here, because `onto --help` does not need it

    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=_EMULATOR_SECONDS) as answer:
            return answer.read(100).strip() == _FIRESTORE_SAYS
    except (OSError, ValueError):
        return False


def _check_emulator(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise CommandError(f"{address!r} is not an address", "pass --emulator HOST:PORT")
    if not answers(address):
        raise CommandError(
            f"no emulator answers at {address}", "start it with `onto dev`, or correct --emulator"
        )


def _is_at(one: Running, address: str) -> bool:
    found = one.emulators.get("firestore", "")
    return _normal(found) == _normal(address)


def _normal(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return (_LOCAL if host in _LOCALS else host, port)
