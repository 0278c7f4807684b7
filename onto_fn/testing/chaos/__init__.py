"""Run an app's functions under the whole fault model, reproducibly.

| noun | what it does |
|---|---|
| `Recorder` | a Firestore emulator of its own, and every event that it fires |
| `MessageRecorder` | a Pub/Sub emulator of its own, and every message of an app's topics |
| `DeliveryPlan`, `Deliverer` | each event delivered late, again, twice at once, without payload |
| `FaultPlan`, `FaultProxy` | errors, ambiguous commits, delays and kills on the way to Firestore |
| `Workers` | real functions-framework processes, each behind a proxy, restarted when killed |

Every choice comes from a seed: the same seed makes the same choices.
"""

from onto_fn.testing.chaos.delivery import Deliverer
from onto_fn.testing.chaos.events import RecordedEvent
from onto_fn.testing.chaos.messages import MessageRecorder
from onto_fn.testing.chaos.plans import (
    Copy,
    DeliveryPlan,
    DeliveryRates,
    Fault,
    FaultPlan,
    FaultRates,
)
from onto_fn.testing.chaos.recorder import Recorder
from onto_fn.testing.chaos.workers import (
    Workers,
    declared_concurrency,
    declared_functions,
    declared_topics,
)

__all__ = [
    "Copy",
    "Deliverer",
    "DeliveryPlan",
    "DeliveryRates",
    "Fault",
    "FaultPlan",
    "FaultRates",
    "MessageRecorder",
    "RecordedEvent",
    "Recorder",
    "Workers",
    "declared_concurrency",
    "declared_functions",
    "declared_topics",
]
