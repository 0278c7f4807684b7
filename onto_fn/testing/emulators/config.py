"""Make the configuration for firebase-tools: the project's own, on free ports."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from onto_fn.firebase_json import read_firebase_json

__all__ = [
    "HOST",
    "configured_ports",
    "emulator_config",
    "free_ports",
    "function_folders",
    "is_free",
    "read_config",
    "wants_ui",
]

HOST = "127.0.0.1"
UI = "ui"

# Ports below those of outgoing connections. Otherwise such a connection could take a free port.
_PORTS = range(20000, 32000)

# Emulators that firebase-tools starts in addition, and that need a port as well.
_COMPANIONS = ("hub", "logging", "eventarc", "tasks")

# JSON has no narrower type than this.
Json = dict[str, Any]


def read_config(project_dir: Path) -> Json:
    """Read the project's `firebase.json`, empty if there is none; see `firebase_json`."""
    return read_firebase_json(project_dir)


def configured_ports(config: Json) -> dict[str, int]:
    """The ports of emulators in `firebase.json`; that of the UI only if it is enabled."""
    found: object = config.get("emulators")
    emulators = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    ports: dict[str, int] = {}
    for name, settings in emulators.items():
        if isinstance(settings, dict) and (name != UI or wants_ui(config)):
            port = cast("dict[str, object]", settings).get("port")
            if isinstance(port, int):
                ports[name] = port
    return ports


def function_folders(config: Json) -> list[str]:
    """The folders of functions that `firebase.json` names, one per codebase."""
    found: object = config.get("functions")
    codebases = cast("list[object]", found if isinstance(found, list) else [found])
    return [
        str(cast(Json, codebase).get("source", "functions"))
        for codebase in codebases
        if isinstance(codebase, dict)
    ]


def wants_ui(config: Json) -> bool:
    """Whether `firebase.json` enables the Emulator UI with `"ui": {"enabled": true}`."""
    emulators: object = config.get("emulators")
    settings: object = cast(Json, emulators).get("ui") if isinstance(emulators, dict) else None
    return isinstance(settings, dict) and cast(Json, settings).get("enabled") is True


def emulator_config(
    config: Json, only: Iterable[str], ports: Mapping[str, int], *, ui: bool = False
) -> Json:
    """A configuration that starts the emulators `only`.

    Args:
        config: The project's `firebase.json`; its paths stay unchanged.
        only: Names of emulators in firebase-tools.
        ports: Ports of emulators; the others get free ports.
        ui: Whether the Emulator UI is started too.
    """
    names = [*only, *_COMPANIONS, *([UI] if ui else [])]
    chosen = dict(zip([*names, "websocket"], free_ports(len(names) + 1), strict=True)) | dict(ports)
    emulators: Json = {name: {"host": HOST, "port": chosen[name]} for name in names}
    if "firestore" in emulators:
        emulators["firestore"]["websocketPort"] = chosen["websocket"]
    emulators[UI] = {"enabled": True, **emulators[UI]} if ui else {"enabled": False}
    # Each test may use its own project id.
    emulators["singleProjectMode"] = False
    services = {
        name: config[name] for name in ("firestore", "functions", "storage") if name in config
    }
    return {**services, "emulators": emulators}


def free_ports(count: int) -> list[int]:
    """Find different ports on which nothing listens."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports from {_PORTS.start} to {_PORTS.stop - 1}")


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        # Without this option, the port of a stopped emulator would seem taken for a minute.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
