"""Backfill many documents: killed twice, resumed, beside live writes, and verified.

Sources are written in batches, as fast as Firestore takes them: the raw throughput. Then
`onto backfill` builds a view of each, in a process that is killed (SIGKILL) twice and started
again, while a client goes on writing and its events are handled. In the end `onto verify`
recomputes everything. Memory is that of the backfill's process, at a quarter, a half, three
quarters and the end.

Run it with `make bench-backfill` (DOCUMENTS=).
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.table import Table

from onto_fn import RetryPolicy
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Query, Reference, Write
from onto_fn.observability import Change
from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parent.parent
APP = Path(__file__).resolve().parent / "apps" / "orders.py"
ONTO = Path(sys.executable).parent / "onto"
sys.path.insert(0, str(APP.parent))

from orders import app  # noqa: E402

BATCH = 400
QUARTERS = (25, 50, 75, 100)
KILLED_AT = (33, 66)  # per cent
# A process that is killed leaves its transactions open, and what they lock, for a minute or so. A
# client tries again until then, and so does the platform with an event.
PATIENCE = RetryPolicy(attempts=10_000, deadline=300.0)


def sources(documents: int) -> Iterator[Write]:
    customers = max(1, documents // 100)
    for number in range(customers):
        yield Write(f"customers/c{number}", {"name": f"Customer {number}", "obj_type": "Customer"})
    for number in range(documents - customers):
        yield order(number, customers, "")


def order(number: int, customers: int, note: str) -> Write:
    customer = Reference(f"customers/c{number % customers}")
    fields = {"number": number, "note": note, "customer": customer, "obj_type": "Order"}
    return Write(f"orders/o{number:07}", fields)


def write_raw(database: Database, documents: int) -> float:
    """Documents a second."""
    writes = list(sources(documents))
    batches = [writes[start : start + BATCH] for start in range(0, len(writes), BATCH)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(database.commit, batches))
    return documents / (time.perf_counter() - begin)


class Client(threading.Thread):
    """Writes orders, now and then a customer, and has the event of each handled."""

    def __init__(self, database: Database, engine: Engine, documents: int) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.writes = 0
        self.failed: list[str] = []
        self._database = database
        self._engine = engine
        self._customers = max(1, documents // 100)
        self._orders = documents - self._customers
        self._random = random.Random(7)

    def run(self) -> None:
        while not self.done.wait(0.05):
            self.writes += 1
            if self.writes % 50 == 0:
                number = self._random.randrange(self._customers)
                name = f"Customer {number}, {self.writes}"
                write = Write(f"customers/c{number}", {"name": name, "obj_type": "Customer"})
            else:
                number = self._random.randrange(self._orders)
                write = order(number, self._customers, f"live {self.writes}")
            try:
                PATIENCE.run(write.path, lambda _, w=write: self._database.commit([w]))
                change = Change(write.path, None, None, f"live-{self.writes}")
                PATIENCE.run(write.path, lambda _, c=change: self._handle(c))
            except Exception as error:
                self.failed.append(repr(error))

    def _handle(self, change: Change) -> None:
        self._engine.handle(self._database, change)


def onto(*words: str, project: str) -> subprocess.Popen[str]:
    place = ["--app", str(APP), "--project", project]
    return subprocess.Popen([ONTO, *words, *place], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def memory(pid: int) -> float:
    """Resident memory of a process, in MiB; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(x.split()[1]) / 1024 for x in status.splitlines() if x[:6] == "VmRSS:"), 0.0)


def built(database: Database) -> int:
    """How many roots the backfill's checkpoint counts."""
    parts = database.query(Query("onto_backfills/all/parts"))[0]
    return sum((part.fields or {})["counts"]["done"] for part in parts)


class Run:
    """A backfill that is killed and started again until it is done."""

    def __init__(self, database: Database, roots: int) -> None:
        self._database = database
        self._roots = roots
        self.at_kill: list[int] = []
        self.at_resume: list[int] = []
        self.memory: dict[int, float] = {}
        self.peak = 0.0
        self.output = ""

    def run(self) -> float:
        """Seconds in which it ran."""
        seconds = 0.0
        for per_cent in (*KILLED_AT, None):
            begin = time.perf_counter()
            process = onto("backfill", "--all", "--json", project=self._database.project)
            self._watch(process, per_cent)
            seconds += time.perf_counter() - begin
            if per_cent is not None:
                self.at_kill.append(built(self._database))
        return seconds

    def _watch(self, process: subprocess.Popen[str], kill_at: int | None) -> None:
        while process.poll() is None:
            share = 100 * built(self._database) // self._roots
            used = memory(process.pid)
            self.peak = max(self.peak, used)
            for quarter in QUARTERS:
                if quarter == 100 or (share >= quarter and quarter not in self.memory):
                    self.memory[quarter] = used or self.memory.get(quarter, 0.0)
            if kill_at is not None and share >= kill_at:
                process.kill()
                process.wait()
                return
            time.sleep(0.3)
        self.output = process.stdout.read() if process.stdout else ""
        if kill_at is not None or process.returncode:
            raise SystemExit(f"the backfill ended by itself: {process.returncode} {self.output}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000, help="sources (default 100,000)")
    documents = parser.parse_args().documents
    console = Console(width=110)
    with EmulatorSuite(ROOT, only=("firestore",)) as suite:
        os.environ.update(suite.environ())
        database = Database(f"demo-{secrets.token_hex(6)}")
        raw = write_raw(database, documents)
        roots = documents - max(1, documents // 100)
        console.print(f"{documents} sources written, {raw:.0f}/s")
        client = Client(database, app.engine, documents)
        client.start()
        run = Run(database, roots)
        seconds = run.run()
        console.print(f"backfilled: {run.output.strip()}")
        client.done.set()
        client.join()
        begin = time.perf_counter()
        verify = onto("verify", "--json", project=database.project)
        answer, _ = verify.communicate()
        verified = time.perf_counter() - begin
    table = Table(title=f"{documents} source documents, {roots} views")
    table.add_column("")
    table.add_column("", justify="right")
    rows = {
        "raw batched writes": f"{raw:.0f} documents/s",
        "backfill": f"{roots / seconds:.0f} views/s in {seconds:.0f} s ({seconds * raw / roots:.1f}"
        " times as long as raw)",
        "killed (SIGKILL) at": ", ".join(f"{number} views" for number in run.at_kill),
        "live writes meanwhile": f"{client.writes}, {len(client.failed)} failed",
        "memory at 25, 50, 75, 100 %": ", ".join(f"{run.memory[q]:.0f}" for q in QUARTERS) + " MiB",
        "memory at most": f"{run.peak:.0f} MiB",
        "onto verify": f"exit code {verify.returncode}, {verified:.0f} s: {answer.strip()}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
    if client.failed:
        console.print(client.failed[:3])
    sys.exit(verify.returncode)


if __name__ == "__main__":
    main()
