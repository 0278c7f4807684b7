"""The fixtures of the engine's tests, for an API in this process; and apps that are served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator_tests.access.conftest import sdk  # noqa: F401
from emulator_tests.api.attacks.place import Place, place_on
from emulator_tests.api.documented import served  # noqa: F401
from emulator_tests.kit.fixtures import *  # noqa: F403
from onto_fn.testing import EmulatorSuite


@pytest.fixture(scope="module")
def place(firestore_emulator: EmulatorSuite) -> Iterator[Place]:
    """The guarded app's documents in a project of their own, and who asks for them."""
    with place_on(firestore_emulator) as found:
        yield found
