"""The emulators in the foreground: as `firebase.json` has them, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onto_fn.testing.config import configured_ports, read_config
from onto_fn.testing.suite import EmulatorSuite

__all__ = ["DEFAULT_PROJECT", "addresses", "configured_suite"]

DEFAULT_PROJECT = "demo-onto-fn"

_EMULATORS = ("firestore", "functions", "pubsub", "auth", "storage")
_DEFAULT = ("firestore", "functions")


def configured_suite(
    folder: Path, *, only: Sequence[str] = (), project_id: str = DEFAULT_PROJECT
) -> EmulatorSuite:
    """The emulators that have a port in the folder's `firebase.json`, on those ports.

    Args:
        folder: The folder of `firebase.json`.
        only: Emulators to start instead.
        project_id: Begins with "demo-".
    """
    ports = configured_ports(read_config(folder))
    names = tuple(only) or tuple(name for name in _EMULATORS if name in ports) or _DEFAULT
    return EmulatorSuite(folder, only=names, project_id=project_id, ports=ports)


def addresses(suite: EmulatorSuite) -> list[str]:
    """Where the emulators are, and how clients find them: lines of text."""
    return [
        *(f"{name:<10} http://{suite.host(name)}" for name in suite.only),
        f"{'log':<10} {suite.log_path}",
        "",
        "Clients find them with:",
        *(f"  export {name}={value}" for name, value in suite.environ().items()),
        "",
        "Ctrl-C stops them.",
    ]
