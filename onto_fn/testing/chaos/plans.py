"""Choose faults by a seed. The same seed makes the same choice for the same event or call."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

__all__ = [
    "CODES",
    "Copy",
    "Decision",
    "DeliveryPlan",
    "DeliveryRates",
    "Fault",
    "FaultPlan",
    "FaultRates",
]

CODES = ("UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED")
"""The gRPC status codes that are injected."""

READS = frozenset({"BatchGetDocuments", "RunQuery"})
COMMIT = "Commit"


class Fault(Enum):
    """A fault of one call of a worker."""

    NONE = "none"
    ERROR = "error instead of the call"
    AMBIGUOUS = "error after the commit"
    DELAY = "delay"
    KILL_BEFORE_READ = "before the read"
    KILL_BEFORE_COMMIT = "between read and commit"
    KILL_AFTER_COMMIT = "after the commit"

    @property
    def kills(self) -> bool:
        """Whether the fault kills the worker."""
        return self in {self.KILL_BEFORE_READ, self.KILL_BEFORE_COMMIT, self.KILL_AFTER_COMMIT}


@dataclass(frozen=True)
class FaultRates:
    """Probabilities of the faults, per call.

    Attributes:
        error: the call is answered with an error and not forwarded.
        ambiguous: a commit is forwarded and then answered with an error.
        delay: the call is delayed.
        longest_delay: the longest delay in seconds.
        kill_before_read: the worker is killed when it reads.
        kill_before_commit: the worker is killed when it commits; the commit is not forwarded.
        kill_after_commit: the worker is killed after its commit, before the answer.
        whole_instance: probability that a kill ends the whole instance, not only the process that
            serves requests.
    """

    error: float = 0.012
    ambiguous: float = 0.03
    delay: float = 0.03
    longest_delay: float = 0.3
    kill_before_read: float = 0.002
    kill_before_commit: float = 0.02
    kill_after_commit: float = 0.02
    whole_instance: float = 0.1


@dataclass(frozen=True)
class Decision:
    """The decision about one call.

    Attributes:
        fault: the fault.
        code: the gRPC status code of an error.
        delay: the delay in seconds.
        whole_instance: whether a kill ends the whole instance.
    """

    fault: Fault
    code: str = CODES[0]
    delay: float = 0.0
    whole_instance: bool = False


class FaultPlan:
    """Decides about each call.

    Args:
        seed: the seed; the same seed makes the same decisions.
        rates: the probabilities of the faults.
    """

    def __init__(self, seed: int, rates: FaultRates | None = None) -> None:
        self.seed = seed
        self.rates = rates or FaultRates()

    def decide(self, worker: str, method: str, number: int) -> Decision:
        """Decide about a worker's call `number` of `method`."""
        generator = random.Random(f"{self.seed}/{worker}/{method}/{number}")
        rates = self.rates
        choices = [(Fault.ERROR, rates.error), (Fault.DELAY, rates.delay)]
        if method in READS:
            choices.append((Fault.KILL_BEFORE_READ, rates.kill_before_read))
        if method == COMMIT:
            choices += [
                (Fault.AMBIGUOUS, rates.ambiguous),
                (Fault.KILL_BEFORE_COMMIT, rates.kill_before_commit),
                (Fault.KILL_AFTER_COMMIT, rates.kill_after_commit),
            ]
        point = generator.random()
        for fault, rate in choices:
            point -= rate
            if point < 0:
                return Decision(
                    fault,
                    code=generator.choice(CODES),
                    delay=generator.uniform(0, rates.longest_delay),
                    whole_instance=generator.random() < rates.whole_instance,
                )
        return Decision(Fault.NONE)


@dataclass(frozen=True)
class DeliveryRates:
    """Probabilities for the delivery of events.

    Attributes:
        copies: weights of 1, 2, 3, … deliveries of one event.
        usual_delay: upper bound of most delays, in seconds. The delays change the order of events.
        long_delay: upper bound of the other delays, in seconds.
        long: probability of a long delay.
        pair: probability that a delivery is made twice at the same time.
        dropped: probability that a delivery has no payload.
    """

    copies: tuple[float, ...] = (48, 26, 14, 8, 4)
    usual_delay: float = 1.0
    long_delay: float = 6.0
    long: float = 0.1
    pair: float = 0.08
    dropped: float = 0.03


@dataclass(frozen=True)
class Copy:
    """One delivery of an event.

    Attributes:
        delay: seconds after the event.
        pair: whether it is made twice at the same time.
        dropped: whether it has no payload.
    """

    delay: float
    pair: bool = False
    dropped: bool = False


class DeliveryPlan:
    """Decides about the deliveries of each event.

    Args:
        seed: the seed; the same seed makes the same decisions.
        rates: the probabilities.
    """

    def __init__(self, seed: int, rates: DeliveryRates | None = None) -> None:
        self.seed = seed
        self.rates = rates or DeliveryRates()

    def copies(self, trigger: str, path: str, number: int) -> list[Copy]:
        """The deliveries of the event `number` of a document, at least one."""
        generator = random.Random(f"{self.seed}/{trigger}/{path}/{number}")
        rates = self.rates
        count = generator.choices(range(1, len(rates.copies) + 1), rates.copies)[0]
        return [self._copy(generator) for _ in range(count)]

    def _copy(self, generator: random.Random) -> Copy:
        rates = self.rates
        longest = rates.long_delay if generator.random() < rates.long else rates.usual_delay
        return Copy(
            delay=generator.uniform(0, longest),
            pair=generator.random() < rates.pair,
            dropped=generator.random() < rates.dropped,
        )
