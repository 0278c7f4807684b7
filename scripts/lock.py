"""Pin what pyproject.toml asks for: requirements/dev.txt, beam.txt and functions/requirements.txt.

The example's requirements get the name of the wheel.

Run by `make lock` after a change of the dependencies or of the version in pyproject.toml.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / "requirements" / "dev.txt"
BEAM = ROOT / "requirements" / "beam.txt"
FUNCTIONS = ROOT / "functions" / "requirements.txt"
EXAMPLE = ROOT / "examples" / "food_delivery" / "functions"
UV = ROOT / ".venv" / "bin" / "uv"

DEV_HEADER = "# Development: the library's dependencies and the tools. Written by `make lock`.\n"
BEAM_HEADER = "# The extra `beam`, in an environment of its own. Written by `make lock`.\n"
FUNCTIONS_HEADER = """\
# What the deployed functions run on. Written by `make lock`.
# The wheel is built into vendor/ by `make setup` and before each `firebase deploy`.
"""


def main() -> int:
    if not UV.exists():
        print("lock: there is no .venv: run `make setup` first", file=sys.stderr)
        return 1
    DEV.write_text(DEV_HEADER + _compiled("--group", "dev"))
    BEAM.write_text(BEAM_HEADER + _compiled("--extra", "beam"))
    FUNCTIONS.write_text(
        f"{FUNCTIONS_HEADER}./vendor/{wheel_name()}\n" + _compiled("--constraints", str(DEV))
    )
    for file in (EXAMPLE / "requirements.txt", EXAMPLE / "requirements-dev.txt"):
        file.write_text(re.sub(r"onto_fn-[^\s\[]+\.whl", wheel_name(), file.read_text()))
    return 0


def wheel_name() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return f"{project['name'].replace('-', '_')}-{project['version']}-py3-none-any.whl"


def _compiled(*options: str) -> str:
    quiet = ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url"]
    command = [UV, "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"]
    return subprocess.run(
        [*command, *quiet, "--no-emit-find-links", *options],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
