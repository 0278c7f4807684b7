"""A definition's fingerprint changes with the code that its builds run, and with nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onto_fn import EmbeddedModel
from onto_fn.views.definition import fingerprint
from onto_fn.views.sources import source_of

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


SHAPES = """\
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, NamedTuple, NewType

from pydantic import AfterValidator, BaseModel
from typing_extensions import TypedDict

from onto_fn import EmbeddedModel

from .more import *

class Colour(enum.StrEnum):
    RED = "red"

class Deep(BaseModel):
    depth: int

class Base(EmbeddedModel):
    base: int = 0

class Address(Base):
    colour: Colour = Colour.RED
    deep: dict[str, Deep] = {}
    far: list[Far] = []

@dataclass
class Size:
    width: int = 0

class Options(TypedDict, total=False):
    option: int

class Pair(NamedTuple):
    left: int = 0

Number = NewType("Number", int)
Many = list[Size]

def check(value: int) -> int:
    return limited(value)

def limited(value: int) -> int:
    return min(value, LIMIT)

LIMIT = 9
Checked = Annotated[int, AfterValidator(check)]

class Renamed(BaseModel):
    renamed: int = 0

class Quoted(BaseModel):
    quoted: int = 0

class Unused(BaseModel):
    unused: int = 0

def unused() -> int:
    return LIMIT
"""

MORE = """\
from pydantic import BaseModel

class Far(BaseModel):
    far: int = 0

def helper(name):
    return title(name)

def title(name):
    return name.title()

class Nearby:
    near = 0

class Rules:
    limit = None

Rules.limit = 5
TABLE = {}
TABLE.update(a=1)
tidied = 1
"""

NESTED = """\
from __future__ import annotations

from onto_fn import DomainModel, Ref, Store, ViewModel, root

from . import more, shapes
try:
    from .more import tidied
except ImportError:
    tidied = 0
from .shapes import Address, Checked, Many, Number, Options, Pair
from .shapes import Renamed as Other

class Owner(DomainModel, collection="owners"):
    owner: str = ""

class Animal(DomainModel, collection="animals"):
    name: str = ""
    address: Address | None = None
    sizes: Many = []
    options: Options = {}
    pair: Pair = Pair()
    number: Number = 0
    checked: Checked = 0
    other: list[Other] = []
    quoted: "shapes.Quoted | None" = None
    owner: Ref[Owner] | None = None

class AnimalStore(Store):
    animal = root(Animal)

class AnimalView(ViewModel[AnimalStore], path="animalViews/{animal}"):
    @property
    def name(self) -> str:
        from .later import trimmed
        rest = more.Rules.limit, more.TABLE, tidied
        return trimmed(more.helper(self.store.animal.name))

print(AnimalView.definition().fingerprint)
"""

LATER = """\
def trimmed(name):
    return name.strip()
"""

SOURCES = {"app": NESTED, "shapes": SHAPES, "more": MORE, "later": LATER}

NESTED_CHANGES = {
    "what is imported within a function": ("later", "name.strip()", "name.strip('.')"),
    "what is imported if that is possible": ("more", "tidied = 1", "tidied = 2"),
    "an attribute that is set afterwards": ("more", "Rules.limit = 5", "Rules.limit = 6"),
    "an item that is added afterwards": ("more", "TABLE.update(a=1)", "TABLE.update(a=2)"),
    "an Enum": ("shapes", 'RED = "red"', 'RED = "rouge"'),
    "a model in a model in a dict": ("shapes", "depth: int", "depth: float"),
    "the base of an embedded model": ("shapes", "base: int", "base: float"),
    "a model that is imported by a star": ("more", "far: int", "far: float"),
    "a dataclass behind an alias": ("shapes", "width: int", "width: float"),
    "a TypedDict": ("shapes", "option: int", "option: float"),
    "a NamedTuple": ("shapes", "left: int", "left: float"),
    "a NewType": ("shapes", '"Number", int', '"Number", float'),
    "a validator": ("shapes", "return limited(value)", "return -limited(value)"),
    "what a validator calls": ("shapes", "min(value, LIMIT)", "max(value, LIMIT)"),
    "a constant": ("shapes", "LIMIT = 9", "LIMIT = 10"),
    "a model imported by another name": ("shapes", "renamed: int", "renamed: float"),
    "a model in a text": ("shapes", "quoted: int", "quoted: float"),
    "a helper in another module": ("more", "return title(name)", "return title(name)[0]"),
    "what a helper calls": ("more", "return name.title()", "return name.upper()"),
    "an alias": ("shapes", "Many = list[Size]", "Many = tuple[Size, ...]"),
}
UNRELATED = {
    "a model that is only referred to": ("app", 'owner: str = ""', 'owner: str = "x"'),
    "a model that nothing names": ("shapes", "unused: int", "unused: float"),
    "a function that nothing names": ("shapes", "    return LIMIT", "    return -LIMIT"),
    "a class beside a helper": ("more", "near = 0", "near = 1"),
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
    add_package(folder, "nested", SOURCES)
    for number, (file, old, new) in enumerate({**NESTED_CHANGES, **UNRELATED}.values()):
        sources = dict(SOURCES)
        assert sources[file].count(old) == 1
        sources[file] = sources[file].replace(old, new)
        add_package(folder, f"nested{number}", sources)
    return folder


def add_package(folder: Path, name: str, sources: dict[str, str]) -> None:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("from . import app\n")
    for file, source in sources.items():
        (folder / name / f"{file}.py").write_text(source)


def fingerprints(folder: Path, seed: int) -> dict[str, str]:
    """The fingerprint of each app's view, as a new process has it."""
    names = sorted(p.stem for p in folder.iterdir() if p.name != "__pycache__")
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


@pytest.mark.parametrize("change", [*NESTED_CHANGES, *UNRELATED])
def test_it_changes_with_all_that_is_named_in_the_apps_own_code(
    change: str, found: dict[str, str]
) -> None:
    changed = found[f"nested{list({**NESTED_CHANGES, **UNRELATED}).index(change)}"]

    assert (changed != found["nested"]) == (change in NESTED_CHANGES)


def test_a_class_in_a_function_counts_with_the_types_of_its_fields() -> None:
    def views(kind: type) -> set[type]:
        class Part(EmbeddedModel):
            value: kind  # type: ignore[valid-type]

        class Whole(EmbeddedModel):
            parts: list[Part]

        return {Whole}

    def others() -> set[type]:
        class Part(EmbeddedModel):
            value: str

        class Whole(EmbeddedModel):
            parts: list[Part]

        return {Whole}

    assert fingerprint(views(int)) == fingerprint(views(int))
    assert fingerprint(views(int)) != fingerprint(others())


def test_a_library_does_not_count() -> None:
    class Whole(EmbeddedModel):
        path: Path

    assert {name for name, _ in source_of([Whole])} == {Whole.__qualname__}


def test_a_version_says_that_other_code_has_changed() -> None:
    assert fingerprint({Path}, "1") != fingerprint({Path}, "2")
