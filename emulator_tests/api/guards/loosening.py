"""Loosens one line of one function while a block runs."""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Guard:
    """One decision that denies.

    Attributes:
        place: module and function, such as `gate.reading:Views.get`.
        old: the text of the function that denies.
        new: the text by which it does not.
        attack: the name of the attack that then gets through.
    """

    place: str
    old: str
    new: str
    attack: str

    @property
    def name(self) -> str:
        return f"{self.place}: {' '.join(self.old.split())[:60]}"


@contextmanager
def loosened(guard: Guard) -> Generator[None]:
    """The function has the changed code; its callers, and who imported it, need not know."""
    name, _, path = guard.place.partition(":")
    module = importlib.import_module(f"onto_fn.{name}")
    function = _function(module, path)
    source = Path(inspect.getfile(module)).read_text()
    lines, start = inspect.getsourcelines(function)
    text = "".join(lines)
    assert text.count(guard.old) == 1, f"{guard.name}: {text.count(guard.old)} of {guard.old!r}"
    changed = text.replace(guard.old, guard.new)
    before, after = source.splitlines(True)[: start - 1], source.splitlines(True)[start - 1 :]
    whole = "".join(before) + changed + "".join(after[len(lines) :])
    code = _code(compile(whole, inspect.getfile(module), "exec"), path)
    kept = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = kept


def _function(module: Any, path: str) -> Any:
    found = module
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, functools.cached_property):
        found = found.func
    return inspect.unwrap(found)


def _code(code: types.CodeType, path: str) -> types.CodeType:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if constant.co_qualname == path:
                return constant
            if path.startswith(f"{constant.co_qualname}."):
                return _code(constant, path)
    raise LookupError(path)
