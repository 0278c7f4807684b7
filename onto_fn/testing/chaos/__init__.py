"""Run an app's functions under all faults of the fault model, reproducibly.

| class | what it does |
|---|---|
| `Recorder` | runs a Firestore emulator and records its events |
| `MessageRecorder` | runs a Pub/Sub emulator and records the messages of an app's topics |
| `DeliveryPlan`, `Deliverer` | deliver events late, again, twice at once, and without payload |
| `FaultPlan`, `FaultProxy` | inject errors, ambiguous commits, delays and kills |
| `Workers` | run functions-framework processes behind proxies, and restart killed ones |

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
