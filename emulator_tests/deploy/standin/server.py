"""`StandIn`: the server, and the proxy that leads Google's host names to it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import trustme
import uvicorn
from starlette.requests import Request
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from emulator_tests.deploy.standin import firestore_api, functions_api, project_api
from emulator_tests.deploy.standin.answers import refusal
from emulator_tests.deploy.standin.project import GoogleProject
from emulator_tests.deploy.standin.recording import Recorded, Recording
from onto_fn.testing.emulators.config import HOST, free_ports
from onto_fn.testing.emulators.service import Service

APIS: dict[str, Callable[[GoogleProject], list[Route]]] = {
    "artifactregistry.googleapis.com": functions_api.artifact_registry,
    "cloudfunctions.googleapis.com": functions_api.cloud_functions,
    "cloudresourcemanager.googleapis.com": project_api.resource_manager,
    "compute.googleapis.com": project_api.compute,
    "firebase.googleapis.com": project_api.firebase,
    "firebaserules.googleapis.com": firestore_api.rules,
    "firestore.googleapis.com": firestore_api.firestore,
    "iam.googleapis.com": project_api.iam,
    "pubsub.googleapis.com": functions_api.pubsub,
    "run.googleapis.com": functions_api.run,
    "secretmanager.googleapis.com": project_api.secret_manager,
    "serviceusage.googleapis.com": project_api.service_usage,
    "storage.googleapis.com": functions_api.storage,
    "www.googleapis.com": project_api.tokens,
}
# They take no token: they issue it, or the URL itself is signed.
UNAUTHENTICATED = {"storage.googleapis.com", "www.googleapis.com"}

# A path, or a method of a path, that no API has.
UNKNOWN = {501, 405}

STARTED_SECONDS = 30


class StandIn(Service):
    """Google, as far as a deploy needs it.

    Args:
        project: the one project that there is.
        folder: where the certificate of its authority is written.

    Attributes:
        recording: every request.
        unknown: what was asked for that it does not know; a test that finds one here fails.
    """

    def __init__(self, project: GoogleProject, folder: Path) -> None:
        self.project = project
        self.recording = Recording()
        self.unknown: list[str] = []
        self.authority_path = folder / "authority.pem"
        self._certificate_path = folder / "certificate.pem"
        strange = refusal(501, "the stand-in does not know this")
        self._apis = {
            host: Router(routes(project), redirect_slashes=False, default=strange)
            for host, routes in APIS.items()
        }
        self._port, self._proxy_port = free_ports(2)
        self._loop = asyncio.new_event_loop()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that lead the deploy tool here."""
        return {
            "HTTPS_PROXY": f"http://{HOST}:{self._proxy_port}",
            "NODE_EXTRA_CA_CERTS": str(self.authority_path),
        }

    @override
    def start(self) -> StandIn:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority_path)
        authority.issue_cert(*APIS).private_key_and_cert_chain_pem.write_to_path(
            self._certificate_path
        )
        config = uvicorn.Config(
            self._serve,
            host=HOST,
            port=self._port,
            ssl_certfile=self._certificate_path,
            log_level="warning",
            lifespan="off",
            interface="asgi3",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="stand-in", daemon=True)
        self._thread.start()
        if not self._started.wait(STARTED_SECONDS):
            raise TimeoutError("the stand-in did not start")
        return self

    @override
    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join(STARTED_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        assert self._server is not None
        proxy = await asyncio.start_server(self._connect, HOST, self._proxy_port)
        serving = asyncio.ensure_future(self._server.serve())
        while not self._server.started and not serving.done():  # it has no event to wait for
            await asyncio.sleep(0.01)
        self._started.set()
        async with proxy:
            await serving

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One tunnel of the proxy: to the stand-in, whichever of Google's hosts is meant."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT" or target.rpartition(":")[0] not in APIS:
            self.unknown.append(f"{method} {target}")
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        onward_reader, onward_writer = await asyncio.open_connection(HOST, self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pass_on(reader, onward_writer), _pass_on(onward_reader, writer))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: recorded, and answered by the API of its host."""
        request = Request(scope, receive)
        content = await request.body()
        host = request.headers["host"].partition(":")[0]

        async def replay() -> Message:
            return {"type": "http.request", "body": content, "more_body": False}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                url, status = request.url, message["status"]
                recorded = Recorded(host, request.method, url.path, url.query, content, status)
                self.recording.add(recorded)
                if status in UNKNOWN:
                    self.unknown.append(str(recorded))
            await send(message)

        await self._api(host, request)(scope, replay, note)

    def _api(self, host: str, request: Request) -> ASGIApp:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if host not in UNAUTHENTICATED and token not in self.project.tokens:
            return refusal(401, "Request had invalid authentication credentials")
        return self._apis[host]


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
