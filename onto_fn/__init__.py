"""onto_fn: declared view models, compiled to Firebase functions that keep them up to date."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onto_fn import exports
    from onto_fn.exports import *  # noqa: F403

    __all__: list[str] = []
    __all__ += exports.__all__

else:
    # Names are loaded on first use: loading all takes a second, and `onto --help` needs none. Type
    # checkers do not see this, or they would take any name.
    def __getattr__(name: str) -> object:
        if name == "__all__" or not name.startswith("_"):
            if find_spec(f"onto_fn.{name}"):
                return import_module(f"onto_fn.{name}")
            exports = import_module("onto_fn.exports")
            globals().update({key: getattr(exports, key) for key in ["__all__", *exports.__all__]})
            if name in globals():
                return globals()[name]
            moved = import_module("onto_fn.moved")
            if name in moved.PLACES:
                return moved.moved(name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("onto_fn.exports").__all__})
