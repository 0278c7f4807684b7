"""A definition's fingerprint changes with the code that its builds run, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onto_fn.views.definition import fingerprint

APP = """\
from onto_fn import DomainModel, Store, ViewModel, query, root

class Named:
    @property
    def name(self) -> str:
        return self.store.animal.name

class Animal(DomainModel, collection="animals"):
    name: str

class Dog(Animal):
    barks: bool = True

class Puppy(Dog):
    age: int = 0

class Keeper(DomainModel, collection="keepers"):
    animal: str = ""

class AnimalStore(Store):
    animal = root(Animal)
    keepers = query(Keeper).where("animal", "==", lambda store: store.animal.doc_id)

class AnimalView(Named, ViewModel[AnimalStore], path="animalViews/{animal}"):
    pass

class Unrelated:
    number = 1

print(AnimalView.definition().fingerprint)
"""

CHANGES = {
    "base of the view": ("return self.store.animal.name", "return self.store.animal.name.title()"),
    "model": ("name: str\n", "name: str = ''\n"),
    "subclass": ("barks: bool = True", "barks: bool = False"),
    "subclass of that": ("age: int = 0", "age: int = 1"),
    "queried model": ('animal: str = ""', 'animal: str = "a"'),
    "store": ("animal = root(Animal)", "animal = root(Animal)  # changed"),
    "other code": ("number = 1", "number = 2"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, the same under another name, and the app with each of the changes."""
    folder = tmp_path_factory.mktemp("apps")
    (folder / "app.py").write_text(APP)
    (folder / "zoo.py").write_text(APP)
    for number, (old, new) in enumerate(CHANGES.values()):
        assert old in APP
        (folder / f"changed{number}.py").write_text(APP.replace(old, new))
    return folder


def fingerprints(folder: Path, seed: int) -> dict[str, str]:
    """The fingerprint of each app's view, as a new process has it."""
    names = sorted(path.stem for path in folder.glob("*.py"))
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = ['.']; import {', '.join(names)}"],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(names, done.stdout.split(), strict=True))


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, str]:
    return fingerprints(folder, seed=1)


def test_every_process_that_has_the_code_has_the_same(folder: Path, found: dict[str, str]) -> None:
    assert fingerprints(folder, seed=2) == found
    assert found["zoo"] == found["app"]


@pytest.mark.parametrize("change", CHANGES)
def test_it_changes_with_the_code_that_a_build_runs_and_with_no_other(
    change: str, found: dict[str, str]
) -> None:
    changed = found[f"changed{list(CHANGES).index(change)}"]

    assert (changed != found["app"]) == (change != "other code")


def test_a_version_says_that_other_code_has_changed() -> None:
    assert fingerprint({Path}, "1") != fingerprint({Path}, "2")
