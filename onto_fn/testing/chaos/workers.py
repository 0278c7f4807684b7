"""`Workers`: serves an app's functions with real functions-framework processes that fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from typing_extensions import override

import onto_fn
from onto_fn.testing.chaos import host
from onto_fn.testing.chaos.plans import FaultPlan
from onto_fn.testing.emulators.config import HOST, free_ports
from onto_fn.testing.emulators.process import BackgroundProcess, EmulatorError
from onto_fn.testing.emulators.service import Service

__all__ = ["Workers", "declared_concurrency", "declared_functions", "declared_topics"]

_DISCOVER = """
import importlib.util, inspect, json, sys
sys.path.insert(0, sys.argv[1].rpartition("/")[0])
spec = importlib.util.spec_from_file_location("main", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = {}
for name, function in inspect.getmembers(module, inspect.isfunction):
    endpoint = getattr(function, "__firebase_endpoint__", None)
    if endpoint is not None:
        trigger = getattr(endpoint, "eventTrigger", None) or {}
        found[name] = {
            "document": trigger.get("eventFilterPathPatterns", {}).get("document"),
            "topic": trigger.get("eventFilters", {}).get("topic"),
            "concurrency": getattr(endpoint, "concurrency", None),
        }
print(json.dumps(found))
"""


def declared_functions(source: Path) -> dict[str, str]:
    """The document pattern of each Firestore function that a `main.py` declares, by name.

    Raises:
        subprocess.CalledProcessError: the file cannot be imported.
    """
    return _declared(source, "document")


def declared_topics(source: Path) -> dict[str, str]:
    """The topic of each Pub/Sub function, by name; see `declared_functions`."""
    return _declared(source, "topic")


def declared_concurrency(source: Path) -> dict[str, int]:
    """The concurrency of each function that declares one, by name; see `declared_functions`."""
    return _declared(source, "concurrency")


def _declared(source: Path, kind: str) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-c", _DISCOVER, str(source)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | _environ(),
    )
    found: dict[str, dict[str, Any]] = json.loads(run.stdout)
    return {name: value for name, trigger in found.items() if (value := trigger[kind])}


class Workers(Service):
    """Runs functions-framework processes behind a `FaultProxy` each, and restarts killed ones.

    Args:
        source: the app's `main.py`.
        functions: the number of workers per function.
        firestore_host: address of the emulator.
        project_id: id of the project.
        plan: chooses the faults.
        log_dir: folder for the logs.
        environ: additional environment variables of the workers.
        deadline: seconds within which all workers must be ready.
    """

    def __init__(
        self,
        source: Path,
        functions: Mapping[str, int],
        *,
        firestore_host: str,
        project_id: str,
        plan: FaultPlan,
        log_dir: Path,
        environ: Mapping[str, str] | None = None,
        deadline: float = 60.0,
    ) -> None:
        self._log_dir = log_dir
        self._deadline = deadline
        self._faults = log_dir / "faults.jsonl"
        self._process: BackgroundProcess | None = None
        names = [(f, f"{f}-{n + 1}") for f, count in functions.items() for n in range(count)]
        ports = free_ports(len(names))
        self._workers = [
            {"name": name, "function": function, "port": port}
            for (function, name), port in zip(names, ports, strict=True)
        ]
        self._config: dict[str, Any] = {
            "source": str(source),
            "target": firestore_host,
            "database": f"projects/{project_id}/databases/(default)",
            "seed": plan.seed,
            "rates": asdict(plan.rates),
            "deadline": deadline,
            "faults": str(self._faults),
            "log_dir": str(log_dir),
            "workers": self._workers,
            "environ": {
                **_environ(),
                "GOOGLE_CLOUD_PROJECT": project_id,
                "METADATA_SERVER_DETECTION": "none",
                **(environ or {}),
            },
        }

    @override
    def start(self) -> Self:
        """Start all workers, and return when each accepts connections.

        Raises:
            EmulatorError: the workers ended, or were not ready in time.
        """
        self._log_dir.mkdir(parents=True, exist_ok=True)
        config = self._log_dir / "workers.json"
        config.write_text(json.dumps(self._config))
        process = BackgroundProcess(
            [sys.executable, "-m", host.__name__, str(config)],
            os.environ | _environ(),
            self._log_dir / "host.log",
        )
        self._process = process
        try:
            process.wait_until(lambda: host.READY in process.log(), self._deadline)
        except BaseException:
            self.stop()
            raise
        return self

    @override
    def stop(self) -> None:
        """Stop all workers. May be called again."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    @property
    def pid(self) -> int:
        """The id of the process that all workers descend from."""
        if self._process is None:
            raise EmulatorError("the workers are not running: call start(), or use `with`")
        return self._process.pid

    def addresses(self, function: str) -> list[tuple[str, int]]:
        """Host and port of each worker of a function."""
        return [(HOST, int(w["port"])) for w in self._workers if w["function"] == function]

    def journal(self) -> list[dict[str, Any]]:
        """The faults that were injected and the commits that took effect, so far.

        A fault is `{"fault": name of a Fault, "call": …, "worker": …, "code": …}`, a commit
        `{"commit": microseconds, "writes": [[path, whether deleted], …]}`.
        """
        lines = self._faults.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def logs(self) -> dict[str, str]:
        """The output of each worker so far."""
        return {
            str(w["name"]): (self._log_dir / f"{w['name']}.log").read_text(errors="replace")
            for w in self._workers
        }


def _environ() -> dict[str, str]:
    """Environment variables that make other processes import the same onto_fn."""
    root = str(Path(onto_fn.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return {
        "PYTHONPATH": os.pathsep.join([root, *([inherited] if inherited else [])]),
        "PYTHONUNBUFFERED": "1",
    }
