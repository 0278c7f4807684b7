"""One document over HTTP: `onto_api` beside a hand-written Starlette function.

Both are served as a deployment serves them, by functions-framework, each in a process of its own,
and read the same documents of one emulator. The hand-written one uses Google's asynchronous client.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from frame import ROOT, Options, Ratio, Report, Table, interleaved, percentiles

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.users import sign_in

HERE = ROOT / "benchmarks"
SIDES = {"onto_fn": HERE / "apps" / "serving", "by hand": HERE / "peers" / "serving"}
MAX_LATENCY, MIN_THROUGHPUT, MAX_START = 1.3, 1.0, 1.25
CONNECTIONS = 32
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_BOARD = {
    "title": "Board",
    "lines": [{"text": f"line {number} of the board", "number": number} for number in range(20)],
}


@contextmanager
def served(folder: Path, environ: dict[str, str]) -> Generator[int]:
    """The port of a function that functions-framework serves until the end."""
    (port,) = free_ports(1)
    command = [Path(sys.executable).parent / "functions-framework", "--target", "onto_api"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--host", "127.0.0.1"],
        cwd=folder,
        env={**environ, "FUNCTION_TARGET": "onto_api", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


class Connection:
    """One connection that is kept open; it sends one request again and again."""

    def __init__(self, port: int, path: str, headers: str = "") -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
        self._reader: asyncio.StreamReader | None = None

    async def get(self, status: int = 200) -> bytes:
        """The body of an answer, whose status must be this one."""
        if self._reader is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await self._reader.readexactly(int(length.group(1))) if length else b""
        assert head.startswith(f"HTTP/1.1 {status} ".encode()), (head, body)
        return body

    def close(self) -> None:
        if self._reader is not None:
            self._writer.close()


async def _latencies(connection: Connection, number: int) -> list[float]:
    found: list[float] = []
    for _ in range(number):
        started = time.perf_counter()
        await connection.get()
        found.append(time.perf_counter() - started)
    return found


async def _throughput(port: int, path: str, headers: str, seconds: float) -> float:
    """Answers a second at 32 connections."""
    connections = [Connection(port, path, headers) for _ in range(CONNECTIONS)]
    await asyncio.gather(*(connection.get() for connection in connections))
    answered = 0
    end = time.perf_counter() + seconds

    async def go(connection: Connection) -> None:
        nonlocal answered
        while time.perf_counter() < end:
            await connection.get()
            answered += 1

    started = time.perf_counter()
    await asyncio.gather(*(go(connection) for connection in connections))
    rate = answered / (time.perf_counter() - started)
    for connection in connections:
        connection.close()
    return rate


async def _first_answer(port: int, path: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        connection = Connection(port, path)
        try:
            await connection.get()
            return
        except (OSError, asyncio.IncompleteReadError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.005)
        finally:
            connection.close()


def _start(folder: Path, environ: dict[str, str], path: str) -> float:
    """Seconds from the start of the process to its first answer."""
    started = time.perf_counter()
    with served(folder, environ) as port:
        asyncio.run(_first_answer(port, path))
        return time.perf_counter() - started


def run(options: Options) -> Report:
    """Compare latency, throughput and cold start."""
    rounds, each, seconds = options.pick((9, 300, 3.0), (3, 50, 0.5))
    with ExitStack() as stack:
        suite = stack.enter_context(EmulatorSuite(ROOT, only=("firestore", "auth")))
        environ = {**os.environ, **suite.environ()}
        client = suite.client()
        user = sign_in(suite, "ada", {})
        public, own = "/boards/b", "/users/ada/pages/page"
        client.document("boards/b").set(_BOARD)
        client.document("users/ada/pages/page").set(_BOARD)
        token = f"Authorization: Bearer {user.token}\r\n"
        starts = interleaved(
            options.pick(7, 2),
            {
                name: lambda _, folder=folder: _start(folder, environ, public)
                for name, folder in SIDES.items()
            },
        )
        ports = {n: stack.enter_context(served(f, environ)) for n, f in SIDES.items()}
        for port in ports.values():
            asyncio.run(_first_answer(port, public))
        report = Report()
        every: dict[tuple[str, str], list[float]] = {}

        def latency(name: str, path: str, headers: str, _: int) -> float:
            async def measure() -> list[float]:
                connection = Connection(ports[name], path, headers)
                await _latencies(connection, 20)
                found = await _latencies(connection, each)
                connection.close()
                return found

            found = asyncio.run(measure())
            every.setdefault((name, path), []).extend(found)
            return statistics.median(found)

        def throughput(name: str, path: str, headers: str, _: int) -> float:
            return asyncio.run(_throughput(ports[name], path, headers, seconds))

        for what, path, headers in (("public", public, ""), ("with an ID token", own, token)):
            medians = interleaved(
                rounds, {name: partial(latency, name, path, headers) for name in SIDES}
            )
            report.ratios.append(
                Ratio.of(
                    f"onto_fn / by hand, p50, {what}",
                    medians["onto_fn"],
                    medians["by hand"],
                    unit="latency",
                    target=f"at most {MAX_LATENCY}",
                )
            )
            rates = interleaved(
                rounds, {name: partial(throughput, name, path, headers) for name in SIDES}
            )
            report.ratios.append(
                Ratio.of(
                    f"onto_fn / by hand, {CONNECTIONS} connections, {what}",
                    rates["onto_fn"],
                    rates["by hand"],
                    unit="throughput",
                    target=f"at least {MIN_THROUGHPUT}",
                )
            )
            rows = tuple(
                (name, *(ms * 1000 for ms in percentiles(every[name, path])), statistics.median(r))
                for name, r in rates.items()
            )
            columns = ("", "p50 ms", "p95 ms", "p99 ms", f"answers/s, {CONNECTIONS} connections")
            report.tables.append(Table(f"One document over HTTP, {what}", columns, rows))
        report.tables.append(
            Table(
                "From the start of a process to its first answer",
                ("", "seconds"),
                tuple((name, statistics.median(values)) for name, values in starts.items()),
            )
        )
        report.ratios.append(
            Ratio.of(
                "onto_fn / by hand",
                starts["onto_fn"],
                starts["by hand"],
                unit="cold start",
                target=f"at most {MAX_START}",
            )
        )
        client.close()
        return report
