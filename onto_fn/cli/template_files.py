"""Make the files of a new project from the template."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from string import Template

from onto_fn.cli.installation import Requirement


class _File(Template):
    """A file of the template. `@@name` is replaced; `$` has no special meaning."""

    delimiter = "@@"


def project_files(
    name: str, required: Requirement, firestore_port: int, functions_port: int
) -> dict[str, str]:
    """The text of each file of a new project, by its path in the project.

    Args:
        name: name of the project's folder.
        required: the requirement for onto-fn.
        firestore_port: port of the Firestore emulator.
        functions_port: port of the Functions emulator.
    """
    minor = sys.version_info.minor
    values = {
        "name": _project_name(name),
        "onto_fn": required.plain,
        "onto_fn_dev": required.with_tools,
        "python": f"python3.{minor}",
        "python_version": f"3.{minor}",
        "runtime": f"python3{minor}",
        "firestore_port": str(firestore_port),
        "functions_port": str(functions_port),
    }
    template = files("onto_fn.cli").joinpath("template")
    return {
        str(path): _File(source.read_text(encoding="utf-8")).substitute(values)
        for path, source in sorted(_below(template, PurePosixPath()))
    }


def _below(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        below = path / re.sub("^dot-", ".", entry.name)
        if not entry.is_dir():
            yield below, entry
        elif entry.name != "__pycache__":
            yield from _below(entry, below)


def _project_name(name: str) -> str:
    """A name that is valid for project ids and npm: lower-case letters, digits and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return words[:20].strip("-") or "app"
