"""`Recorder`: runs a Firestore emulator and records its events.

The emulator posts the writes that match a trigger to a Functions emulator, as CloudEvents in binary
mode. Here, this process takes the place of the Functions emulator.
"""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from onto_fn.testing.chaos.events import RecordedEvent
from onto_fn.testing.emulators.config import HOST, free_ports
from onto_fn.testing.emulators.process import BackgroundProcess
from onto_fn.testing.emulators.service import Service, environment
from onto_fn.testing.emulators.suite import EmulatorSuite
from onto_fn.testing.emulators.toolchain import Toolchain, find_toolchain

if TYPE_CHECKING:
    from google.cloud.firestore import Client

__all__ = ["Recorder"]

_READY = "Dev App Server is now running"
_WRITTEN = "google.cloud.firestore.document.v1.written"

Subscriber = Callable[[RecordedEvent], None]


class Recorder(Service):
    """Runs a Firestore emulator, records its events, and passes them on.

    Args:
        project_dir: folder with firebase-tools, in case the emulator must be downloaded.
        log_dir: folder for the emulator's log.
        project_id: a project id that begins with `demo-`.
        deadline: seconds within which the emulator must be ready.

    Attributes:
        events: all events in the order of their arrival.
    """

    def __init__(
        self, project_dir: Path, log_dir: Path, *, project_id: str, deadline: float = 60.0
    ) -> None:
        self.project_id = project_id
        self.events: list[RecordedEvent] = []
        self._project_dir = project_dir
        self._log_dir = log_dir
        self._deadline = deadline
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._subscribers: list[Subscriber] = []
        self._lock = threading.Lock()
        self._process: BackgroundProcess | None = None
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def firestore_host(self) -> str:
        """The emulator's address, as "127.0.0.1:port"."""
        return f"{HOST}:{self._port}"

    @override
    def start(self) -> Self:
        """Start the emulator, and return when it is ready.

        Raises:
            ToolchainError: Java or the emulator is missing.
            EmulatorError: the emulator was not ready in time.
        """
        self._log_dir.mkdir(parents=True, exist_ok=True)
        toolchain = self._toolchain()
        server = self._serve()
        self._port = free_ports(1)[0]
        command = [
            str(toolchain.java),
            "-Duser.language=en",
            "-jar",
            str(toolchain.firestore_jar),
            f"--host={HOST}",
            f"--port={self._port}",
            f"--functions_emulator={HOST}:{server.server_port}",
        ]
        log = self._log_dir / "firestore.log"
        try:
            process = BackgroundProcess(command, toolchain.environ(self.project_id), log)
            self._process = process
            process.wait_until(lambda: _READY in process.log(), self._deadline)
        except BaseException:
            self.stop()
            raise
        return self

    @override
    def stop(self) -> None:
        """Stop the emulator. May be called again."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def register(self, trigger: str, document: str) -> None:
        """Record every write to the documents of a pattern, such as `users/{id}`."""
        body = {
            "eventType": _WRITTEN,
            "database": "(default)",
            "namespace": "(default)",
            "document": {"value": document, "matchType": "PATH_PATTERN"},
        }
        request = urllib.request.Request(
            f"http://{self.firestore_host}/emulator/v1/projects/{self.project_id}"
            f"/eventarcTrigger?eventarcTriggerId={trigger}",
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
            method="POST",
        )
        urllib.request.urlopen(request, timeout=30).close()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber`, from any thread, with each event from now on."""
        with self._lock:
            self._subscribers.append(subscriber)

    def client(self) -> Client:
        """A client that talks to the emulator directly."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.firestore import Client

        with environment(FIRESTORE_EMULATOR_HOST=self.firestore_host):
            return Client(project=self.project_id, credentials=AnonymousCredentials())

    def _toolchain(self) -> Toolchain:
        toolchain = find_toolchain(self._project_dir, self._log_dir, firebase=False)
        if toolchain.firestore_jar is None:  # firebase-tools downloads it at its first start
            with EmulatorSuite(self._project_dir, only=("firestore",), log_dir=self._log_dir):
                pass
            toolchain = find_toolchain(self._project_dir, self._log_dir, firebase=False)
        return toolchain

    def _serve(self) -> ThreadingHTTPServer:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                """Record one event."""
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                trigger = self.path.rpartition("/")[2]
                names = [name for name in self.headers if name.lower().startswith("ce-")]
                headers = {name: self.headers[name] for name in names}
                headers["content-type"] = "application/protobuf"
                # The emulator sends base64 text, which firebase-tools decodes.
                event = RecordedEvent.decode(trigger, headers, base64.b64decode(body))
                recorder.take(event)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer((HOST, 0), Handler)
        server.daemon_threads = True
        self._server = server
        threading.Thread(target=server.serve_forever, name="recorder", daemon=True).start()
        return server

    def take(self, event: RecordedEvent) -> None:
        """Record one event and pass it on."""
        with self._lock:
            key = (event.trigger, event.path)
            numbered = replace(event, number=self._numbers[key])
            self._numbers[key] += 1
            self.events.append(numbered)
            subscribers = list(self._subscribers)
        for subscriber in subscribers:
            subscriber(numbered)
