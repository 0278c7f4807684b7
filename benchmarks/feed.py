"""A post in the feeds of all followers of its author, beside a raw batched write of the same.

For each number of followers, in one run on the same emulator:

* raw: one client writes the same documents to another collection, in batches of 500.
* fan-out: the post is edited; real functions-framework workers rebuild every feed, the batches
  going through a real Pub/Sub emulator. Until every feed is right.
* loop: a hand-written trigger does the same: it sets one document after the other.
* faults: fan-out, while events and batches are delivered up to five times and at once,
  workers are killed around their commits, and calls fail. Until every feed is right.

Then it prints how many documents one edit reads and writes, as Firestore bills them.

Run it with `make bench`.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from google.cloud.firestore import Client, CollectionGroup, FieldFilter
from rich.console import Console
from rich.table import Table

from onto_fn import Change, Database, Engine, FanOut
from onto_fn.engine import Batch
from onto_fn.firestore import Document, Write
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.billing import Billing
from onto_fn.testing.chaos import (
    Deliverer,
    DeliveryPlan,
    DeliveryRates,
    FaultPlan,
    FaultRates,
    MessageRecorder,
    Recorder,
    Workers,
    declared_functions,
    declared_topics,
)
from onto_fn.testing.eventually import eventually
from onto_fn.testing.supervisor import descendants

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "emulator_tests" / "apps" / "feed.py"
PROJECT = "demo-feed"
FAULTLESS = FaultRates(0, 0, 0, 0, 0, 0, 0, 0)
PROMPT = DeliveryRates(copies=(1,), usual_delay=0, long=0, pair=0, dropped=0)
KILLS = FaultRates(kill_before_commit=0.15, kill_after_commit=0.15, ambiguous=0.05)
REPEATED = DeliveryRates(usual_delay=0.2, long=0)
FAN_OUT_WORKERS = 2
DEADLINE = 300.0


@dataclass
class Row:
    """What was measured for one number of followers."""

    followers: int
    raw: float
    loop: float
    plain: float
    faulty: float
    kills: int
    peak: int


class Feeds:
    """The author, the post and the feeds that it is in."""

    def __init__(self, client: Client, followers: int) -> None:
        self.client = client
        self.author, self.post = f"users/author{followers}", f"insta_posts/post{followers}"
        self.names = [f"follower{n:05}" for n in range(followers)]

    def begin(self) -> None:
        self.client.document(self.author).set({"followers": dict.fromkeys(self.names, True)})
        self.edit("first")
        self.wait_for("first")

    def edit(self, text: str) -> None:
        fields = {"ownerId": self.author.rpartition("/")[2], "text": text}
        self.client.document(self.post).set(fields)

    def wait_for(self, text: str) -> None:
        """Return when every feed has the post with this text."""
        feed: CollectionGroup = self.client.collection_group("feed")
        matching = feed.where(filter=FieldFilter("post.text", "==", text)).where(
            filter=FieldFilter("post.doc_ref", "==", self.post)
        )
        count: Callable[[], int] = lambda: matching.count().get()[0][0].value  # noqa: E731
        eventually(lambda: count() == len(self.names), deadline=DEADLINE)

    def check(self, text: str) -> None:
        """Every feed has exactly what it should have."""
        expected = dict(self.contents(text))
        found = {
            document.reference.path: document.to_dict()
            for document in self.client.collection_group("feed").stream()
            if document.reference.path.endswith(f"/{self.post.rpartition('/')[2]}")
        }
        if found != expected:
            wrong = [p for p in {*found, *expected} if found.get(p) != expected.get(p)]
            sys.exit(f"{len(wrong)} feeds are wrong, such as {wrong[0]}: {found.get(wrong[0])}")

    def contents(self, text: str) -> list[tuple[str, dict[str, Any]]]:
        identifier = self.post.rpartition("/")[2]
        post = {
            "ownerId": self.author.rpartition("/")[2],
            "text": text,
            "doc_id": identifier,
            "doc_ref": self.post,
            "obj_type": "Post",
        }
        paths = [f"users/{name}/feed/{identifier}" for name in self.names]
        return [(p, {"obj_type": "PostDAV", "doc_ref": p, "post": post}) for p in paths]

    def write_raw(self) -> float:
        """Seconds of a batched write of the same documents elsewhere."""
        contents = self.contents("raw")
        started = time.perf_counter()
        for begin in range(0, len(contents), 500):
            batch = self.client.batch()
            for path, content in contents[begin : begin + 500]:
                batch.set(self.client.document(f"raw/{path.replace('/', '_')}"), content)
            batch.commit()
        return time.perf_counter() - started

    def loop(self) -> float:
        """Seconds of a hand-written trigger."""
        started = time.perf_counter()
        post = self.client.document(self.post).get().to_dict() or {}
        author = self.client.document(f"users/{post['ownerId']}").get().to_dict() or {}
        identifier = self.post.rpartition("/")[2]
        for name, follows in author["followers"].items():
            if follows:
                self.client.document(f"loop/{name}_{identifier}").set({"post": post})
        return time.perf_counter() - started


class Stage:
    """Emulators, and workers whose faults are chosen for each measurement."""

    def __init__(self, stack: ExitStack, log_dir: Path) -> None:
        self.log_dir = log_dir
        self.recorder = stack.enter_context(Recorder(ROOT, log_dir, project_id=PROJECT))
        self.functions, self.topics = declared_functions(APP), declared_topics(APP)
        for name, document in self.functions.items():
            self.recorder.register(name, document)
        self.messages = stack.enter_context(
            MessageRecorder(ROOT, log_dir, project_id=PROJECT, topics=self.topics)
        )
        self.client = self.recorder.client()
        self._deliverer: Deliverer | None = None
        self.recorder.subscribe(self._take)
        self.messages.subscribe(self._take)

    def measure(
        self, feeds: Feeds, text: str, seed: int, faults: FaultRates, rates: DeliveryRates
    ) -> tuple[float, Workers]:
        """Seconds from an edit until every feed is right; then settled, and checked."""
        workers = Workers(
            APP,
            {**dict.fromkeys(self.functions, 1), **dict.fromkeys(self.topics, FAN_OUT_WORKERS)},
            firestore_host=self.recorder.firestore_host,
            project_id=PROJECT,
            plan=FaultPlan(seed, faults),
            log_dir=self.log_dir / text,
            environ={"PUBSUB_EMULATOR_HOST": self.messages.pubsub_host},
        )
        with workers:
            addresses = {name: workers.addresses(name) for name in self.functions | self.topics}
            with Deliverer(DeliveryPlan(seed, rates), addresses) as deliverer:
                self._deliverer = deliverer
                started = time.perf_counter()
                feeds.begin() if text == "first" else feeds.edit(text)
                feeds.wait_for(text)
                seconds = time.perf_counter() - started
                eventually(lambda: deliverer.outstanding == 0, deadline=DEADLINE)
                feeds.check(text)
                self.peak = max(map(_peak_memory, descendants(workers.pid)), default=0)
                self._deliverer = None
                return seconds, workers

    def _take(self, event: Any) -> None:
        if self._deliverer is not None:
            self._deliverer.take(event)


def _peak_memory(pid: int) -> int:
    """The most memory, in MiB, that a process has had; 0 if it is gone or is no worker."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    if "functions_framework" not in command:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) // 1024 if lines else 0


