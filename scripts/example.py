"""Copy examples/food_delivery to a folder, as a project of its own: `make example TO=FOLDER`.

The copy has the wheel of this repository's sources, which its requirements name, and needs nothing
else of the repository.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from onto_fn.cli.installation import requirement

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "food_delivery"
# What the example's own commands have made, if somebody ran them in place.
MADE = ("venv", "vendor", "node_modules", "__pycache__", ".pytest_cache", ".onto_fn-emulators-*")


def main() -> int:
    if len(sys.argv) != 2:
        return _fail("say where: make example TO=../food-delivery")
    folder = Path(sys.argv[1]).resolve()
    if folder.exists():
        return _fail(f"{folder} exists already: name a new folder")
    copy(folder)
    wheel = requirement(str(EXAMPLE.parent.parent), folder / "functions").plain
    for name in ("requirements.txt", "requirements-dev.txt"):
        file = folder / "functions" / name
        file.write_text(re.sub(r"\./vendor/onto_fn-[^\s\[]+", wheel, file.read_text()))
    print(f"{folder} has the example: `make test` runs its tests, `make dev` shows it at work")
    return 0


def copy(folder: Path) -> None:
    """The example's own files, without what its commands have made."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(*MADE))


def _fail(message: str) -> int:
    print(f"example: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
