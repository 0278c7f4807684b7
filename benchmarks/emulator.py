"""The Firestore emulator that a benchmark runs on."""

from __future__ import annotations

import atexit
import os
from collections.abc import Generator
from contextlib import contextmanager

from frame import ROOT

from onto_fn.testing import EmulatorSuite

_shared: list[EmulatorSuite] = []


def share() -> None:
    """Start the emulator of all benchmarks that follow; it ends with this process.

    By themselves they have one each, so that none finds what another has left behind.
    """
    _shared.append(EmulatorSuite(ROOT, only=("firestore",)).start())
    atexit.register(_shared[0].stop)


@contextmanager
def emulator() -> Generator[EmulatorSuite]:
    """A Firestore emulator, to which all clients made inside are led."""
    suite = _shared[0] if _shared else EmulatorSuite(ROOT, only=("firestore",)).start()
    os.environ.update(suite.environ())
    try:
        yield suite
    finally:
        if not _shared:
            suite.stop()
