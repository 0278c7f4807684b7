"""The engine on the real Firestore emulator, without functions: the tests deliver the events."""

from emulator_tests.kit.fixtures import *  # noqa: F403
