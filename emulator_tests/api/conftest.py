"""The fixtures of the engine's tests, for an API in this process."""

from emulator_tests.kit.fixtures import *  # noqa: F403
