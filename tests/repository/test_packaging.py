"""Set-up and packaging: what a version bump or an edit must not break silently."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up program, with its state in an empty folder."""
    module = load_script("setup")
    monkeypatch.setattr(module, "STATE", tmp_path / "state")
    return module


def pins(path: Path) -> set[str]:
    return set(re.findall(r"^[\w.-]+==\S+", path.read_text(), re.MULTILINE))


def test_functions_requirements_name_the_wheel_of_this_version() -> None:
    requirements = (ROOT / "functions" / "requirements.txt").read_text().split()

    assert f"./vendor/{load_script('lock').wheel_name()}" in requirements


def test_functions_run_on_the_versions_that_the_tests_use() -> None:
    assert pins(ROOT / "functions" / "requirements.txt") <= pins(ROOT / "requirements" / "dev.txt")


@pytest.mark.parametrize(
    "path",
    [
        "requirements/dev.txt",
        "requirements/toolchain.txt",
        "functions/requirements.txt",
    ],
)
def test_requirements_are_pinned_and_name_no_index(path: str) -> None:
    lines = [line for line in (ROOT / path).read_text().splitlines() if line[:1] not in ("#", "")]

    assert all("==" in line or line.startswith("./vendor/") for line in lines)
    assert not any("://" in line for line in lines)


@pytest.mark.parametrize("folder", ["tools", "web", "benchmarks/peers/node"])
def test_npm_lock_names_no_registry(folder: str) -> None:
    assert '"resolved"' not in (ROOT / folder / "package-lock.json").read_text()


def test_step_runs_once_for_the_same_inputs(setup: ModuleType, tmp_path: Path) -> None:
    source = tmp_path / "requirements.txt"
    source.write_text("one")
    runs: list[int] = []

    for _ in range(2):
        setup.step("packages", [source], [], lambda: runs.append(1), [])

    assert len(runs) == 1


def test_step_runs_again_when_an_input_changes_or_its_output_is_gone(
    setup: ModuleType, tmp_path: Path
) -> None:
    source, output = tmp_path / "requirements.txt", tmp_path / "venv"
    source.write_text("one")
    runs: list[int] = []

    def install() -> None:
        runs.append(1)
        output.touch()

    setup.step("packages", [source], [output], install, [])
    source.write_text("two")
    setup.step("packages", [source], [output], install, [])
    output.unlink()
    setup.step("packages", [source], [output], install, [])

    assert len(runs) == 3


def test_step_that_failed_runs_again(setup: ModuleType, tmp_path: Path) -> None:
    def fail() -> None:
        raise setup.SetupError("no network")

    with pytest.raises(setup.SetupError):
        setup.step("packages", [], [], fail, [])
    runs: list[int] = []
    setup.step("packages", [], [], lambda: runs.append(1), [])

    assert len(runs) == 1


def test_command_that_fails_is_an_error_with_its_last_lines(setup: ModuleType) -> None:
    with pytest.raises(setup.SetupError, match="no such package"):
        setup.run(["sh", "-c", "echo no such package; exit 1"])
