"""The command line, driven as a person and as a program would."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest

from emulator_tests.cli.terminal import Many, clean_environ
from emulator_tests.cli.towns import Towns
from onto_fn.cli.apps import load_app
from onto_fn.editing import Database
from onto_fn.testing import EmulatorSuite

APP = """\
from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, root


class Town(DomainModel, collection="towns"):
    name: str


class TownStore(Store):
    town = root(Town)


class TownView(ViewModel[TownStore], path="townViews/{town_id}"):
    @property
    def title(self) -> str:
        return self.store.town.name


App([ViewMediator(TownView)]).export(globals())
"""


@pytest.fixture(scope="session")
def many() -> Generator[Many]:
    """Runs many commands, each in a process of its own."""
    running = Many()
    yield running
    running.close()


@pytest.fixture(scope="session")
def project_of_towns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an app of one view, and a broken one; its home is empty."""
    folder = tmp_path_factory.mktemp("towns")
    (folder / "functions").mkdir()
    (folder / "home").mkdir()
    (folder / "functions" / "main.py").write_text(APP)
    (folder / "broken.py").write_text("\n\nraise TypeError('a cycle\\namong views')\n")
    return folder


@pytest.fixture(scope="session")
def towns_environ(project_of_towns: Path) -> dict[str, str]:
    """An environment without credentials, projects and emulators."""
    return clean_environ(project_of_towns / "home")


@pytest.fixture(scope="session")
def refusing() -> Generator[Callable[[grpc.StatusCode], str]]:
    """Addresses of servers that answer every call with one status, as Google does."""
    servers: dict[grpc.StatusCode, tuple[Any, str]] = {}

    def address(status: grpc.StatusCode) -> str:
        if status not in servers:
            servers[status] = _server(status)
        return servers[status][1]

    yield address
    for server, _ in servers.values():
        server.stop(None)


def _server(status: grpc.StatusCode) -> tuple[Any, str]:
    def answer(request: bytes, context: Any) -> bytes:
        context.abort(status, f"{status.name} of\nthis project")
        return b""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


@pytest.fixture
def towns(
    many: Many,
    project_of_towns: Path,
    towns_environ: dict[str, str],
    firestore_emulator: EmulatorSuite,
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[Towns]:
    leads = {
        "FIRESTORE_EMULATOR_HOST": firestore_emulator.firestore_host,
        "GOOGLE_CLOUD_PROJECT": f"demo-{secrets.token_hex(6)}",
    }
    for name, value in leads.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(project_of_towns / "functions"))
    database = Database(leads["GOOGLE_CLOUD_PROJECT"])
    engine = load_app(str(project_of_towns / "functions" / "main.py")).engine
    found = Towns(many, project_of_towns, towns_environ | leads, database, engine)
    found.write("towns/oslo", name="Oslo")
    found.materialise("towns/oslo")
    yield found
    database.close()
