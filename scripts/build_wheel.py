"""Build the onto_fn wheel into functions/vendor/, where functions/requirements.txt expects it.

`firebase deploy` uploads functions/ alone, so the library has to travel inside. The deploy runs
this program first (`predeploy` in firebase.json), and so does set-up.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "functions" / "vendor"
REQUIREMENTS = ROOT / "functions" / "requirements.txt"


def main() -> int:
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        return _fail("there is no .venv: run `make setup` first")
    shutil.rmtree(VENDOR, ignore_errors=True)
    command = [python, "-m", "hatchling", "build", "--target", "wheel", "--directory", VENDOR]
    build = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if build.returncode:
        return _fail(f"the wheel could not be built\n{build.stdout}{build.stderr}")
    (wheel,) = VENDOR.glob("*.whl")
    if f"./vendor/{wheel.name}" not in REQUIREMENTS.read_text().split():
        return _fail(f"functions/requirements.txt does not name {wheel.name}: run `make lock`")
    print(f"built functions/vendor/{wheel.name}")
    return 0


def _fail(message: str) -> int:
    print(f"build_wheel: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
