"""Test an app, without emulators or with its functions on the real Firebase emulators.

`load_store`, `build`, `submit` and `edit` test views, forms and patches on given documents. The
pytest fixtures of `onto_fn.testing.plugin` come with the installed package and start the emulators.
`python -m onto_fn.testing` runs the emulators until Ctrl-C.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from onto_fn.testing.denied import CallFailed, PermissionDenied
from onto_fn.testing.emulators.process import EmulatorError
from onto_fn.testing.emulators.suite import EmulatorSuite
from onto_fn.testing.emulators.toolchain import ToolchainError

if TYPE_CHECKING:
    from onto_fn.testing.unit import build, edit, load_store, submit
else:
    # These need the whole library, so load them on first use: every start of pytest and of
    # `onto dev` imports this package.
    def __getattr__(name: str) -> object:
        if name in {"build", "edit", "load_store", "submit"}:
            return getattr(import_module("onto_fn.testing.unit"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "CallFailed",
    "EmulatorError",
    "EmulatorSuite",
    "PermissionDenied",
    "ToolchainError",
    "build",
    "edit",
    "load_store",
    "submit",
]
