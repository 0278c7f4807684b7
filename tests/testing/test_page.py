"""The unit tests that docs/testing.md shows pass."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from onto_fn.testing.clock import FrozenTime

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"


def shown() -> dict[str, Callable[..., None]]:
    """The tests of the page that need no emulators."""
    module = ModuleType("testing_page")
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, PAGE.name, "exec", dont_inherit=True), module.__dict__)
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    return {
        name: test
        for name, test in tests.items()
        if set(inspect.signature(test).parameters) <= {"frozen_time"}
    }


@pytest.mark.parametrize("name", shown())
def test_a_unit_test_of_the_page_passes(name: str, frozen_time: FrozenTime) -> None:
    test = shown()[name]

    test(**dict.fromkeys(inspect.signature(test).parameters, frozen_time))


def test_the_page_has_every_fixture_of_the_plugin() -> None:
    plugin = PAGE.parent.parent / "onto_fn" / "testing" / "plugin.py"
    names = re.findall(r"@pytest\.fixture.*\ndef ([a-z]\w*)\(", plugin.read_text())

    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [name for name in names if not any(f"`{name}`" in row for row in rows)] == []
