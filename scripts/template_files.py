"""Write the rules and indexes of the template of new projects, as its app declares them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "onto_fn" / "cli" / "template"
NAMES = ("firestore.rules", "firestore.indexes.json")


def main() -> None:
    """Generate them in a copy, since the template's own firebase.json is no JSON yet."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(TEMPLATE / "functions", Path(copy) / "functions")
        for name in NAMES:
            shutil.copy(TEMPLATE / name, copy)
        subprocess.run([Path(sys.executable).parent / "onto", "generate"], cwd=copy, check=True)
        for name in NAMES:
            shutil.copy(Path(copy) / name, TEMPLATE)


if __name__ == "__main__":
    main()
