"""A backfill in a process of its own, to be killed."""

from __future__ import annotations

import subprocess
import sys


def start(project: str) -> subprocess.Popen[bytes]:
    """Begin, or go on; the environment says where the emulator is."""
    return subprocess.Popen([sys.executable, "-m", __name__, project])


def _main(project: str) -> None:
    from emulator_tests.kit.domain import GroupView
    from onto_fn.editing import Database
    from onto_fn.engine import Engine
    from onto_fn.engine.operate.backfill import Backfill

    engine = Engine([GroupView.definition()])
    Backfill(engine, Database(project), list(engine.targets.values()), page=5, workers=1).run()


if __name__ == "__main__":
    _main(sys.argv[1])
