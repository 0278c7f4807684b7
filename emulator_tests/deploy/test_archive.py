"""What a deploy uploads: the functions and the library, and nothing else."""

from __future__ import annotations

import io
import json
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

from emulator_tests.deploy.deployed import DEBRIS, ROOT, Workspace


@pytest.fixture(scope="module")
def wheel(archive: zipfile.ZipFile) -> zipfile.ZipFile:
    (name,) = (name for name in archive.namelist() if name.endswith(".whl"))
    return zipfile.ZipFile(io.BytesIO(archive.read(name)))


def test_archive_holds_the_functions_and_the_library_and_nothing_else(
    archive: zipfile.ZipFile,
) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    functions = ROOT / "functions"
    sources = [functions / "main.py", *(functions / "meeting_room").glob("*.py")]

    assert set(archive.namelist()) == {
        *(str(path.relative_to(functions)) for path in sources),
        "requirements.txt",
        f"vendor/onto_fn-{version}-py3-none-any.whl",
    }


@pytest.mark.parametrize("debris", DEBRIS)
def test_archive_holds_nothing_that_lies_about(archive: zipfile.ZipFile, debris: str) -> None:
    assert debris not in archive.namelist()


def test_library_in_the_archive_is_the_whole_package_and_no_more(wheel: zipfile.ZipFile) -> None:
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "onto_fn").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert packed == package


def test_requirements_of_the_archive_resolve_to_the_library_in_it(workspace: Workspace) -> None:
    (installed,) = workspace.venv.glob("lib/python3*/site-packages/onto_fn/__init__.py")

    assert not installed.is_symlink()
    assert installed.read_bytes() == (ROOT / "onto_fn" / "__init__.py").read_bytes()
    assert not list(installed.parent.parent.glob("*editable*"))


def test_requirements_name_no_registry_and_no_path_outside(archive: zipfile.ZipFile) -> None:
    lines = archive.read("requirements.txt").decode().splitlines()

    assert [line for line in lines if line.startswith("-") or "://" in line] == []
    assert [Path(line).parent for line in lines if line.startswith((".", "/"))] == [Path("vendor")]


def test_project_that_onto_init_makes_leaves_out_the_same() -> None:
    template = ROOT / "onto_fn" / "cli" / "template" / "firebase.json"

    def ignored(path: Path) -> set[str]:
        filled_in = re.sub(r": @@\w+", ": 0", path.read_text())
        return set(json.loads(filled_in)["functions"][0]["ignore"])

    assert ignored(template) >= ignored(ROOT / "firebase.json")
