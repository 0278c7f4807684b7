"""`python -m onto_fn.testing.topic_setup FILE`: make the topics of an app on the emulator.

Nobody else makes them there, and a message to a topic that does not exist is a dead letter. It is a
program of its own so that it runs in the Python of the functions, which has all that they import.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onto_fn.testing.process import EmulatorError

if TYPE_CHECKING:
    from onto_fn.functions import App

_NOT_CODE = {"venv", "node_modules", "__pycache__"}

__all__ = ["make_topics", "make_topics_of", "topics_of"]


def make_topics_of(source: Path, variables: Mapping[str, str], deadline: float) -> None:
    """Make the topics that the apps of a functions folder send to.

    Args:
        source: the folder of `main.py`.
        variables: what leads clients to the emulators.
        deadline: seconds that it may take.

    Raises:
        EmulatorError: they could not be made.
    """
    if not (source / "main.py").is_file() or not _names_topics(source):
        return
    own = source / "venv" / "bin" / "python"
    pythons = [str(own), sys.executable] if own.exists() else [sys.executable]
    # Compiled files would look like an edit to who watches the folder.
    environ = {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": "1"}
    problem = ""
    for python in pythons:  # the first may have an older version of this library
        command = [python, "-m", __name__, str(source / "main.py")]
        try:
            done = subprocess.run(
                command, env=environ, capture_output=True, text=True, timeout=deadline, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
            continue
        if done.returncode == 0:
            return
        problem = (done.stderr.strip().splitlines() or ["no error is known"])[-1]
    raise EmulatorError(f"the topics of {source} could not be made: {problem}")


def _names_topics(source: Path) -> bool:
    """Whether any code of a folder names a `TopicSink`; else nothing has to be started."""
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in _NOT_CODE and name[0] != "."]
        for name in files:
            if name.endswith(".py") and "TopicSink" in (Path(folder) / name).read_text(
                "utf-8", "replace"
            ):
                return True
    return False


def topics_of(app: App, project: str) -> list[str]:
    """The full names of the topics that an app's `TopicSink`s send to, each once."""
    from onto_fn.mediators import TopicSink

    sinks = [sink for mediator in app.mediators for sink in mediator.sends]
    names = {
        sink.topic if "/" in sink.topic else f"projects/{project}/topics/{sink.topic}"
        for sink in sinks
        if isinstance(sink, TopicSink)
    }
    return sorted(names)


def make_topics(apps: list[App], project: str) -> list[str]:
    """Make the topics of apps that do not exist yet, on the emulator that the environment names.

    Returns:
        Those that were made.

    Raises:
        EmulatorMissing: it names none.
    """
    names = sorted({name for app in apps for name in topics_of(app, project)})
    if not names:
        return []
    from google.api_core.exceptions import AlreadyExists

    from onto_fn.mediators.sinks import publisher_of

    publisher = publisher_of(project)
    made: list[str] = []
    for name in names:
        try:
            publisher.create_topic(name=name)
        except AlreadyExists:
            continue
        made.append(name)
    return made


def main(file: str) -> None:
    """Make the topics of the apps in a file."""
    from onto_fn.functions import App, app_of

    sys.path.insert(0, str(Path(file).resolve().parent))
    found: list[Any] = list(runpy.run_path(file).values())
    apps = [value if isinstance(value, App) else app_of(value) for value in found]
    make_topics([app for app in apps if app is not None], os.environ["GOOGLE_CLOUD_PROJECT"])


if __name__ == "__main__":
    main(sys.argv[1])
