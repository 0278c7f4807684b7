"""Find the requirement with which a new project installs the same onto_fn as this program."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from onto_fn.cli.errors import CommandError

NAME = "onto-fn"
VENDOR = "vendor"


@dataclass(frozen=True)
class Requirement:
    """Lines for the requirements files in the folder `functions`.

    Attributes:
        plain: the library.
        with_tools: the library with the command line and the testing tools.
    """

    plain: str
    with_tools: str

    @classmethod
    def of_wheel(cls, wheel: Path) -> Requirement:
        """The requirement for a wheel in `functions/vendor`; a deploy uploads only `functions`."""
        path = f"./{VENDOR}/{wheel.name}"
        return cls(path, f"{path}[cli,testing]")

    @classmethod
    def of_text(cls, text: str) -> Requirement:
        """Parse a requirement such as `onto-fn==1.0` or `onto-fn @ git+https://…`.

        Raises:
            CommandError: it is not a requirement for onto-fn.
        """
        rest = text.strip().removeprefix(NAME)
        if rest == text.strip() or (rest and rest[0] not in "=<>~!@; "):
            raise CommandError(
                f"--onto-fn {text!r} is neither a file nor a requirement",
                f"name a wheel, a folder of sources, or {NAME}==VERSION",
            )
        return cls(f"{NAME}{rest}", f"{NAME}[cli,testing]{rest}")


def requirement(given: str | None, functions: Path) -> Requirement:
    """Find the requirement; copy or build a wheel into `functions/vendor` if one is needed.

    Args:
        given: a wheel, a folder of sources, or a requirement. None means the source from which
            this program was installed: a folder, a wheel, or the package index.
        functions: the new project's `functions` folder.

    Raises:
        CommandError: `given` is none of these, or the wheel cannot be built.
    """
    source = given if given is not None else _own_source()
    path = Path(source)
    if path.suffix == ".whl" and path.is_file():
        vendor = functions / VENDOR
        vendor.mkdir(parents=True, exist_ok=True)
        return Requirement.of_wheel(Path(shutil.copy(path, vendor)))
    if (path / "pyproject.toml").is_file():
        return Requirement.of_wheel(_built(path, functions / VENDOR))
    return Requirement.of_text(source)


def _own_source() -> str:
    import onto_fn

    sources = Path(onto_fn.__file__).parent.parent
    if (sources / "pyproject.toml").is_file():
        return str(sources)
    try:
        installed = distribution(NAME)
    except PackageNotFoundError as error:
        raise CommandError(
            "cannot find out where onto_fn was installed from", "pass --onto-fn"
        ) from error
    # PEP 610. The file is missing if the package came from an index.
    origin: Any = json.loads(installed.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    file = Path(unquote(urlsplit(url).path))
    if url.startswith("file:") and file.exists():
        return str(file)
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return f"{NAME} @ {vcs['vcs']}+{url}@{vcs['commit_id']}"
    return f"{NAME}=={installed.version}"


def _built(sources: Path, vendor: Path) -> Path:
    """Build a wheel with uv if it is installed, else with pip."""
    vendor.mkdir(parents=True, exist_ok=True)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    command = (
        [uv, "build", "--quiet", "--wheel", "--out-dir", vendor, sources]
        if uv
        else [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", vendor, sources]
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(vendor.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise CommandError(
            f"the wheel of {sources} cannot be built ({reason[0]})", "name a wheel in --onto-fn"
        )
    (vendor / ".gitignore").unlink(missing_ok=True)  # uv writes it; the wheel must be committed
    return wheels[-1]
