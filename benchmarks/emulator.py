"""The Firestore emulator that a benchmark runs on."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager

from frame import ROOT

from onto_fn.testing import EmulatorSuite


@contextmanager
def emulator() -> Generator[EmulatorSuite]:
    """A Firestore emulator, to which all clients made inside are led."""
    with EmulatorSuite(ROOT, only=("firestore",)) as suite:
        os.environ.update(suite.environ())
        yield suite
