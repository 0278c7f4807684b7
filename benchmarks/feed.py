"""A post in the feeds of all followers of its author, beside a raw batched write of the same.

For each number of followers, on one emulator, in interleaved rounds:

* raw: one client writes the same documents to another collection, in batches of 500.
* loop: a hand-written trigger does the same: it sets one document after the other.
* fan-out: the post is edited; real functions-framework workers rebuild every feed, the batches
  going through a real Pub/Sub emulator.

Each takes until the commit that makes the last feed right; then every feed is compared with what it
should hold. Each function gets as many events at once as it declares to take.

And an edit in one process, without functions and Pub/Sub: what the engine itself takes, and what
Firestore bills.
"""

from __future__ import annotations

import runpy
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from emulator import emulator
from frame import interleaved
from google.cloud.firestore import Client

from onto_fn import FanOut
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.firestore import Document
from onto_fn.observability import Change
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
    declared_concurrency,
    declared_functions,
    declared_topics,
)
from onto_fn.testing.emulators.supervisor import descendants
from onto_fn.testing.eventually import eventually

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "emulator_tests" / "apps" / "feed.py"
PROJECT = "demo-feed"
FAULTLESS = FaultPlan(1, FaultRates(0, 0, 0, 0, 0, 0, 0, 0))
PROMPT = DeliveryPlan(1, DeliveryRates(copies=(1,), usual_delay=0, long=0, pair=0, dropped=0))
FAN_OUT_WORKERS = 2
DEADLINE = 300.0


@dataclass
class Row:
    """What was measured for one number of followers."""

    followers: int
    times: dict[str, list[float]]
    peak: int


class Feeds:
    """The author, the post and the feeds that it is in."""

    def __init__(self, client: Client, name: str, followers: int) -> None:
        self.client = client
        self.author, self.post = f"users/{name}", f"insta_posts/{name}"
        self.names = [f"follower{n:05}" for n in range(followers)]
        self.text = ""

    def begin(self) -> None:
        self.follow(self.names)
        self.edit("first")

    def follow(self, names: list[str]) -> None:
        self.names = names
        self.client.document(self.author).set({"followers": dict.fromkeys(names, True)})

    def edit(self, text: str) -> None:
        self.text = text
        fields = {"ownerId": self.author.rpartition("/")[2], "text": text}
        self.client.document(self.post).set(fields)

    def has(self, path: str) -> bool:
        """Whether a document is the post in somebody's feed."""
        return path.endswith(f"/feed/{self.post.rpartition('/')[2]}")

    def wrong(self) -> dict[str, Any]:
        """What the feeds that are not as they should be hold instead."""
        expected = dict(self.contents(self.text))
        found = {
            document.reference.path: document.to_dict()
            for document in self.client.collection_group("feed").stream()
            if self.has(document.reference.path)
        }
        different = [p for p in {*found, *expected} if found.get(p) != expected.get(p)]
        return {path: found.get(path) for path in different}

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
    """Emulators, and workers to which what they fire is delivered."""

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
        self._running: Deliverer | None = None
        self.recorder.subscribe(self._take)
        self.messages.subscribe(self._take)

    @contextmanager
    def running(self) -> Generator[Workers]:
        """Workers for the time of a `with` block."""
        workers = Workers(
            APP,
            {**dict.fromkeys(self.functions, 1), **dict.fromkeys(self.topics, FAN_OUT_WORKERS)},
            firestore_host=self.recorder.firestore_host,
            project_id=PROJECT,
            plan=FAULTLESS,
            log_dir=self.log_dir / "workers",
            environ={"PUBSUB_EMULATOR_HOST": self.messages.pubsub_host},
        )
        with workers:
            addresses = {name: workers.addresses(name) for name in self.functions | self.topics}
            deliverer = Deliverer(PROMPT, addresses, concurrency=declared_concurrency(APP))
            with deliverer:
                self._running = deliverer
                yield workers
                self._running = None

    def measure(self, workers: Workers, feeds: Feeds, change: Callable[[], None]) -> float:
        """Seconds from a change to the commit that made the last feed right; all are checked."""
        started = time.time()
        change()

        def settled() -> None:
            assert self.deliverer.outstanding == 0
            wrong = feeds.wrong()
            assert not wrong, f"{len(wrong)} feeds are wrong, such as {next(iter(wrong.items()))}"
            assert self.deliverer.outstanding == 0

        eventually(settled, deadline=DEADLINE)
        commits = [
            entry["commit"] / 1e6
            for entry in workers.journal()
            if "commit" in entry and any(feeds.has(path) for path, _ in entry["writes"])
        ]
        return max(commits) - started

    @property
    def deliverer(self) -> Deliverer:
        assert self._running is not None
        return self._running

    def _take(self, event: Any) -> None:
        if self._running is not None:
            self._running.take(event)


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


