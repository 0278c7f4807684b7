"""The fixtures of the engine's tests, for an API in this process; and an app that is served."""

from emulator_tests.api.documented import served  # noqa: F401
from emulator_tests.kit.fixtures import *  # noqa: F403
