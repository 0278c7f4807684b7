"""What the simulation rests on: facts with their source, the app that is assumed, its settings."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple

Kind = Literal["measured", "documented", "assumed"]


class Fact(NamedTuple):
    """A number, and where it is from."""

    value: float
    unit: str
    what: str
    kind: Kind
    source: str


INDEXED_WRITES = Fact(
    500,
    "writes/s",
    "collection with an increasing indexed field",
    "documented",
    "cloud.google.com/firestore/quotas",
)
DOCUMENT_WRITES = Fact(
    1,
    "writes/s",
    "one document, sustained: guidance, no hard limit",
    "documented",
    "firebase.google.com/docs/firestore/quotas, a copy of 2019-04-11",
)
RAMP = Fact(
    500,
    "operations/s",
    "new key range, then 50 % more every 5 minutes",
    "documented",
    "doit.com/blog/firestore-scaling-the-500505-rule-and-how-to-test-it, 2024-10-28",
)
TRANSPORT = Fact(
    200_000_000,
    "bytes/s",
    "Pub/Sub in a large region, on which Eventarc rests",
    "documented",
    "cloud.google.com/pubsub/quotas (publishers), cloud.google.com/eventarc/docs/quotas",
)
CPU = Fact(
    0.0064,
    "s",
    "CPU of an event of the meeting room",
    "measured",
    "benchmarks.md, What was found",
)
BATCH = Fact(
    0.49,
    "s",
    "batch of 1,000 documents of a fan-out",
    "measured",
    "benchmarks.md, Fan-out (emulator)",
)
LOOK_UP = Fact(0.015, "s", "mean look-up in production", "assumed", "exponential")
READ = Fact(0.015, "s", "mean read in production", "assumed", "exponential")
COMMIT = Fact(0.030, "s", "mean commit in production", "assumed", "exponential")
EVENT_BYTES = Fact(
    4_000, "bytes", "event: the document before and after", "assumed", "2,000 bytes each"
)
CPU_TARGET = Fact(
    0.6, "", "use of its vCPU up to which an instance is filled", "assumed", "headroom for bursts"
)
MAX_INSTANCES = Fact(100, "", "`max_instances` of each function", "assumed", "declare it")
CONCURRENCY = Fact(80, "", "`concurrency`", "assumed", "as `onto doctor` assumes")
BUSIEST_ROOT = Fact(
    1 / 5000,
    "of all changes",
    "concern the root that changes most",
    "assumed",
    "an app of many roots",
)
BUSIEST_GROUP = Fact(
    1 / 200,
    "of all changes",
    "are counted in the busiest group of an aggregate",
    "assumed",
    "a popular poll",
)
WIDE = Fact(
    1 / 10_000, "of all changes", "reach 10,000 documents, in 10 batches", "assumed", "a feed"
)
FACTS = (
    *(INDEXED_WRITES, DOCUMENT_WRITES, RAMP, TRANSPORT, CPU, BATCH, LOOK_UP, READ, COMMIT),
    *(EVENT_BYTES, CPU_TARGET, MAX_INSTANCES, CONCURRENCY, BUSIEST_ROOT, BUSIEST_GROUP, WIDE),
)
BATCHES = 10
RATES = (1_000, 10_000, 100_000)
READS, WRITES = 9, 4
"""Billed for a change of a ticket of the meeting room: docs/cost.md."""


@dataclass(frozen=True)
class Setup:
    """How an app is declared and deployed.

    Args:
        own_exempt: the generated indexes are deployed.
        app_exempt: the increasing field of the app's own collection has no index.
        shards: of the aggregate.
        parts: views into which the busiest group of the aggregate is divided.
        roots: roots into which the busiest one is divided.
        instances: `max_instances` of the functions of events, and of the fan-out.
        batch_instances: `max_instances` of the function of the fan-out.
        transport: how many times the default quota of the transport.
    """

    own_exempt: bool = False
    app_exempt: bool = False
    shards: int = 10
    parts: int = 1
    roots: int = 1
    instances: int = int(MAX_INSTANCES.value)
    batch_instances: int = int(MAX_INSTANCES.value)
    transport: int = 1

    def running(self, rate: float) -> int:
        """Instances that run for so many events a second."""
        return min(needed_instances(rate), self.instances)


def needed_instances(rate: float) -> int:
    """Instances that keep the use of their vCPU below the target."""
    return max(1, ceil(rate * CPU.value / CPU_TARGET.value))
