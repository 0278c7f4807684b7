"""`onto init` in an empty folder, then the two commands of the README that it writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pexpect
import pytest

from emulator_tests.cli.terminal import clean_environ, end_of, interrupted, run, terminal
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.emulators.discovery import discovery
from onto_fn.testing.emulators.supervisor import descendants, lives

ROOT = Path(__file__).resolve().parent.parent.parent
FIREBASE = ROOT / "tools" / "node_modules" / ".bin" / "firebase"
SECONDS = 240.0


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A new user's environment, with this machine's package caches, firebase-tools and uv."""
    programs = tmp_path_factory.mktemp("bin")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        (programs / "uv").symlink_to(uv)
    return clean_environ(
        Path.home(),
        PATH=f"{os.environ['PATH']}{os.pathsep}{programs}",
        ONTO_FN_FIREBASE=str(FIREBASE),
    )


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> Path:
    """What `onto init` makes of an empty folder."""
    folder = tmp_path_factory.mktemp("town-hall")
    firestore, functions = free_ports(2)
    ports = [f"--firestore-port={firestore}", f"--functions-port={functions}"]
    ended = run("init", *ports, cwd=folder, environ=environ)
    assert (ended.code, ended.err) == (0, "")
    return folder


def commands_of(readme: Path) -> list[str]:
    (block,) = re.findall(r"```sh\n(.*?)```", readme.read_text(), re.DOTALL)
    return [line.partition("#")[0].strip() for line in block.splitlines()]


def test_the_readme_has_two_commands(new_project: Path) -> None:
    assert commands_of(new_project / "README.md") == ["make test", "make dev"]


def test_the_tests_of_a_new_project_pass(new_project: Path, environ: dict[str, str]) -> None:
    done = _make("test", new_project, environ)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_new_project_runs_shows_its_events_and_takes_edits(
    new_project: Path, environ: dict[str, str], eventually: Callable[..., object]
) -> None:
    views = new_project / "functions" / "views.py"
    before = views.read_text()
    try:
        with terminal(
            "dev", program="make", cwd=new_project, environ=environ, deadline=SECONDS
        ) as make:
            make.expect_exact("2 documents written from seed.json")
            make.expect(r"(cities/oslo|countries/no) -> CityView of cities/oslo  committed  \d+ ms")

            with discovery():  # an edit is discovered like a start
                views.write_text(before.replace("CityView(", "CityPage("))
                make.expect(
                    r"the functions cannot be loaded: functions/main.py, line \d+: .*CityView"
                )
                views.write_text(before)
                make.expect_exact("functions: on_cities_written, on_countries_written")

            family = descendants(make.pid)
            make.sendintr()
            ended = end_of(make)
    finally:
        views.write_text(before)

    assert "stopped" in ended.out
    eventually(lambda: not any(map(lives, family)), deadline=30)


def test_generate_takes_over_the_files_of_a_new_project_and_changes_nothing(
    new_project: Path, environ: dict[str, str]
) -> None:
    names = ["firestore.rules", "firestore.indexes.json"]
    before = [(new_project / name).read_text() for name in names]

    ended = _make("generate", new_project, environ)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("up to date") == 2
    assert [(new_project / name).read_text() for name in names] == before


def test_check_fails_with_a_diff_if_rules_are_stale(
    new_project: Path, environ: dict[str, str]
) -> None:
    views = new_project / "functions" / "views.py"
    before = views.read_text()
    views.write_text(before.replace("signed_in", "public"))
    try:
        ended = _make("check", new_project, environ)
    finally:
        views.write_text(before)

    assert ended.returncode == 2
    assert "+      allow get, list: if true;" in ended.stderr
    assert "not up to date with the app: firestore.rules: run `onto generate rules`" in ended.stderr
    assert "passed" not in ended.stdout


def test_check_runs_the_tests_if_all_is_as_declared(
    new_project: Path, environ: dict[str, str]
) -> None:
    ended = _make("check", new_project, environ)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout


@pytest.fixture
def existing(tmp_path: Path) -> Path:
    """A Firebase project with a page, rules and a README."""
    (tmp_path / "README.md").write_text("mine\n")
    (tmp_path / "firebase.json").write_text('{"hosting": {"public": "web"}}')
    (tmp_path / "Makefile").write_text("all:\n")
    return tmp_path


def test_each_file_that_differs_is_shown_and_asked_about(
    existing: Path, environ: dict[str, str]
) -> None:
    with _adopting(existing, environ) as onto:
        onto.expect_exact("--- Makefile (as it is)")
        onto.expect_exact("-all:")
        onto.expect_exact("Makefile: keep or replace? [keep]:")
        onto.sendline("replace")
        onto.expect_exact("README.md: keep or replace? [keep]:")
        onto.sendline("")
        onto.expect_exact('+  "functions": [')
        onto.expect_exact("firebase.json: keep, replace or merge? [keep]:")
        onto.sendline("yes")
        onto.expect_exact("'yes' is not one of the answers")
        onto.expect_exact("firebase.json: keep, replace or merge? [keep]:")
        onto.sendline("m")
        ended = end_of(onto)

    assert ended.code == 0
    assert (existing / "README.md").read_text() == "mine\n"
    assert "make check" not in (existing / "Makefile").read_text()
    assert (existing / "Makefile").read_text().startswith("PYTHON ?=")
    firebase = json.loads((existing / "firebase.json").read_text())
    assert firebase["hosting"] == {"public": "web"}
    assert firebase["functions"][0]["codebase"] == "onto"
    requirements = (existing / "functions" / "requirements.txt").read_text().split("\n")
    assert requirements[1] == "onto-fn==0.1.0"


def test_nothing_is_written_before_the_last_answer(existing: Path, environ: dict[str, str]) -> None:
    before = {file.name: file.read_text() for file in existing.iterdir()}

    with _adopting(existing, environ) as onto:
        onto.expect_exact("Makefile: keep or replace?")
        onto.sendline("replace")
        onto.expect_exact("README.md: keep or replace?")
        ended = interrupted(onto)

    assert ended.code == 130
    assert "stopped" in ended.out
    assert {file.name: file.read_text() for file in existing.iterdir()} == before


def test_without_a_terminal_files_that_exist_stay_and_are_named(
    existing: Path, environ: dict[str, str]
) -> None:
    ended = run("init", "--onto-fn", "onto-fn==0.1.0", cwd=existing, environ=environ)

    assert ended.code == 1
    assert "unchanged: Makefile, README.md, firebase.json" in ended.err
    assert (existing / "README.md").read_text() == "mine\n"
    assert (existing / "functions" / "main.py").exists()


def test_what_is_no_source_of_onto_fn_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    ended = run("init", "--onto-fn", "requests==2", cwd=tmp_path, environ=environ)

    assert ended.code == 2
    assert "neither a file nor a requirement" in ended.err
    assert list(tmp_path.iterdir()) == []


def _make(target: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _adopting(folder: Path, environ: dict[str, str]) -> AbstractContextManager[pexpect.spawn]:
    return terminal("init", "--onto-fn", "onto-fn==0.1.0", cwd=folder, environ=environ)
