"""Every example in a docstring runs, and every public name has a docstring."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import onto_fn
from scripts.public_names_page import MODULES as PUBLIC

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(onto_fn.__path__, "onto_fn.")
    if not module.name.endswith("__main__")
)


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [
        test
        for name in ["onto_fn", *MODULES]
        for test in finder.find(importlib.import_module(name))
        if test.examples
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_the_example_runs(example: doctest.DocTest) -> None:
    output: list[str] = []

    result = doctest.DocTestRunner().run(example, out=output.append)

    assert result.failed == 0, "".join(output)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    assert importlib.import_module(module).__doc__


NAMES = [(module, name) for module in PUBLIC for name in importlib.import_module(module).__all__]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_public_name_has_a_docstring(module: str, name: str) -> None:
    public = getattr(importlib.import_module(module), name)

    assert public.__module__.startswith("onto_fn.")
    assert inspect.getdoc(public)
    assert public.__doc__ not in {None, object.__doc__}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_public_method_has_a_docstring(module: str, name: str) -> None:
    public = getattr(importlib.import_module(module), name)
    members = vars(public).items() if inspect.isclass(public) else []

    silent = [
        member
        for member, value in members
        if not member.startswith("_")
        and isinstance(value, property | classmethod | staticmethod | type(lambda: 0))
        and not inspect.getdoc(value)
    ]
    assert silent == []
