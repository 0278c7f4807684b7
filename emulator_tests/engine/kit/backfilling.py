"""A backfill in a process of its own, to be killed: `python backfilling.py PROJECT`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def start(project: str) -> subprocess.Popen[bytes]:
    """Begin, or go on; the environment says where the emulator is."""
    return subprocess.Popen([sys.executable, __file__, project])


def _main(project: str) -> None:
    sys.path.insert(0, str(HERE.parent))
    from kit.domain import GroupView
    from onto_fn.editing import Database
    from onto_fn.engine import Engine
    from onto_fn.engine.operate.backfill import Backfill

    engine = Engine([GroupView.definition()])
    Backfill(engine, Database(project), list(engine.targets.values()), page=5, workers=1).run()


if __name__ == "__main__":
    _main(sys.argv[1])
