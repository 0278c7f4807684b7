"""Which database a command works on: one rule for all commands.

| there is | it works on |
|---|---|
| `--emulator`, or `FIRESTORE_EMULATOR_HOST` | that emulator |
| `--live`, or `--project` of a real project | the real Firestore |
| else, an emulator of this folder that runs | that emulator |
| else | the real Firestore of the default project of `.firebaserc` |

On an emulator the project is that of the running `onto dev`, unless another one is named. What
would change a real database while an emulator of this folder runs has to say `--live`.
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
        pubsub: address of the Pub/Sub emulator that runs beside it, if one is known.
        auth: address of the Auth emulator that runs beside it, if one is known.
        remark: what a person should know of the choice, "" if it is plain.
    """

    project: str
    emulator: str | None = None
    pubsub: str | None = None
    auth: str | None = None
    remark: str = ""


def destination(
    *, project: str | None, emulator: str | None, live: bool, writes: bool
) -> Destination:
    """The database that a command works on, by the rule above.

    Args:
        project: that of `--project` or the environment.
        emulator: that of `--emulator` or the environment.
        live: whether `--live` is said.
        writes: whether the command changes what is there.

    Raises:
        CommandError: there is no project, no emulator, or two of the options exclude each other;
            or a real database would be changed while an emulator runs, without `--live`.
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
    """What is named, and the project of the `onto dev` whose emulator it is."""
    _check_emulator(emulator)
    owner = next((one for one in all_running() if _is_at(one, emulator)), None)
    running = owner.project if owner is not None else emulated_project(Path())
    remark = ""
    if owner is not None and project not in (None, running):
        remark = f"`onto dev` runs as {running}, and this looks in {project} of its emulator"
    others: Mapping[str, str] = owner.emulators if owner is not None else {}
    return _beside(others, Destination(project or running, emulator, remark=remark))


def _found(project: str | None, here: Running) -> Destination:
    address, chosen = here.emulators["firestore"], project or here.project
    default = project_of(Path(".firebaserc"))
    remark = ""
    # Somebody may have meant the real one.
    if project is None and default is not None and not default.startswith(DEMO):
        remark = (
            f"in the emulator at {address}, as {chosen}; --live is for {default} in the real "
            "Firestore"
        )
    return _beside(here.emulators, Destination(chosen, address, remark=remark))


def _beside(emulators: Mapping[str, str], place: Destination) -> Destination:
    return replace(place, pubsub=emulators.get("pubsub"), auth=emulators.get("auth"))


def _here() -> Running | None:
    """The `onto dev` of this folder, or else the emulator on the port of its `firebase.json`."""
    folder, others = str(Path().resolve()), all_running()
    for one in others:
        address = one.emulators.get("firestore")
        if one.folder == folder and address and answers(address):
            return one
    configured = configured_emulator("firestore")
    if configured is None or not _is_firestore(configured):
        return None
    if any(_is_at(one, configured) for one in others):
        return None  # it is another folder's
    return Running(folder, emulated_project(Path()), {"firestore": configured})


def _only_emulated(project: str) -> CommandError:
    configured = configured_emulator("firestore") or f"{_LOCAL}:8080"
    problem = f"the project {project} exists only in an emulator"
    for one in all_running():
        if _is_at(one, configured):
            problem += f", and the one at {configured} is that of {one.folder}"
    return CommandError(problem, f"start one with `onto dev`, and pass --emulator {configured}")


def emulated_project(folder: Path) -> str:
    """The project that `onto dev` runs a folder's emulators as: that of `.firebaserc`, made demo.

    Raises:
        CommandError: `.firebaserc` is not JSON.
    """
    chosen = project_of(folder / ".firebaserc") or DEFAULT_PROJECT
    return chosen if chosen.startswith(DEMO) else f"{DEMO}{chosen}"


def default_project() -> str:
    """The default project of `.firebaserc`, as the Firebase command line has it.

    Raises:
        CommandError: there is none.
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


def answers(address: str) -> bool:
    """Whether something listens at an address."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _EMULATOR_SECONDS).close()
    except (OSError, OverflowError, ValueError):
        return False
    return True


def _is_firestore(address: str) -> bool:
    """Whether it is a Firestore emulator that listens there: many programs like port 8080."""
    import urllib.request  # here, as `onto --help` needs none of it

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
