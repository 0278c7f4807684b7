"""Messages: what is sent and received, on the emulators."""

from emulator_tests.kit.fixtures import *  # noqa: F403
