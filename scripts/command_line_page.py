"""Write the help of `onto` into docs/command-line.md; the text above it stays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "command-line.md"
MADE = "`make docs` writes the rest of this page from `onto --help`.\n"


def main() -> int:
    kept, _, _ = PAGE.read_text().partition(MADE)
    PAGE.write_text(f"{kept}{MADE}\n{made()}\n")
    return 0


def made() -> str:
    """The generated part of the page."""
    command = [sys.executable, "-m", "typer", "onto_fn.cli.main", "utils", "docs", "--name", "onto"]
    shown = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    return shown.partition("\n")[2].strip()  # without its title


if __name__ == "__main__":
    sys.exit(main())
