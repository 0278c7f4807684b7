"""Two apps in one database share `onto_ledger`, and each look-up finds the records of both."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding, Place
from onto_fn.doctor.places import is_app, shown
from onto_fn.doctor.project import Project

NAME = "shared-ledger"
_SKIPPED = {"venv", ".venv", "node_modules", "__pycache__", "tests", "site-packages"}


def _run(project: Project) -> Iterator[Finding]:
    apps = [place for place in _apps(project) if place[1] == project.app.options.database]
    for place, database in apps[1:]:
        yield Finding(
            NAME,
            "error",
            place,
            f"this App and the one in {apps[0][0]} listen to the same database, {database}: their "
            "records are in one onto_ledger, each look-up reads those of both, and views of one "
            "name overwrite each other's",
            "declare one App with all views, or give this one a database of its own (database=…)",
        )


def _apps(project: Project) -> list[tuple[Place, str]]:
    """Every place that makes an App, with the database, in the order of the files."""
    sources: list[Path] = [project.main.parent]
    entries: Any = project.firebase.get("functions", [])
    listed = cast("list[Any]", entries if isinstance(entries, list) else [entries])
    for entry in listed:
        source = cast("dict[str, Any]", entry).get("source") if isinstance(entry, dict) else None
        if isinstance(source, str):
            sources.append(project.folder / source)
    found: dict[Path, list[tuple[Place, str]]] = {}
    for source in sources:
        for file in _python_files(source):
            found.setdefault(file.resolve(), list(_in_file(file, project.folder)))
    return [place for places in found.values() for place in places]


def _python_files(source: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(source):
        folders[:] = sorted(set(folders) - _SKIPPED)
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))


def _in_file(file: Path, folder: Path) -> Iterator[tuple[Place, str]]:
    try:
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text) if "onto_fn" in text and "App(" in text else None
    except (OSError, SyntaxError, UnicodeDecodeError):
        return
    for node in ast.walk(tree) if tree is not None else ():
        if is_app(node) and isinstance(node, ast.Call):
            databases = [k.value for k in node.keywords if k.arg == "database"]
            value = databases[0] if databases else None
            named = value.value if isinstance(value, ast.Constant) else None
            yield Place(shown(file, folder), node.lineno), str(named or "(default)")


CHECK = Check(NAME, "every `App(…)` in the sources that `firebase.json` names", _run)
