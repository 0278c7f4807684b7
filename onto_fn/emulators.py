"""Decides which services are emulators, so that an emulated process never reaches Google.

A process works on emulators as soon as it works on the Firestore emulator, or on a project whose
id begins with `demo-`. Then each service that it calls must be an emulator as well. A service
without one is refused, with the variable that is missing, before a client of it is made: a client
would look for credentials, and find those of a developer's machine.
"""

from __future__ import annotations

import os
from typing import Literal

from onto_fn.errors import EmulatorMissing

Service = Literal["firestore", "pubsub", "auth"]

VARIABLES: dict[Service, str] = {
    "firestore": "FIRESTORE_EMULATOR_HOST",
    "pubsub": "PUBSUB_EMULATOR_HOST",
    "auth": "FIREBASE_AUTH_EMULATOR_HOST",
}
"""By which Google's and Firebase's clients are sent to emulators."""
_NAMES: dict[Service, str] = {
    "firestore": "Firestore",
    "pubsub": "Pub/Sub",
    "auth": "Firebase Authentication",
}
# What an emulator does beside a real database.
_HARM: dict[Service, str] = {
    "pubsub": "messages of a real database would be lost in an emulator",
    "auth": "an emulator takes ID tokens that nobody has signed, so anybody could have real data",
}
DEMO = "demo-"
"""What the ids of projects begin with that exist in emulators only."""
_PROJECTS = ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GCP_PROJECT")


def named_project() -> str | None:
    """The project that the environment names, None if it names none."""
    return next((os.environ[name] for name in _PROJECTS if os.environ.get(name)), None)


def is_emulated(project: str | None = None) -> bool:
    """Whether this process works on emulators.

    Args:
        project: id of the project in question; else the environment's.
    """
    if os.environ.get(VARIABLES["firestore"]):
        return True
    return (project or named_project() or "").startswith(DEMO)


def emulator_of(service: Service, project: str | None = None) -> str | None:
    """Where to reach a service: the address of its emulator, or None for Google's own.

    Args:
        service: the service.
        project: id of the project in question; else the environment's.

    Raises:
        EmulatorMissing: the project is emulated and the service is not, or the other way round.
            So an unsigned token of the Auth emulator never opens a real database.
    """
    variable = VARIABLES[service]
    address = os.environ.get(variable) or None
    emulated = is_emulated(project)
    if emulated and address is None:
        raise EmulatorMissing(
            f"{variable} is not set: {_because(project)}, but {_NAMES[service]} would be Google's. "
            f"Start its emulator and set {variable}=HOST:PORT (`onto dev` prints all variables)"
        )
    harm = _HARM.get(service)
    if harm is not None and address is not None and not emulated:
        raise EmulatorMissing(
            f"{VARIABLES['firestore']} is not set, but {variable} is: {harm}. Set both, or unset "
            f"{variable}"
        )
    return address


def _because(project: str | None) -> str:
    address = os.environ.get(VARIABLES["firestore"])
    if address:
        return f"Firestore is the emulator at {address}"
    return f"the project {project or named_project()} exists only in emulators"
