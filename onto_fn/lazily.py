"""Faces of packages whose names are loaded when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def names_from(face: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a module that gives names of other modules.

    A program pays for the modules that it needs, and those modules may import the face's package.

    Args:
        face: name of the module that gives them.
        places: the module of each name.
    """

    def __getattr__(name: str) -> object:
        if name not in places:
            raise AttributeError(f"module {face!r} has no attribute {name!r}")
        return getattr(import_module(places[name]), name)

    return __getattr__
