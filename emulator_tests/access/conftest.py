"""The rules as clients meet them: the Firebase JS SDK on the real emulators."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from emulator_tests.access.guards.sdk import Sdk


@pytest.fixture(scope="session")
def sdk() -> Generator[Sdk]:
    """A process with the Firebase JS SDK."""
    with Sdk() as running:
        yield running
