"""The Emulator UI under `onto dev`: real firebase-tools, with a page of ours as its UI."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from emulator_tests.cli.terminal import (
    ONTO,
    SECONDS,
    TERMINAL,
    Many,
    assert_one_line,
    clean_environ,
    take_interrupts,
)
from onto_fn.testing.emulators.config import free_ports

ROOT = Path(__file__).resolve().parents[2]
FIREBASE = ROOT / "tools" / "node_modules" / "firebase-tools"
DOWNLOADS = Path("~/.cache/firebase/emulators").expanduser()


def ports_of(folder: Path) -> dict[str, int]:
    emulators = json.loads((folder / "firebase.json").read_text())["emulators"]
    return {name: settings["port"] for name, settings in emulators.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose firebase.json asks for the Emulator UI."""
    firestore, ui = free_ports(2)
    emulators = {"firestore": {"port": firestore}, "ui": {"enabled": True, "port": ui}}
    (tmp_path / "firebase.json").write_text(json.dumps({"emulators": emulators}))
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


@pytest.fixture
def environ(folder: Path) -> dict[str, str]:
    """An environment in which firebase-tools has no UI, and no way out to download it."""
    cache = folder / "cache"
    cache.mkdir()
    for file in DOWNLOADS.glob("*"):
        if not file.name.startswith("ui-"):
            (cache / file.name).symlink_to(file)
    (folder / "home").mkdir()
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    leads = {"FIREBASE_EMULATORS_PATH": str(cache), "HTTPS_PROXY": nowhere, "https_proxy": nowhere}
    return clean_environ(folder / "home", **leads)


@pytest.fixture
def page(environ: dict[str, str]) -> str:
    """What the UI's first page is, where firebase-tools keeps the UI."""
    text = "<title>Emulator Suite</title>"
    described: Any = json.loads(
        (FIREBASE / "lib" / "emulator" / "downloadableEmulatorInfo.json").read_text()
    )
    cache = Path(environ["FIREBASE_EMULATORS_PATH"])
    program = cache / described["ui"]["main"]["binaryPathRelativeToCacheDir"]
    client = program.parents[1] / "client"
    for file, content in [(program, ""), (client / "index.html", text)]:
        file.parent.mkdir(parents=True)
        file.write_text(content)
    return text


@pytest.fixture
def dev(folder: Path, environ: dict[str, str]) -> Generator[Callable[..., Any]]:
    """Starts `onto dev`, and gives the record in which it says what runs, and its remarks."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> dict[str, Any]:
        command = [ONTO, "dev", "--json", *options]
        running.append(
            subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=take_interrupts,
            )
        )
        assert running[-1].stdout is not None
        return json.loads(running[-1].stdout.readline())

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0


def read(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}", timeout=SECONDS) as answer:
        return answer.read().decode()


def test_the_ui_of_firebase_json_is_on_its_port_and_knows_the_emulators(
    folder: Path, dev: Callable[..., Any], page: str
) -> None:
    ports = ports_of(folder)

    started = dev()

    assert started["running"]["ui"] == f"127.0.0.1:{ports['ui']}"
    assert started["remarks"] == []
    assert read(started["running"]["ui"]) == page
    known = json.loads(read(f"{started['running']['ui']}/api/config"))
    assert known["firestore"]["port"] == ports["firestore"]


@pytest.mark.parametrize("options", [[], ["--ui"]])
def test_a_ui_that_cannot_be_downloaded_is_a_remark_and_the_emulators_run_without_it(
    folder: Path, dev: Callable[..., Any], options: list[str]
) -> None:
    started = dev(*options)

    [remark] = started["remarks"]
    assert remark.startswith("the Emulator UI cannot be downloaded (")
    assert "\n" not in remark
    assert list(started["running"]) == ["firestore"]
    assert read(f"127.0.0.1:{ports_of(folder)['firestore']}") == "Ok\n"


def test_a_ui_that_is_not_wanted_is_not_asked_for(dev: Callable[..., Any]) -> None:
    started = dev("--no-ui")

    assert (list(started["running"]), started["remarks"]) == (["firestore"], [])


@TERMINAL
def test_a_port_of_the_ui_in_use_is_one_line(
    folder: Path, environ: dict[str, str], many: Many, in_terminal: bool
) -> None:
    port = ports_of(folder)["ui"]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()

        ended = many.run("dev", cwd=folder, environ=environ, in_terminal=in_terminal)

    says = f"port {port} of the Emulator UI is in use"
    assert says in assert_one_line(ended, in_terminal=in_terminal)


@pytest.mark.parametrize("name", ["import", "export-on-exit"])
def test_what_firebase_json_cannot_say_is_a_remark(
    folder: Path, environ: dict[str, str], name: str
) -> None:
    config = json.loads((folder / "firebase.json").read_text())
    config["emulators"][name] = "data"
    (folder / "firebase.json").write_text(json.dumps(config))
    with subprocess.Popen(
        [ONTO, "dev", "--no-ui"],
        cwd=folder,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        stdout=subprocess.DEVNULL,
        preexec_fn=take_interrupts,
    ) as onto:
        assert onto.stderr is not None
        said = onto.stderr.readline()
        onto.send_signal(signal.SIGINT)
        onto.communicate(timeout=SECONDS)

    assert said == f"firebase.json: emulators.{name} has no effect; pass --{name} DIR\n"
