"""Refresh a project after an edit of its functions: `python -m onto_fn.cli.refreshing FILE FOLDER`.

`onto dev` starts this program in the background. It is a separate program because it has to import
the edited code from scratch. It reports what it does as lines of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onto_fn.engine.targets.target import Target
    from onto_fn.firestore import Database
    from onto_fn.functions import App

Tell = Callable[[dict[str, Any]], None]
BUILD = "--build"
REPAIR = "--repair"
_SETTLE_SECONDS = 1.0  # an event may still be on its way


class Refreshing:
    """Runs the program after each edit, and ends the run of an earlier edit.

    Args:
        file: the file of the app.
        folder: the folder that contains `firebase.json`.
        variables: the environment variables that lead clients to the emulators.
        tell: receives each line of the program, in a separate thread.
    """

    def __init__(self, file: Path, folder: Path, variables: dict[str, str], tell: Tell) -> None:
        self._command = [sys.executable, "-m", __name__, str(file), str(folder)]
        # The emulator watches the folder and would take compiled files for an edit.
        self._environ = {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": "1"}
        self._tell = tell
        self._lock = Lock()
        self._process: subprocess.Popen[str] | None = None
        self._missed = False

    def failed(self) -> None:
        """Note that the functions cannot be loaded: events are lost until they can."""
        with self._lock:
            self._missed = True

    def start(self, *, build: bool) -> None:
        """Start the program in the background.

        If the functions could not be loaded for some time, the program also compares documents
        with their sources. It does so after every edit until one run has completed the comparison.

        Args:
            build: whether to rebuild documents too.
        """
        self.stop()
        with self._lock:
            missed = self._missed
        process = subprocess.Popen(
            [*self._command, *([BUILD] if build else []), *([REPAIR] if missed else [])],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # messages for people are on standard output
            text=True,
            start_new_session=True,  # Ctrl-C in a terminal is for `onto dev` to handle
        )
        with self._lock:
            self._process = process
        Thread(target=self._read, args=(process,), daemon=True).start()

    def stop(self) -> None:
        """End the running program. Documents that it has rebuilt stay; the next run continues."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                try:
                    record: Any = json.loads(line)
                except ValueError:  # the app prints as it is imported
                    continue
                if isinstance(record, dict):
                    with self._lock:
                        if "made_good" in record and self._process is process:
                            self._missed = False
                    self._tell(record)  # pyright: ignore[reportUnknownArgumentType]


def main(arguments: list[str]) -> None:
    """Write an app's rules, indexes and topics; on request, rebuild stale or wrong documents."""
    from onto_fn.cli.apps import load_app
    from onto_fn.cli.errors import CommandError, one_line

    file, folder, *options = arguments
    steps: dict[str, Callable[[App], None]] = {
        "topics are not created": make_topics,
        "rules and indexes are not written": lambda app: write_files(app, Path(folder)),
    }
    if BUILD in options:
        steps["views are not rebuilt"] = rebuild
    if REPAIR in options:
        steps["missed changes are not repaired"] = repair
    try:
        app = load_app(file)
    except CommandError as error:
        _print({"problem": f"{', '.join(steps)}: {error}"})
        return
    if app.api is not None:
        rest, streams = app.api.rest, app.api.streams
        has_streams = streams is not None and streams.own_function
        _print({"api": rest.path, "streams": has_streams, "docs": rest.docs})
    for failed, step in steps.items():
        try:
            step(app)
        except Exception as error:  # the other steps are useful whatever fails here
            _print({"problem": f"{failed}: {one_line(error)}"})


def make_topics(app: App) -> None:
    """Create the topics that the app publishes to, if a Pub/Sub emulator runs."""
    from onto_fn.emulators import VARIABLES, named_project
    from onto_fn.functions.topics import topics_of
    from onto_fn.testing.topics import create_topics

    project, host = named_project(), os.environ.get(VARIABLES["pubsub"])
    if project is None or not host:
        return
    for name in create_topics(host, project, topics_of(app)):
        _print({"topic": name})


def write_files(app: App, folder: Path) -> None:
    """Write the rules and indexes of the app into the files that `firebase.json` names."""
    from onto_fn.firebase_json import read_firebase_json
    from onto_fn.generate import generated_files

    if "firestore" not in read_firebase_json(folder):
        return
    for file in generated_files(app, folder):
        if not file.is_stale:
            continue
        try:
            file.write()
        except OSError as error:
            _print({"problem": f"{file.path} cannot be written: {error.strerror}"})
        else:
            _print({"file": file.path.name, "remarks": list(file.remarks)})


def rebuild(app: App) -> None:
    """Build all roots whose ledger record is missing or stale."""
    from onto_fn.emulators import named_project
    from onto_fn.engine.operate.backfill import Backfill, targets_of
    from onto_fn.firestore import Database

    project = named_project()
    assert project is not None
    database = Database(project, app.options.database)
    try:
        due = [target for target in targets_of(app.engine) if _is_due(app, database, target)]
        for target in due:
            begin = time.monotonic()
            work = Backfill(
                app.engine,
                database,
                [target],
                name=f"dev~{target.name}"[:1000],
                stale=True,
                workers=2,
                restart=True,
            )
            report = work.run()
            if not report.counts.committed and not report.counts.failed:
                continue
            _print(
                {
                    "rebuilt": target.name,
                    "committed": report.counts.committed,
                    "failed": report.counts.failed,
                    "seconds": round(time.monotonic() - begin, 1),
                    "errors": [f"{f.root}: {f.error}" for f in report.failures],
                }
            )
    finally:
        database.close()


def repair(app: App) -> None:
    """Compare all documents with their sources, and rebuild those that differ."""
    from onto_fn.emulators import named_project
    from onto_fn.engine.operate.backfill import targets_of
    from onto_fn.engine.operate.verify import Verification
    from onto_fn.firestore import Database

    project = named_project()
    assert project is not None
    database = Database(project, app.options.database)
    made_good: dict[str, int] = {}
    try:
        for target in targets_of(app.engine):
            work = Verification(
                app.engine, database, [target], repair=True, workers=2, settle=_SETTLE_SECONDS
            )
            repaired = work.run().repaired
            if repaired:
                made_good[target.name] = repaired
    finally:
        database.close()
    _print({"made_good": made_good})


def _is_due(app: App, database: Database, target: Target) -> bool:
    from onto_fn.engine.operate.status import status_of

    status = status_of(database, target, app.engine.retry)
    return bool(status.stale) or status.built < status.roots or not status.is_shown


def _print(record: dict[str, Any]) -> None:
    print(json.dumps(record, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
