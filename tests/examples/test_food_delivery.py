"""The example `examples/food_delivery`: its tests without emulators, and what its files say."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from onto_fn import DomainModel
from onto_fn.cli.values import document_of
from onto_fn.firestore import Document
from onto_fn.testing.emulators.toolchain import find_node
from scripts.lock import wheel_name

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "food_delivery"
WEB = ROOT / "web"


def run(*command: object, cwd: Path = EXAMPLE) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)


def models() -> ModuleType:
    name = "food_delivery_models"
    spec = importlib.util.spec_from_file_location(name, EXAMPLE / "functions" / "models.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where pydantic looks types up
    spec.loader.exec_module(module)
    return module


def test_its_tests_without_emulators_pass() -> None:
    tests = ["tests/test_views.py", "tests/test_requests.py"]

    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d{2} passed", done.stdout, re.MULTILINE)


def test_each_document_of_its_seed_fits_its_model() -> None:
    classes = [
        value
        for value in vars(models()).values()
        if isinstance(value, type) and issubclass(value, DomainModel) and value.is_stored()
    ]
    seed = json.loads((EXAMPLE / "seed.json").read_text())

    for path, fields in seed.items():
        [model] = [model for model in classes if model.owns(path)]
        model.from_document(Document(path, document_of(fields, str, path), None))
    assert {path.rsplit("/", 2)[-2] for path in seed} >= {"restaurants", "orders", "reviews"}


def test_the_graph_of_its_readme_is_that_of_the_app() -> None:
    done = run(Path(sys.executable).parent / "onto", "graph")

    assert done.returncode == 0, done.stderr
    assert f"```mermaid\n{done.stdout.strip()}\n```" in (EXAMPLE / "README.md").read_text()


def test_its_generated_files_are_fresh_and_named_by_their_folder() -> None:
    words = ["generate", "rules", "indexes", "types", "--types-file", "web/views.ts", "--check"]

    done = run(Path(sys.executable).parent / "onto", *words)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "firestore.rules: up to date",
        "firestore.indexes.json: up to date",
        "web/views.ts: up to date",
    ]


def test_its_readme_names_all_views_forms_and_patches() -> None:
    readme = (EXAMPLE / "README.md").read_text()
    app = (EXAMPLE / "functions" / "main.py").read_text()

    declared = app.partition("app = App(\n    [\n")[2].partition("\n    ],")[0]
    names = re.findall(r"^ +(?:\w+\()?(\w+)", declared, re.MULTILINE)
    assert len(names) == 16
    names.remove("OrderStatuses")  # the mediator
    assert [name for name in names if f"| `{name}` |" not in readme] == []


def test_the_strict_compiler_accepts_its_types(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "web" / "views.ts", tmp_path)
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    options = ["--strict", "--noEmit", "--noUnusedLocals", "--skipLibCheck", "--types", ""]
    options += ["--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022"]

    done = run(find_node(ROOT), WEB / "node_modules/.bin/tsc", *options, "views.ts", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_its_requirements_name_the_wheel_of_this_version(name: str) -> None:
    lines = (EXAMPLE / "functions" / name).read_text().splitlines()

    assert [line for line in lines if line.startswith(f"./vendor/{wheel_name()}")]