def run(numbers: Mapping[int, int]) -> list[Row]:
    """Measure an edit, for each number of followers in so many rounds."""
    with ExitStack() as stack:
        stage = Stage(stack, Path(tempfile.mkdtemp(prefix="onto-fn-feed-")))
        stack.callback(stage.client.close)
        with stage.running() as workers:
            return [_measured(stage, workers, *wanted) for wanted in numbers.items()]


def _measured(stage: Stage, workers: Workers, number: int, rounds: int) -> Row:
    feeds = Feeds(stage.client, f"author{number}", number)
    stage.measure(workers, feeds, feeds.begin)
    sides: dict[str, Callable[[int], float]] = {
        "raw": lambda _: feeds.write_raw(),
        "loop": lambda _: feeds.loop(),
        "fan-out": lambda n: stage.measure(workers, feeds, partial(feeds.edit, f"edited {n}")),
    }
    times = interleaved(rounds, sides)
    return Row(number, times, max(map(_peak_memory, descendants(workers.pid)), default=0))


@dataclass
class InProcess:
    """What one edit took and was billed; the batches are handled in this process."""

    followers: int
    times: dict[str, list[float]]
    calls: float
    reads: float
    writes: float


def in_process(numbers: Mapping[int, int]) -> list[InProcess]:
    """Measure edits, for each number of followers in so many rounds, without functions."""
    with emulator() as suite:
        return [_in_process(suite, number, rounds) for number, rounds in numbers.items()]


def _in_process(suite: EmulatorSuite, number: int, rounds: int) -> InProcess:
    definitions = runpy.run_path(str(APP))["app"].engine.definitions.values()
    billing, project = Billing(), f"demo-feed{number}"
    plain, billed = Database(project), Database(project, interceptors=[billing])
    batches: list[Batch] = []
    engine = Engine(definitions, fan_out=FanOut(), publish=lambda _, more: batches.extend(more))
    client = suite.client(project_id=project)
    feeds = Feeds(client, "author", number)
    feeds.follow(feeds.names)

    def edit(database: Database, text: str) -> float:
        feeds.edit(text)
        after = plain.get([feeds.post])[0][feeds.post]
        change = Change(feeds.post, Document(feeds.post, {}, datetime.min), after, text)
        started = time.perf_counter()
        engine.handle(database, change)
        for batch in batches:
            engine.handle_batch(database, batch)
        batches.clear()
        return time.perf_counter() - started

    edit(plain, "first")
    sides: dict[str, Callable[[int], float]] = {
        "raw": lambda _: feeds.write_raw(),
        "fan-out": lambda n: edit(billed, f"edited {n}"),
    }
    times = interleaved(rounds, sides)
    if wrong := feeds.wrong():
        raise AssertionError(f"{len(wrong)} feeds are wrong")
    billed_each = (billing.counts[name] / rounds for name in ("calls", "reads", "writes"))
    return InProcess(number, times, *billed_each)
