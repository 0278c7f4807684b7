"""Run an app's functions against the real Firebase emulators, in tests and by hand.

The pytest fixtures of `onto_fn.testing.plugin` come with the installed package;
`python -m onto_fn.testing` runs the emulators until Ctrl-C.
"""

from onto_fn.testing.process import EmulatorError
from onto_fn.testing.suite import EmulatorSuite
from onto_fn.testing.toolchain import ToolchainError

__all__ = ["EmulatorError", "EmulatorSuite", "ToolchainError"]
