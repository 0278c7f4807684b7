"""Start the Firestore emulator so that queries without an index are refused."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

_MODULE = "onto_fn.testing.strict_indexes"


def checked(command: Sequence[str], project_dir: Path, log: Path) -> list[str]:
    """A command that starts the Firestore emulator, with the check of queries in front of it.

    Args:
        command: starts the emulator with `--port`.
        project_dir: the folder of `firebase.json`, which names the index file.
        log: the file to which the refusals are appended.
    """
    options = [f"--project-dir={project_dir}", f"--log={log}"]
    return [sys.executable, "-I", "-m", _MODULE, *options, "--", *command]


def write_java(java: Path, folder: Path, project_dir: Path, log: Path) -> Path:
    """Write a program `java` that starts the Firestore emulator with the check in front of it.

    firebase-tools starts the emulator by the name of Java.

    Args:
        java: the Java program, which runs everything else.
        folder: the folder for the program.
        project_dir: the folder of `firebase.json`.
        log: the file to which the refusals are appended.

    Returns:
        The folder, for `PATH`.
    """
    program = folder / "java"
    folder.mkdir(parents=True, exist_ok=True)
    program.write_text(
        f"""#!/bin/sh
case "$*" in
  *firestore*--port*) exec {shlex.join(checked([str(java)], project_dir, log))} "$@" ;;
  *) exec {shlex.quote(str(java))} "$@" ;;
esac
"""
    )
    program.chmod(0o755)
    return folder
