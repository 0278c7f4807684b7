"""What the README claims."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLE = "\n".join(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[:1])


@pytest.fixture(scope="module")
def example() -> ModuleType:
    module = ModuleType("readme_example")
    exec(compile(EXAMPLE, "README.md", "exec"), module.__dict__)
    return module


def test_the_example_is_a_whole_deployment(example: ModuleType) -> None:
    functions = {
        name
        for name, member in inspect.getmembers(example, inspect.isfunction)
        if hasattr(member, "__firebase_endpoint__")
    }

    assert functions == {"on_teams_written", "on_users_written"}
    for name in functions:
        assert name in README


def test_the_example_has_about_thirty_lines() -> None:
    lines = [line for line in EXAMPLE.splitlines() if line.strip()]

    assert len(lines) <= 32


def test_the_example_builds_what_the_readme_says(example: ModuleType) -> None:
    store = example.TeamStore()
    store.put("team", example.Team(doc_id="t", name="Blue", members=["users/b", "users/a"]))
    store.put(
        "members",
        [example.User(doc_id="b", first_name="Bob"), example.User(doc_id="a", first_name="Ada")],
    )
    definition = example.TeamPage.definition()

    documents = definition.build(store, None)

    content = {"title": "Blue", "memberNames": ["Ada", "Bob"]}
    assert documents == {"users/b/TeamPage/t": content, "users/a/TeamPage/t": content}


def test_every_make_target_that_the_readme_names_exists() -> None:
    of_a_project = ROOT / "onto_fn" / "cli" / "template" / "Makefile"
    makefiles = (ROOT / "Makefile").read_text() + of_a_project.read_text()
    targets = set(re.findall(r"^([a-z]+):", makefiles, re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)) <= targets


def test_every_guarantee_is_in_the_table() -> None:
    assert re.findall(r"^\| (G\d) \|", README, re.MULTILINE) == [f"G{n}" for n in range(1, 9)]
