"""The fixtures of the engine's tests, for an API in this process; and clients under rules."""

from emulator_tests.access.conftest import sdk  # noqa: F401
from emulator_tests.kit.fixtures import *  # noqa: F403
