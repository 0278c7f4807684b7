"""`onto init` in an empty folder, then the two commands of the README that it writes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Ended, clean_environ, end_of, run, terminal

from onto_fn.testing.config import free_ports
from onto_fn.testing.discovery import discovery
from onto_fn.testing.supervisor import descendants, processes

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
    done = subprocess.run(
        ["make", "test"],
        cwd=new_project,
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


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
    eventually(lambda: not set(family) & set(processes()), deadline=30)


def test_a_folder_that_is_not_empty_is_left_alone_unless_it_is_confirmed(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "README.md").write_text("mine")

    refused = run("init", "--onto-fn", "onto-fn==0.1.0", cwd=tmp_path, environ=environ)
    denied = _asked(tmp_path, environ, "n")

    assert (refused.code, denied.code) == (2, 1)
    assert "say --yes" in refused.err
    assert "nothing was changed" in denied.out
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]

    confirmed = _asked(tmp_path, environ, "y")

    assert confirmed.code == 0
    assert (tmp_path / "README.md").read_text().startswith("# test-a-folder")
    assert json.loads((tmp_path / ".firebaserc").read_text())["projects"]["default"][:5] == "demo-"
    requirements = (tmp_path / "functions" / "requirements.txt").read_text().split("\n")
    assert requirements[1] == "onto-fn==0.1.0"


def test_what_is_no_source_of_onto_fn_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    ended = run("init", "--onto-fn", "requests==2", cwd=tmp_path, environ=environ)

    assert ended.code == 2
    assert "neither a file nor a requirement" in ended.err
    assert list(tmp_path.iterdir()) == []


def _asked(folder: Path, environ: dict[str, str], answer: str) -> Ended:
    with terminal("init", "--onto-fn", "onto-fn==0.1.0", cwd=folder, environ=environ) as onto:
        onto.expect_exact("README.md. Go on?")
        onto.sendline(answer)
        return end_of(onto)
