"""Files of the engine and the stores import each other one way, types included."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import onto_fn

ROOT = Path(onto_fn.__file__).parent


def imports_of(file: Path, package: str) -> set[str]:
    """The modules of one package that a file names, wherever it imports them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        if node.module == package:  # `from onto_fn.engine import direct`, or a name of the package
            names = {alias.name for alias in node.names}
            found |= {name for name in names if (file.parent / f"{name}.py").exists()}
        elif node.module.startswith(f"{package}."):
            found.add(node.module.removeprefix(f"{package}."))
    return found


@pytest.mark.parametrize("name", ["engine", "store"])
def test_no_two_files_of_a_package_import_each_other_in_a_circle(name: str) -> None:
    files = [file for file in (ROOT / name).glob("*.py") if file.stem != "__init__"]
    graph = {file.stem: imports_of(file, f"onto_fn.{name}") for file in files}

    assert len(graph) > 10
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
