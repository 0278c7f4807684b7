"""The program that runs the workers and their proxies: `python -m onto_fn.testing.chaos.host FILE`.

It is a separate process, so that the parent's work does not delay the forwarding of calls. The file
has the configuration of `onto_fn.testing.chaos.workers.Workers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, TextIO

import tenacity

from onto_fn.testing.chaos.plans import FaultPlan, FaultRates
from onto_fn.testing.chaos.proxy import FaultProxy
from onto_fn.testing.emulators.supervisor import descendants

READY = "all workers ready"
_HOST = "127.0.0.1"


class Worker:
    """One functions-framework instance, which can be killed and is restarted whenever it ends.

    Args:
        name: its name.
        command: the program and its arguments.
        environ: its environment.
        port: the port on which it serves.
        log_path: the file to which its output is appended.
    """

    def __init__(
        self, name: str, command: list[str], environ: dict[str, str], port: int, log_path: Path
    ) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._environ = environ
        self._log_path = log_path
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Start the instance, and restart it whenever it ends."""
        while True:
            with self._log_path.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=self._environ,
                    start_new_session=True,
                )
            await self._process.wait()

    async def kill(self, whole_instance: bool) -> None:
        """Kill the process that serves, or the whole instance with its parent process."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        serving = descendants(process.pid)
        victims = [process.pid, *serving] if whole_instance or not serving else serving
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def wait_until_ready(self, deadline: float) -> None:
        """Wait until a process listens on its port."""

        def connect() -> None:
            socket.create_connection((_HOST, self.port), timeout=5).close()

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(OSError),
            wait=tenacity.wait_fixed(0.1),
            stop=tenacity.stop_after_delay(deadline),
            reraise=True,
        )
        await retrying(asyncio.to_thread, connect)


async def serve(config: dict[str, Any], log: TextIO) -> None:
    """Run all proxies and workers until this process ends."""
    plan = FaultPlan(config["seed"], FaultRates(**config["rates"]))
    workers: list[Worker] = []

    def note(entry: dict[str, Any]) -> None:
        log.write(json.dumps(entry) + "\n")

    for item in config["workers"]:
        environ = os.environ | config["environ"]
        command = [
            *(sys.executable, "-m", "functions_framework", "--source", config["source"]),
            *("--target", item["function"], "--signature-type", "cloudevent"),
            *("--host", _HOST, "--port", str(item["port"])),
        ]
        log_path = Path(config["log_dir"]) / f"{item['name']}.log"
        worker = Worker(item["name"], command, environ, item["port"], log_path)
        proxy = FaultProxy(
            worker.name,
            config["target"],
            plan,
            kill=worker.kill,
            log=note,
            database=config["database"],
        )
        environ["FIRESTORE_EMULATOR_HOST"] = f"{_HOST}:{await proxy.start()}"
        workers.append(worker)
    running = [asyncio.ensure_future(worker.run()) for worker in workers]
    await asyncio.gather(*(worker.wait_until_ready(config["deadline"]) for worker in workers))
    print(READY, flush=True)
    await asyncio.gather(*running)


def main(config_path: str) -> None:
    """Run the workers and proxies of a configuration file."""
    config = json.loads(Path(config_path).read_text())
    with Path(config["faults"]).open("w", buffering=1) as log:
        asyncio.run(serve(config, log))


if __name__ == "__main__":
    main(sys.argv[1])
