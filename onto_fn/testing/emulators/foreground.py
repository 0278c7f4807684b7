"""Run the emulators of `firebase.json` in the foreground, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from onto_fn.testing.emulators.config import UI, configured_ports, read_config, wants_ui
from onto_fn.testing.emulators.suite import EmulatorSuite

__all__ = ["DEFAULT_PROJECT", "addresses", "configured_suite"]

DEFAULT_PROJECT = "demo-onto-fn"

_EMULATORS = ("firestore", "functions", "pubsub", "auth", "storage")
_DEFAULT = ("firestore", "functions")


def configured_suite(
    folder: Path,
    *,
    only: Sequence[str] = (),
    project_id: str = DEFAULT_PROJECT,
    ui: bool | None = None,
    import_from: Path | None = None,
    exports: bool = False,
    tell: Callable[[str], None] | None = None,
    strict_indexes: bool = False,
) -> EmulatorSuite:
    """The emulators that have a port in the folder's `firebase.json`, on these ports.

    By default, only emulators of Firestore, functions, Pub/Sub, Authentication and Storage start.

    Args:
        folder: The folder that contains `firebase.json`.
        only: Emulators to start instead.
        project_id: A project id that begins with "demo-".
        ui: Whether the Emulator UI is started too; by default, `firebase.json` decides.
        import_from: An export to import at the start; see `EmulatorSuite`.
        exports: Whether the data will be exported; see `EmulatorSuite`.
        tell: Called with the reason why a start waits; see `EmulatorSuite`.
        strict_indexes: Whether Firestore refuses what needs a missing index; see `EmulatorSuite`.
    """
    config = read_config(folder)
    ports = configured_ports(config)
    names = tuple(only) or tuple(name for name in _EMULATORS if name in ports) or _DEFAULT
    return EmulatorSuite(
        folder,
        only=names,
        project_id=project_id,
        ports=ports,
        ui=wants_ui(config) if ui is None else ui,
        import_from=import_from,
        exports=exports,
        tell=tell,
        strict_indexes=strict_indexes,
    )


def addresses(suite: EmulatorSuite) -> list[str]:
    """Lines of text with the emulators' addresses and the variables that clients need."""
    names = [*suite.only, *([UI] if suite.ui else [])]
    urls = suite.function_urls() if "functions" in suite.only else {}
    variables = " ".join(f"{name}={value}" for name, value in suite.environ().items())
    return [
        *(f"{name:<11} http://{suite.host(name)}" for name in names),
        *(f"{name:<11} {urls[name]}" for name in ("onto_api", "onto_stream") if name in urls),
        f"{'log':<11} {suite.log_path}",
        "",
        "In a second terminal, so that onto, tests and your own programs find them:",
        "",
        f"export {variables}",
        "",
        "Ctrl-C stops them.",
    ]
