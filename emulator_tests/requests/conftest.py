"""Forms, patches and edits, on the Firestore emulator."""

from emulator_tests.kit.fixtures import *  # noqa: F403
