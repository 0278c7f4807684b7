"""Files import each other one way, types included: no two of the library form a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import onto_fn

ROOT = Path(onto_fn.__file__).parent
FILES = [file for file in ROOT.rglob("*.py") if "template" not in file.parts]


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, modules: set[str]) -> set[str]:
    """The modules of the library that a file names, wherever it imports them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & modules - {name_of(file)}


def test_no_files_import_each_other_in_a_circle() -> None:
    modules = {name_of(file) for file in FILES}
    graph = {name_of(file): imports_of(file, modules) for file in FILES}

    assert len(graph) > 200
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
