"""What the pages in docs/ show runs."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from scripts import public_names_page
from scripts.types_page import table

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def run(page: Path) -> ModuleType:
    module = ModuleType(page.stem.replace("-", "_"))
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        exec(compile(block, page.name, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(page: Path) -> None:
    run(page)


def test_an_app_that_sends_has_the_function_that_the_page_names() -> None:
    page = DOCS / "outgoing-messages.md"

    assert hasattr(run(page), "on_onto_outbox_written")
    assert "`on_onto_outbox_written`" in page.read_text()


def test_the_page_of_public_names_is_that_of_the_code() -> None:
    assert (DOCS / "public-names.md").read_text() == public_names_page.page(), "run `make docs`"


def test_each_module_that_a_page_imports_is_public() -> None:
    pages = [*PAGES, DOCS.parent / "README.md"]
    imported = {
        name
        for page in pages
        for name in re.findall(r"^(?:from|import) (onto_fn[\w.]*)", page.read_text(), re.MULTILINE)
    }

    assert imported <= set(public_names_page.MODULES)


def test_what_users_read_imports_public_names_only() -> None:
    files = [DOCS.parent / "README.md", *PAGES]
    for folder in ("functions/meeting_room", "functions", "onto_fn/cli/template/functions"):
        files += (DOCS.parent / folder).glob("*.py")
    pattern = r"^from (onto_fn[\w.]*) import (\([^)]*\)|[^(\n#]*)"
    for file in files:
        for module, names in re.findall(pattern, file.read_text(), re.MULTILINE):
            public = import_module(module).__all__
            assert {n for n in re.findall(r"\w+", names) if n not in public} == set(), file


def test_the_table_of_types_is_that_of_the_code() -> None:
    page = (DOCS / "types.md").read_text()

    assert table() in page, "run `make docs`"
