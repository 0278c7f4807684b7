"""Run the fast tests on the other Pythons that the library is for: `make pythons`.

The development environment is of Python 3.11, the runtime of the functions. For each other version
that the machine has, an environment with the same packages is made in `.tools/`, once, and the fast
tests run in it. A version that the machine does not have is skipped, with one line that says so.
Arguments go on to pytest; without any, all fast tests run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from setup import DEV, ROOT, STATE, VENV, SetupError, editable_wheel, pip_install, run

VERSIONS = ("3.12", "3.13", "3.14")


def main() -> int:
    failed = []
    for version in VERSIONS:
        python = find(version)
        if python is None:
            print(f"Python {version} ... not on this machine, skipped", flush=True)
            continue
        started = time.monotonic()
        try:
            done = test(environment(version, python))
        except SetupError as error:
            print(f"Python {version} ... cannot be set up: {error}", flush=True)
            failed.append(version)
            continue
        took = f"({time.monotonic() - started:.0f} s)"
        if done.returncode:
            failed.append(version)
            print(f"Python {version} ... failed {took}\n{done.stdout}", flush=True)
        else:
            print(f"Python {version} ... {done.stdout.splitlines()[-1]} {took}", flush=True)
    return 1 if failed else 0


def find(version: str) -> Path | None:
    """An interpreter of that version: on the path, one that uv knows, or one of pyenv's."""
    candidates = [shutil.which(f"python{version}"), _known_to_uv(version)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python{version}"))
    return next((Path(found) for found in candidates if found and _is(version, found)), None)


def environment(version: str, python: Path) -> Path:
    """The environment of a version, as a folder; made if it is not there for what is pinned."""
    folder = STATE / f"python-{version}"
    digest = hashlib.sha256(str(ROOT).encode())
    for part in (python, DEV.read_text(), (ROOT / "pyproject.toml").read_text()):
        digest.update(f"{part}\0".encode())
    stamp = folder / "stamp"
    if not (stamp.exists() and stamp.read_text() == digest.hexdigest()):
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", "--without-pip", folder])
        made = folder / "bin" / "python"
        pip_install(made, "-r", DEV)
        pip_install(made, "--no-deps", editable_wheel(folder / "editable"))
        stamp.write_text(digest.hexdigest())
    return folder


def test(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the fast tests in an environment."""
    chosen = sys.argv[1:] or ["tests"]
    return subprocess.run(
        [folder / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _known_to_uv(version: str) -> str | None:
    command = [VENV / "bin" / "uv", "python", "find", "--no-project", "--no-python-downloads"]
    found = subprocess.run([*command, version], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def _is(version: str, python: str | Path) -> bool:
    code = "import sys, venv; print('.'.join(map(str, sys.version_info[:2])))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return found.stdout.strip() == version


if __name__ == "__main__":
    sys.exit(main())
