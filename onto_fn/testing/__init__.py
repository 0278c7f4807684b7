"""Test an app: without emulators, or with its functions on the real Firebase emulators.

`load_store`, `build`, `submit` and `edit` test views, forms and patches on documents that a test
gives.
The pytest fixtures of `onto_fn.testing.plugin` come with the installed package and start the
emulators; `python -m onto_fn.testing` runs them until Ctrl-C.
"""

from onto_fn.testing.calling import CallFailed
from onto_fn.testing.denied import PermissionDenied
from onto_fn.testing.process import EmulatorError
from onto_fn.testing.suite import EmulatorSuite
from onto_fn.testing.toolchain import ToolchainError
from onto_fn.testing.unit import build, edit, load_store, submit

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
