"""The clients and the audits of the GraphQL Foundation's packages for Node, in a process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

from onto_fn.testing.emulators.toolchain import find_node

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 20.0
SCRIPT = ROOT / "emulator_tests" / "api" / "graphql_clients.mjs"


class Client:
    """One that runs: what it prints, line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)

    def next(self) -> dict[str, Any]:
        """The next thing that happens."""
        found = next(iter(self), None)
        assert found is not None, f"the client ended: {self.errors()}"
        return found

    def errors(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read()


@contextmanager
def client(what: str, address: str, **options: Any) -> Generator[Client]:
    """A client that runs until the end of the block; see `graphql_clients.mjs`."""
    command = [find_node(ROOT), SCRIPT, ROOT / "tools" / "package.json", what, address]
    process = subprocess.Popen(
        [*map(str, command), json.dumps(options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    late = Timer(DEADLINE, process.kill)  # else a test would wait for a line for ever
    late.start()
    try:
        yield Client(process)
    finally:
        late.cancel()
        process.kill()
        process.wait(10)
