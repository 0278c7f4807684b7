"""The calls to Firestore: what they find is what Google's client finds."""

from emulator_tests.kit.fixtures import *  # noqa: F403
