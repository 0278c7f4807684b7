"""`Instance`: one function, started by what the build starts it with."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
from pathlib import Path
from typing import Any

from typing_extensions import override

from onto_fn.testing.chaos import RecordedEvent
from onto_fn.testing.emulators.config import HOST, free_ports
from onto_fn.testing.emulators.process import BackgroundProcess
from onto_fn.testing.emulators.service import Service
from onto_fn.testing.emulators.supervisor import descendants

DEADLINE_SECONDS = 120


class Instance(Service):
    """A function as Cloud Run starts it: functions-framework, which serves with gunicorn.

    It sees the environment that the deploy asked for, what Cloud Run adds, and where the emulator
    is; nothing of this process.

    Args:
        spec: the function as the deploy asked for it.
        folder: the unpacked archive.
        venv: with its requirements.
        firestore_host: address of the emulator.
        environ: more environment variables.
    """

    def __init__(
        self, spec: dict[str, Any], folder: Path, venv: Path, firestore_host: str, **environ: str
    ) -> None:
        environment = spec["serviceConfig"]["environmentVariables"]
        self.name: str = environment["FUNCTION_TARGET"]
        (self.port,) = free_ports(1)
        self._folder = folder
        self._command = [str(venv / "bin" / "functions-framework")]
        service = self.name.replace("_", "-")
        self._environ = {
            **environment,
            "PORT": str(self.port),
            "K_SERVICE": service,
            "K_REVISION": f"{service}-00001-abc",
            "K_CONFIGURATION": service,
            "PATH": os.pathsep.join([str(venv / "bin"), os.defpath]),
            "HOME": str(folder),
            "HOST": HOST,
            "FIRESTORE_EMULATOR_HOST": firestore_host,
            "METADATA_SERVER_DETECTION": "none",
            **environ,
        }
        self._process: BackgroundProcess | None = None

    @override
    def start(self) -> Instance:
        # The log's folder is the working directory, as the unpacked archive is Cloud Run's.
        log = self._folder / f"{self.name}-{self.port}.log"
        self._process = BackgroundProcess(self._command, self._environ, log)
        self._process.wait_until(self._listens, DEADLINE_SECONDS)
        return self

    @override
    def stop(self) -> None:
        if self._process is not None:
            self.kill()  # it has nothing to tidy up, and would take its time
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End the instance at once, whatever it is doing."""
        assert self._process is not None
        for pid in descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def log(self) -> str:
        """What it has printed since it was started last."""
        assert self._process is not None
        return self._process.log()

    def _listens(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=5).close()
        except OSError:
            return False
        return True


def deliver(event: RecordedEvent, instance: Instance) -> int | None:
    """Post an event as Eventarc does; the status of the answer, None if there is none."""
    connection = http.client.HTTPConnection(HOST, instance.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("POST", "/", event.payload, dict(event.headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
