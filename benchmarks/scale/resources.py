"""Discrete events: queues, an instance, the groups of an aggregate, and a hot view.

Identical parts (instances, shards) are simulated by one of them: a random share of arrivals at
random times arrives at random times as well. A run has a fixed number of arrivals, so that it takes
as long at every rate.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Any

import simpy

from .model import COMMIT, CPU, LOOK_UP, READ

Process = Generator[simpy.Event, Any, Any]
Service = Callable[[Random], float]
EVENTS = 3_000
_GROUP = 100
"""Events that are counted together at most."""
_FIRST_WAIT, _LONGEST_WAIT = 0.025, 2.0
"""Of retries: onto_fn.attempts."""
_TURNS, _LONGEST_TURN = 2, 2.0
"""Of other threads, for which an event waits."""


@dataclass(frozen=True)
class Seen:
    """What happened at a queue.

    Attributes:
        load: work that arrived over work that can be done; above 1 the queue grows.
        wait: mean seconds in the queue.
        behind: seconds of delay that each second adds at the end.
    """

    load: float
    wait: float
    behind: float


def exponential(mean: float) -> Service:
    return lambda random: random.expovariate(1 / mean)


def constant(seconds: float) -> Service:
    return lambda random: seconds


def queue(
    rate: float, servers: int, service: Service, *, seed: int, customers: int = EVENTS
) -> Seen:
    """Arrivals at random times, served in their order."""
    random, env = Random(seed), simpy.Environment()
    server = simpy.Resource(env, servers)
    waits: list[float] = []
    work: list[float] = []

    def customer() -> Process:
        arrived = env.now
        with server.request() as turn:
            yield turn
            waits.append(env.now - arrived)
            work.append(service(random))
            yield env.timeout(work[-1])

    arrived = _arrivals(env, random, rate, customers, customer)
    env.run()
    end = arrived[-1]
    return Seen(sum(work) / (end * servers), sum(waits) / len(waits), waits[-1] / end)


def instance(rate: float, concurrency: int, *, seed: int, customers: int = EVENTS) -> Seen:
    """One instance: a place for each event, one vCPU, and three calls between which it is used."""
    random, env = Random(seed), simpy.Environment()
    places, cpu = simpy.Resource(env, concurrency), simpy.Resource(env, 1)
    calls = [exponential(fact.value) for fact in (LOOK_UP, READ, COMMIT)]
    waits: list[float] = []
    held: list[float] = []

    def event() -> Process:
        arrived = env.now
        with places.request() as place:
            yield place
            began = env.now
            away = 0.0
            for call in calls:
                with cpu.request() as turn:
                    yield turn
                    yield env.timeout(CPU.value / len(calls))
                seconds = call(random)
                away += seconds
                yield env.timeout(seconds)
            waits.append(env.now - arrived - away - CPU.value)
            held.append(env.now - began)

    arrived = _arrivals(env, random, rate, customers, event)
    env.run()
    end = arrived[-1]
    load = max(customers * CPU.value / end, sum(held) / (end * concurrency))
    return Seen(load, sum(waits) / len(waits), waits[-1] / end)


def shard_writes(
    rate: float, instances: int, shards: int, *, seed: int, customers: int = EVENTS
) -> float:
    """Writes a second to all shards of a group, which is counted by so many instances.

    In an instance, events that arrive while others are counted are counted together.
    """
    random, env = Random(seed), simpy.Environment()
    waiting: list[int] = []
    writes = [0]
    idle = [True]

    def leader() -> Process:
        while waiting:
            group, waiting[:] = waiting[:_GROUP], waiting[_GROUP:]
            yield env.timeout(exponential(READ.value)(random))
            yield env.timeout(exponential(COMMIT.value)(random))
            writes[0] += len(set(group))
        idle[0] = True

    def event() -> Process:
        waiting.append(random.randrange(shards))
        if idle[0]:
            idle[0] = False
            yield env.process(leader())

    arrived = _arrivals(env, random, rate / instances, customers, event)
    env.run()
    return instances * writes[0] / arrived[-1]


@dataclass(frozen=True)
class Hot:
    """What happened to a view that many events concern.

    Attributes:
        commits: a second.
        share: commits for each event.
        lost: commits refused for each event, as another instance was faster.
        late: mean seconds until an event is handled.
    """

    commits: float
    share: float
    lost: float
    late: float


def hot_view(
    rate: float, instances: int, *, seed: int, customers: int = EVENTS, longest: float = 300
) -> Hot:
    """One root, by the protocol of onto_fn/engine/materialise/protocol.py.

    A build covers all that happened before it read. In an instance, one thread builds, and the
    others wait for up to two turns and look again; instances race each other.
    """
    random, env = Random(seed), simpy.Environment()
    turns: dict[int, simpy.Event] = {}
    covered, committed = [-1.0], [-1.0]
    commits, lost = [0], [0]
    took: list[float] = []

    def build(looked: float) -> Process:
        read = env.now
        yield env.timeout(exponential(READ.value)(random))
        yield env.timeout(CPU.value + exponential(COMMIT.value)(random))
        won = committed[0] <= looked
        if won:
            committed[0], covered[0] = env.now, read
            commits[0] += 1
        else:
            lost[0] += 1
        return won

    def event() -> Process:
        happened, instance = env.now, random.randrange(instances)
        bound, waits = _FIRST_WAIT, _TURNS
        while True:
            yield env.timeout(exponential(LOOK_UP.value)(random))
            looked = env.now
            if covered[0] >= happened:
                break
            if waits and instance in turns:
                waits -= 1
                yield turns[instance] | env.timeout(_LONGEST_TURN)
                continue
            mine = env.event()
            first = turns.setdefault(instance, mine) is mine
            won = yield from build(looked)
            if first:
                del turns[instance]
                mine.succeed()
            if won:
                break
            yield env.timeout(random.uniform(0, bound))
            bound, waits = min(2 * bound, _LONGEST_WAIT), _TURNS
        took.append(env.now - happened)

    number = max(100, min(customers, int(rate * longest)))
    arrived = _arrivals(env, random, rate, number, event)
    env.run()
    share = commits[0] / number
    return Hot(share * number / arrived[-1], share, lost[0] / number, sum(took) / number)


@dataclass(frozen=True)
class Ramp:
    """A key range that is new.

    Attributes:
        allowed: seconds until it takes the rate.
        caught_up: seconds until all that has waited is done.
        longest: seconds that an event waits at most.
    """

    allowed: float
    caught_up: float
    longest: float


def ramp(rate: float, first: float, *, growth: float = 1.5, every: float = 300) -> Ramp:
    """A rate that begins at once, where `first` is taken, and more by `growth` each time."""
    now = done = longest = 0.0
    capacity = first
    allowed = -1.0
    while True:
        if capacity >= rate and allowed < 0:
            allowed, longest = now, now - done / rate
        if capacity > rate:
            left = (rate * now - done) / (capacity - rate)
            if left <= every:
                return Ramp(allowed, now + left, longest)
        done += capacity * every
        now += every
        capacity *= growth


def _arrivals(
    env: simpy.Environment,
    random: Random,
    rate: float,
    customers: int,
    process: Callable[[], Process],
) -> list[float]:
    """Start a process at each of the random times; the list holds the times once they are past."""
    times: list[float] = []

    def source() -> Process:
        for _ in range(customers):
            yield env.timeout(random.expovariate(rate))
            times.append(env.now)
            env.process(process())

    env.process(source())
    return times
