"""Live streams: a thousand clients on one instance under faults, and how soon they see a write.

The instance is served as a deployment serves it. Between it and the emulator is a connection that
is cut, the emulator is started again with its data, and the instance itself is killed; the clients
come back by themselves. In the end each must show the last change, and none may have gone back.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from frame import ROOT, Options, Ratio, Report, Table, percentiles
from serving import Connection

from onto_fn.editing import Database, Write
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.emulators.toolchain import find_node

HERE = ROOT / "benchmarks"
PROJECT = "demo-streams"
MAX_MIB, MAX_REST, MAX_LATENCY = 200, 2.0, 1.2
OPEN = 500


class Link:
    """A TCP connection to an emulator that can be cut, and led to another port."""

    def __init__(self, target: int) -> None:
        self.target = target
        (self.port,) = free_ports(1)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        started = threading.Event()

        def run() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
            started.set()
            self._loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()

    def cut(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        await asyncio.gather(_pump(reader, back), _pump(there, writer))
        self._writers -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


class Instance:
    """A process of functions-framework that serves the app."""

    def __init__(self, environ: dict[str, str]) -> None:
        (self.port,) = free_ports(1)
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [Path(sys.executable).parent / "functions-framework", "--target", "onto_api"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), "--host", "127.0.0.1"],
            cwd=HERE / "apps" / "streaming",
            env={**self._environ, "FUNCTION_TARGET": "onto_api", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def processes(self) -> list[psutil.Process]:
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def worker(self) -> psutil.Process:
        """The process that serves; the one above it only starts it."""
        return self.processes()[-1]

    def kill(self) -> None:
        """End it without a warning."""
        for process in self.processes():
            process.kill()
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


class Clients:
    """The process of all clients."""

    def __init__(self, address: str, clients: int, documents: int) -> None:
        command = [sys.executable, HERE / "clients.py", address, str(clients), str(documents)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seen(self) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def leave(self) -> None:
        self._process.kill()
        self._process.wait()


def until(holds: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until something holds."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + seconds, what
        time.sleep(0.1)
    return time.monotonic() - started


def soak(options: Options, report: Report) -> None:
    """A thousand clients on a hundred documents, two hundred changes, and everything breaks."""
    clients, documents, changes = options.pick((1000, 100, 200), (100, 20, 40))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        suite = EmulatorSuite(ROOT, only=("firestore",), project_id=PROJECT, exports=True).start()
        stack.callback(lambda: suite.stop())
        link = Link(int(suite.firestore_host.rpartition(":")[2]))
        environ = {**os.environ, **suite.environ()}
        environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{link.port}"
        numbers = [0] * documents

        def database() -> Database:
            os.environ["FIRESTORE_EMULATOR_HOST"] = suite.firestore_host
            return Database(PROJECT)

        def change(number: int, made: Database) -> None:
            which = number % documents
            numbers[which] += 1
            made.commit([Write(f"scorePages/{which}", {"number": numbers[which]})])

        def everybody_is_right() -> bool:
            seen = group.seen()["numbers"]
            return all(n == numbers[place % documents] for place, n in enumerate(seen))

        writing = database()
        for number in range(documents):
            change(number, writing)
        instance = Instance(environ)
        stack.callback(lambda: instance.stop())
        until(lambda: _answers(instance.port), 60, "the instance does not answer")
        one = Clients(instance.address, 1, documents)
        until(lambda: one.seen()["numbers"][0] == numbers[0], 60, "one client sees nothing")
        alone = (instance.worker().num_threads(), instance.worker().memory_info().rss)
        one.leave()
        group = Clients(instance.address, clients, documents)
        stack.callback(group.leave)
        until(everybody_is_right, 120, "not every client has begun")
        full = (instance.worker().num_threads(), instance.worker().memory_info().rss)
        rows: list[tuple[str | float, ...]] = []
        quarter, done = changes // 4, 0
        for what in ("nothing", "stream cut", "emulator started again", "instance killed"):
            if what == "emulator started again":
                writing.close()
                suite.export_to(folder)
                suite.stop()
                link.cut()
                suite = EmulatorSuite(
                    ROOT, only=("firestore",), project_id=PROJECT, import_from=folder
                ).start()
                link.target = int(suite.firestore_host.rpartition(":")[2])
                writing = database()
            for number in range(quarter):
                change(number + done, writing)
                if what == "stream cut" and number % 10 == 0:
                    link.cut()
                if what == "instance killed" and number == quarter // 2:
                    instance.kill()
                    instance.start()
            done += quarter
            seconds = until(everybody_is_right, 180, f"{what}: not every client is right")
            rows.append((what, seconds))
        seen = group.seen()
        assert seen["fallen"] == 0, f"{seen['fallen']} clients were shown an older version"
        after = (instance.worker().num_threads(), instance.worker().memory_info().rss)
        group.leave()
        until(lambda: _open(instance) <= 1, 60, "connections stay open")
        report.tables.append(
            Table(
                f"{clients:,} clients on {documents} documents: until each shows the last change",
                ("broken", "seconds"),
                tuple(rows),
            )
        )
        mib = 1024 * 1024
        report.tables.append(
            Table(
                "The instance",
                ("", "threads", "MiB"),
                (
                    ("with one client", alone[0], alone[1] / mib),
                    (f"with {clients:,}", full[0], full[1] / mib),
                    ("at the end, started again", after[0], after[1] / mib),
                ),
            )
        )
        report.notes.append(
            f"{seen['connections']:,} connections, no version fell; wanted at most {MAX_MIB} MiB"
        )
        writing.close()


def _have_begun(group: Clients) -> bool:
    return min(group.seen()["numbers"]) >= 0


def _answers(port: int) -> bool:
    try:
        asyncio.run(Connection(port, "/openapi.json").get())
    except (OSError, asyncio.IncompleteReadError):
        return False
    return True


def _open(instance: Instance) -> int:
    """Connections of clients that the instance still has."""
    return sum(
        connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == instance.port
        for process in instance.processes()
        for connection in process.net_connections("tcp")
    )


@contextmanager
def running() -> Generator[tuple[EmulatorSuite, Instance, Database]]:
    """An emulator and an instance."""
    with EmulatorSuite(ROOT, only=("firestore",), project_id=PROJECT) as suite:
        os.environ.update(suite.environ())
        database, instance = Database(PROJECT), Instance({**os.environ, **suite.environ()})
        try:
            database.commit([Write("scorePages/0", {"number": 1})])
            until(lambda: _answers(instance.port), 60, "the instance does not answer")
            yield suite, instance, database
        finally:
            instance.stop()
            database.close()


def rest(options: Options, instance: Instance, report: Report) -> None:
    """A read over REST, with and without open streams, in turns."""
    rounds, each = options.pick((7, 200), (2, 50))

    def median() -> float:
        async def measure() -> list[float]:
            connection, found = Connection(instance.port, "/scorePages/0"), list[float]()
            for _ in range(each):
                started = time.perf_counter()
                await connection.get()
                found.append(time.perf_counter() - started)
            connection.close()
            return found

        return statistics.median(asyncio.run(measure()))

    without, within = list[float](), list[float]()
    for _ in range(rounds):
        without.append(median())
        group = Clients(instance.address, OPEN, 1)
        until(partial(_have_begun, group), 120, "not all have begun")
        within.append(median())
        group.leave()
        until(lambda: _open(instance) <= 1, 60, "connections stay open")
    label = f"with {OPEN} open streams / without, p50 of a read"
    report.ratios.append(
        Ratio.of(label, within, without, unit="latency", target=f"at most {MAX_REST}")
    )


def latency(options: Options, suite: EmulatorSuite, instance: Instance, report: Report) -> None:
    """From a write to a client, beside the Firebase listener of the same client."""
    words = [ROOT / "web" / "package.json", suite.firestore_host, PROJECT, instance.address]
    command = [find_node(ROOT), HERE / "peers" / "listener.mjs", *words, options.pick("300", "50")]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    rows = tuple((name, *percentiles(values)) for name, values in found.items())
    columns = ("", "p50 ms", "p95 ms", "p99 ms")
    report.tables.append(Table("From a write until a client shows it", columns, rows))
    slices = [slice(start, None, 5) for start in range(5)]
    medians = {
        side: [statistics.median(values[part]) for part in slices] for side, values in found.items()
    }
    report.ratios.append(
        Ratio.of(
            "stream / Firebase listener, p50",
            medians["stream"],
            medians["listener"],
            unit="latency",
            target=f"at most {MAX_LATENCY}",
        )
    )


def run(options: Options) -> Report:
    """All of it."""
    report = Report()
    with running() as (suite, instance, _):
        latency(options, suite, instance, report)
        rest(options, instance, report)
    soak(options, report)
    return report
