"""Real functions-framework processes under faults; `make chaos` does the same for longer.

Events, with the payloads of production, come up to five times, late, out of order and at once;
workers are killed around their commits; calls to Firestore fail.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from emulator_tests.chaos.harness.run import Settings, run
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
from onto_fn.testing.eventually import Eventually

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent
FEED = HERE / "apps" / "feed.py"
PROJECT = "demo-chaos"
FOLLOWERS = [f"f{n:03}" for n in range(300)]
KILLS = FaultRates(kill_before_commit=0.1, kill_after_commit=0.1, ambiguous=0.1, error=0.03)
DEADLINE = 120.0


def test_no_guarantee_is_violated(tmp_path: Path) -> None:
    report = run(Settings(seed=1, writes=250, seconds=8, pairs=False, log_dir=tmp_path))

    assert report.verdict.violations == []
    assert report.counts["duplicates"] > 100
    assert report.counts["redeliveries"] > 0
    assert report.verdict.ledger_commits > 20


class Stage:
    """The feed's functions under faults, and a client beside them."""

    def __init__(self, stack: ExitStack, log_dir: Path) -> None:
        functions, topics = declared_functions(FEED), declared_topics(FEED)
        recorder = stack.enter_context(Recorder(ROOT, log_dir, project_id=PROJECT))
        for name, document in functions.items():
            recorder.register(name, document)
        messages = stack.enter_context(
            MessageRecorder(ROOT, log_dir, project_id=PROJECT, topics=topics)
        )
        self.workers = stack.enter_context(
            Workers(
                FEED,
                dict.fromkeys(functions | topics, 1),
                firestore_host=recorder.firestore_host,
                project_id=PROJECT,
                plan=FaultPlan(3, KILLS),
                log_dir=log_dir,
                environ={"PUBSUB_EMULATOR_HOST": messages.pubsub_host},
            )
        )
        addresses = {name: self.workers.addresses(name) for name in functions | topics}
        plan = DeliveryPlan(3, DeliveryRates(usual_delay=0.5, long=0))
        self.deliverer = stack.enter_context(
            Deliverer(plan, addresses, concurrency=declared_concurrency(FEED))
        )
        recorder.subscribe(self.deliverer.take)
        messages.subscribe(self.deliverer.take)
        self.messages = messages
        self.client = recorder.client()
        stack.callback(self.client.close)

    def feeds(self) -> dict[str, Any]:
        found = self.client.collection_group("feed").stream()
        return {d.reference.path: (d.to_dict() or {})["post"]["text"] for d in found}


@pytest.fixture
def stage(tmp_path: Path) -> Generator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, tmp_path)


def test_every_feed_is_right_in_the_end(stage: Stage, eventually: Eventually) -> None:
    write = stage.client.document
    write("users/ann").set({"followers": dict.fromkeys(FOLLOWERS, True)})
    for text in ("one", "two", "three"):
        write("insta_posts/p").set({"ownerId": "ann", "text": text})
    write("users/ann").set({"followers": dict.fromkeys(FOLLOWERS[100:], True)})

    expected = {f"users/{name}/feed/p": "three" for name in FOLLOWERS[100:]}
    eventually(lambda: stage.deliverer.outstanding == 0, deadline=DEADLINE)
    eventually(lambda: stage.feeds() == expected, deadline=DEADLINE)
    eventually(lambda: stage.deliverer.outstanding == 0, deadline=DEADLINE)

    assert stage.feeds() == expected
    assert stage.messages.events, "it did not go through Pub/Sub"
    assert stage.deliverer.counts["duplicates"] > 0
    assert any("KILL" in entry.get("fault", "") for entry in stage.workers.journal())