def run(numbers: list[int], seed: int) -> list[Row]:
    rows: list[Row] = []
    with ExitStack() as stack:
        log_dir = Path(tempfile.mkdtemp(prefix="onto-fn-feed-"))
        stage = Stage(stack, log_dir)
        for number in numbers:
            feeds = Feeds(stage.client, number)
            stage.measure(feeds, "first", seed, FAULTLESS, PROMPT)
            raw = [feeds.write_raw()]
            plain, _ = stage.measure(feeds, f"plain{number}", seed, FAULTLESS, PROMPT)
            peak = stage.peak
            raw.append(feeds.write_raw())
            loop = feeds.loop()
            text = f"faulty{number}"
            faulty, workers = stage.measure(feeds, text, seed, KILLS, REPEATED)
            raw.append(feeds.write_raw())
            kills = sum("KILL" in entry.get("fault", "") for entry in workers.journal())
            rows.append(
                Row(
                    number,
                    sorted(raw)[1],
                    loop,
                    plain,
                    faulty,
                    kills,
                    max(peak, stage.peak),
                )
            )
        stage.client.close()
    return rows


def of_billing(numbers: list[int]) -> Table:
    """What one edit reads and writes; the batches are handled in this process."""
    definitions = runpy.run_path(str(APP))["app"].engine.definitions.values()
    table = Table(title="What one edit is billed")
    for column in ("followers", "round trips", "reads", "writes", "writes / follower"):
        table.add_column(column, justify="right")
    with EmulatorSuite(ROOT, only=("firestore",)) as suite:
        os.environ.update(suite.environ())
        for number in numbers:
            billing = Billing()
            project = f"demo-feed{number}"
            plain, billed = Database(project), Database(project, interceptors=[billing])
            batches: list[Batch] = []
            engine = Engine(
                definitions, fan_out=FanOut(), publish=lambda _, more, b=batches: b.extend(more)
            )
            followers = {f"follower{n:05}": True for n in range(number)}
            plain.commit([Write("users/author", {"followers": followers})])
            for text, database in (("first", plain), ("edited", billed)):
                fields = {"ownerId": "author", "text": text}
                path = "insta_posts/post"
                before, after = (
                    Document(path, fields, version)
                    for version in (datetime.min, plain.commit([Write(path, fields)]))
                )
                engine.handle(database, Change(path, before, after, text))
                for batch in batches:
                    engine.handle_batch(database, batch)
                batches.clear()
            calls, reads, writes = (billing.counts[n] for n in ("calls", "reads", "writes"))
            per_follower = f"{writes / number:.2f}"
            table.add_row(f"{number:,}", f"{calls}", f"{reads}", f"{writes:,}", per_follower)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--followers", type=int, nargs="+", default=[10, 1000, 10_000])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    table = Table(title="An edit of a post, until every feed shows it")
    for column in (
        *("followers", "raw", "loop", "ratio", "fan-out", "ratio", "faults", "ratio"),
        *("kills", "memory"),
    ):
        table.add_column(column, justify="right", no_wrap=True)
    for row in run(arguments.followers, arguments.seed):
        table.add_row(
            f"{row.followers:,}",
            f"{row.raw:.2f} s",
            f"{row.loop:.2f} s",
            f"{row.loop / row.raw:.1f}",
            f"{row.plain:.2f} s",
            f"{row.plain / row.raw:.1f}",
            f"{row.faulty:.2f} s",
            f"{row.faulty / row.raw:.1f}",
            f"{row.kills}",
            f"{row.peak} MiB",
        )
    console = Console(width=110)
    console.print(table)
    console.print(of_billing(arguments.followers))


if __name__ == "__main__":
    main()
