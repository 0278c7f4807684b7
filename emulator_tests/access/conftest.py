"""The rules as clients meet them: the Firebase JS SDK on the real emulators."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent.parent / "functions"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from guards.sdk import Sdk  # noqa: E402


@pytest.fixture(scope="session")
def sdk() -> Generator[Sdk]:
    """A process with the Firebase JS SDK."""
    with Sdk() as running:
        yield running
