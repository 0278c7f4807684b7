"""Start and stop Firebase emulators from Python."""

from __future__ import annotations

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import tenacity
from typing_extensions import override

from onto_fn.testing.emulators.config import (
    HOST,
    UI,
    configured_ports,
    emulator_config,
    free_ports,
    read_config,
)
from onto_fn.testing.emulators.discovery import discovery
from onto_fn.testing.emulators.process import BackgroundProcess, EmulatorError
from onto_fn.testing.emulators.readiness import (
    FIRESTORE_READY,
    FUNCTIONS_FAILED,
    READY,
    function_urls,
    page_of,
    undelivered_ui,
)
from onto_fn.testing.emulators.service import Service, environment
from onto_fn.testing.emulators.strictness import checked, write_java
from onto_fn.testing.emulators.toolchain import Toolchain, find_toolchain
from onto_fn.testing.traces import config_path, log_folder

if TYPE_CHECKING:
    from google.cloud.firestore import Client

__all__ = ["EmulatorSuite"]


class EmulatorSuite(Service):
    """The Firebase emulators of one project, on ports that nothing else uses.

    ```python
    with EmulatorSuite("path/to/project") as suite:
        suite.client().document("users/ada").set({"name": "Ada"})
    ```

    The emulators end with `stop`, after the `with` block, and when the interpreter exits or is
    killed. None of their processes is left running.

    Args:
        project_dir: The folder of `firebase.json`, which names functions, rules and indexes.
        only: The emulators to start: "firestore", "functions", "pubsub", "auth", "storage".
            If only Firestore is wanted and this machine has the emulator, it starts without
            firebase-tools and without rules, which is several times as fast.
        project_id: An id that begins with "demo-", so that nothing reaches Google; else a new one.
        ports: Ports by name of the emulator; the other emulators get free ports.
        log_dir: The folder for logs; by default, a new temporary folder.
        deadline: Seconds within which the emulators must be ready.
        ui: Whether the Emulator UI is started too; firebase-tools downloads it once. If the
            download fails, the emulators start without the UI, and `remarks` says so.
        import_from: A folder that `export_to` (or `firebase emulators:export`) has written. The
            emulators start with its data.
        exports: Whether `export_to` will be called, which needs firebase-tools.
        tell: Called with the reason why a start waits; by default, it is printed.
        strict_indexes: Whether Firestore refuses the queries that production would refuse for want
            of an index; see `onto_fn.testing.strict_indexes`.

    Attributes:
        remarks: Lines of text about the start, for a person.
        topics: The topics of the app's `TopicSink`s, once functions and Pub/Sub have started.
    """

    def __init__(
        self,
        project_dir: str | os.PathLike[str] = ".",
        *,
        only: Sequence[str] = ("firestore", "functions"),
        project_id: str | None = None,
        ports: Mapping[str, int] | None = None,
        log_dir: str | os.PathLike[str] | None = None,
        deadline: float = 120.0,
        ui: bool = False,
        import_from: str | os.PathLike[str] | None = None,
        exports: bool = False,
        tell: Callable[[str], None] | None = None,
        strict_indexes: bool = False,
    ) -> None:
        self.project_dir = Path(project_dir).resolve()
        self.only = tuple(only)
        self.project_id = project_id or f"demo-{secrets.token_hex(4)}"
        if not self.project_id.startswith("demo-"):
            raise ValueError(
                f"project_id is {self.project_id!r}: only an id that begins with 'demo-' can never "
                "reach a real project"
            )
        self.deadline = deadline
        self.ui = ui
        self.import_from = Path(import_from).resolve() if import_from else None
        self._needs_firebase = ui or exports or import_from is not None
        self.remarks: list[str] = []
        self.topics: list[str] = []
        self._tell = tell or partial(print, file=sys.stderr, flush=True)
        self._strict_indexes = strict_indexes
        self._ports = dict(ports or {})
        self._log_dir = Path(log_dir).resolve() if log_dir else None
        self._process: BackgroundProcess | None = None
        self._config_path: Path | None = None

    @override
    def start(self) -> Self:
        """Start the emulators, and return when they are ready and the functions are loaded.

        On the Pub/Sub emulator, this creates the topics that the app's functions publish to.

        Suites with functions start one after the other; see `onto_fn.testing.emulators.discovery`.

        Raises:
            ToolchainError: A required program is missing; the message names it.
            EmulatorError: The emulators ended, could not load the functions, or were not ready in
                time; or a topic of the app could not be created.
        """
        if self._process is not None:
            raise RuntimeError("the emulators have been started already")
        if self._log_dir is None:
            self._log_dir = log_folder()
        self._log_dir.mkdir(parents=True, exist_ok=True)
        toolchain = self._toolchain(self._log_dir)
        try:
            try:
                self._launch(toolchain)
            except EmulatorError:
                reason = undelivered_ui(self._running().log()) if self.ui else None
                if reason is None:
                    raise
                self.stop()
                self.ui = False
                self.remarks.append(
                    f"the Emulator UI cannot be downloaded ({reason}); the emulators run without it"
                )
                self._launch(toolchain)
            if {"functions", "pubsub"} <= set(self.only):
                self._make_topics()
        except BaseException:
            self.stop()
            raise
        return self

    @override
    def stop(self) -> None:
        """Stop the emulators and all their processes. Both `stop` and `start` can follow."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    @property
    def ports(self) -> dict[str, int]:
        """The ports chosen so far, by name of the emulator."""
        return dict(self._ports)

    @property
    def running(self) -> bool:
        """Whether the emulators have been started and have not ended."""
        return self._process is not None and self._process.running

    def wait(self) -> None:
        """Wait until the emulators end by themselves."""
        self._running().wait()

    @property
    def log_path(self) -> Path:
        """The file with the output of the emulators and functions; `stop` does not remove it."""
        if self._log_dir is None:
            raise EmulatorError("the emulators have not been started, so they have no log")
        return self._log_dir / "emulators.log"

    def log_tail(self, lines: int = 40) -> str:
        """The path of the log and its last lines, for a message."""
        return self._running().tail(lines)

    @property
    def pid(self) -> int:
        """The id of the process that all processes of the emulators descend from."""
        return self._running().pid

    def host(self, emulator: str) -> str:
        """The address of an emulator (or of the "ui"), as "127.0.0.1:port"."""
        self._running()
        if emulator not in self.only and not (emulator == UI and self.ui):
            raise EmulatorError(f"the {emulator} emulator was not requested: name it in `only`")
        return f"{HOST}:{self._ports[emulator]}"

    @property
    def firestore_host(self) -> str:
        """The address of the Firestore emulator, as "127.0.0.1:port"."""
        return self.host("firestore")

    @property
    def functions_host(self) -> str:
        """The address of the Functions emulator, as "127.0.0.1:port"."""
        return self.host("functions")

    @property
    def pubsub_host(self) -> str:
        """The address of the Pub/Sub emulator, as "127.0.0.1:port"."""
        return self.host("pubsub")

    @property
    def auth_host(self) -> str:
        """The address of the Auth emulator, as "127.0.0.1:port"."""
        return self.host("auth")

    def function_urls(self) -> dict[str, str]:
        """The addresses of the HTTP functions by name, such as that of "onto_api"."""
        return function_urls(self._running().log())

    def environ(self) -> dict[str, str]:
        """The environment variables that send Google's and Firebase's clients to the emulators."""
        variables = {
            "firestore": "FIRESTORE_EMULATOR_HOST",
            "pubsub": "PUBSUB_EMULATOR_HOST",
            "auth": "FIREBASE_AUTH_EMULATOR_HOST",
            "storage": "FIREBASE_STORAGE_EMULATOR_HOST",
        }
        return {variables[name]: self.host(name) for name in self.only if name in variables} | {
            "GOOGLE_CLOUD_PROJECT": self.project_id,
            "GCLOUD_PROJECT": self.project_id,
            "METADATA_SERVER_DETECTION": "none",
        }

    def client(self, database: str = "(default)", *, project_id: str | None = None) -> Client:
        """A Firestore client that bypasses security rules, as functions do.

        Args:
            database: Name of the database.
            project_id: A project other than the suite's. Its documents are separate, and no
                function sees them.
        """
        from google.auth.credentials import AnonymousCredentials
        from google.cloud.firestore import Client

        with environment(FIRESTORE_EMULATOR_HOST=self.firestore_host):
            return Client(
                project=project_id or self.project_id,
                credentials=AnonymousCredentials(),
                database=database,
            )

    def clear(self, database: str = "(default)") -> None:
        """Delete all documents of a database. The deletions trigger functions as usual.

        The emulator refuses this while a transaction is open, so retry for up to 10 seconds.
        """
        path = f"projects/{self.project_id}/databases/{quote(database)}/documents"
        url = f"http://{self.firestore_host}/emulator/v1/{path}"
        request = urllib.request.Request(url, method="DELETE")

        def refused(error: BaseException) -> bool:
            return isinstance(error, urllib.error.HTTPError) and error.code == 409

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(refused),
            stop=tenacity.stop_after_delay(10),
            wait=tenacity.wait_random(0.01, 0.05),
            reraise=True,
        )
        retrying(lambda: urllib.request.urlopen(request, timeout=30).close())

    def load_rules(self, rules: str, *, project_id: str | None = None) -> None:
        """Replace the security rules of a project.

        Args:
            rules: The text of a `firestore.rules`.
            project_id: A project other than the suite's.

        Raises:
            EmulatorError: The rules do not compile; the message names the line.
        """
        project = project_id or self.project_id
        content = {"rules": {"files": [{"name": "firestore.rules", "content": rules}]}}
        request = urllib.request.Request(
            f"http://{self.firestore_host}/emulator/v1/projects/{project}:securityRules",
            data=json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            raise EmulatorError(f"the rules do not compile: {error.read().decode()}") from error

    def export_to(self, folder: str | os.PathLike[str]) -> None:
        """Write the emulators' data into a folder for `import_from`.

        This replaces an older export in the folder.

        Raises:
            EmulatorError: The data could not be written, or the emulators run without
                firebase-tools.
        """
        self._running()
        if "hub" not in self._ports:
            raise EmulatorError("only emulators that firebase-tools has started can be exported")
        content = {"path": str(Path(folder).resolve()), "initiatedBy": "onto-fn"}
        request = urllib.request.Request(
            f"http://{HOST}:{self._ports['hub']}/_admin/export",
            data=json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=self.deadline).close()
        except urllib.error.HTTPError as error:
            raise EmulatorError(f"nothing was exported: {error.read().decode()}") from error
        except OSError as error:
            raise EmulatorError(f"nothing was exported: {error}") from error

    def _launch(self, toolchain: Toolchain) -> None:
        try:
            if toolchain.firebase is None:
                command, ready = self._firestore_command(toolchain), self._firestore_is_ready
            else:
                command, ready = self._firebase_command(toolchain.firebase), self._suite_is_ready
            with discovery(tell=self._tell) if "functions" in self.only else nullcontext():
                self._process = BackgroundProcess(
                    command,
                    self._environ(toolchain),
                    self.log_path,
                    removes=[self._config_path] if self._config_path else [],
                )
                self._process.wait_until(ready, self.deadline)
        finally:
            # firebase-tools has read it by now.
            if self._config_path is not None:
                self._config_path.unlink(missing_ok=True)

    def _environ(self, toolchain: Toolchain) -> dict[str, str]:
        environ = toolchain.environ(self.project_id)
        if self._strict_indexes and toolchain.firebase is not None:
            folder = self.log_path.parent / "strict"
            write_java(toolchain.java, folder, self.project_dir, self.log_path)
            environ["PATH"] = os.pathsep.join([str(folder), environ["PATH"]])
        return environ

    def _make_topics(self) -> None:
        from onto_fn.testing.topics import create_topics, declared_topics

        self.topics = declared_topics(self.project_dir, self.environ(), self.deadline)
        create_topics(self.pubsub_host, self.project_id, self.topics)

    def _running(self) -> BackgroundProcess:
        if self._process is None:
            raise EmulatorError("the emulators are not running: call start(), or use `with`")
        return self._process

    def _toolchain(self, shim_dir: Path) -> Toolchain:
        if self.only == ("firestore",) and not self._needs_firebase:
            toolchain = find_toolchain(self.project_dir, shim_dir, firebase=False)
            if toolchain.firestore_jar is not None:
                return toolchain
        return find_toolchain(self.project_dir, shim_dir)

    def _firestore_command(self, toolchain: Toolchain) -> list[str]:
        self._ports = {"firestore": self._ports.get("firestore") or free_ports(1)[0]}
        command = [
            str(toolchain.java),
            "-Duser.language=en",
            "-jar",
            str(toolchain.firestore_jar),
            f"--host={HOST}",
            f"--port={self._ports['firestore']}",
        ]
        if self._strict_indexes:
            return checked(command, self.project_dir, self.log_path)
        return command

    def _firebase_command(self, firebase: Sequence[str]) -> list[str]:
        found = read_config(self.project_dir)
        config = emulator_config(found, self.only, self._ports, ui=self.ui)
        self._ports = configured_ports(config)
        self._config_path = config_path(self.project_dir)
        self._config_path.write_text(json.dumps(config, indent=2))
        return [
            *firebase,
            "emulators:start",
            f"--project={self.project_id}",
            f"--config={self._config_path}",
            f"--only={','.join(self.only)}",
            *([f"--import={self.import_from}"] if self.import_from else []),
        ]

    def _firestore_is_ready(self) -> bool:
        # The log shows that this emulator, and not another one, has the port.
        if FIRESTORE_READY not in self._running().log():
            return False
        return page_of(f"http://{HOST}:{self._ports['firestore']}/") is not None

    def _suite_is_ready(self) -> bool:
        process = self._running()
        log = process.log()
        if "functions" in self.only and FUNCTIONS_FAILED.search(log):
            raise EmulatorError(f"the functions could not be loaded; {process.tail()}")
        if READY not in log:
            return False
        listed = page_of(f"http://{HOST}:{self._ports['hub']}/emulators")
        return listed is not None and all(name in json.loads(listed) for name in self.only)
