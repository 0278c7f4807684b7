"""`Deliverer`: delivers events to the workers as the platform does, but with more faults."""

from __future__ import annotations

import asyncio
import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import tenacity

from onto_fn.testing.chaos.events import RecordedEvent
from onto_fn.testing.chaos.plans import Copy, DeliveryPlan

__all__ = ["Deliverer"]

Address = tuple[str, int]


class Deliverer:
    """Delivers each event as often as the plan says, and again until it is acknowledged.

    Args:
        plan: when and how often each event is delivered.
        addresses: the workers of each trigger.
        concurrency: maximum number of simultaneous deliveries per worker of a trigger, as its
            function declares it. A trigger that is not listed has no maximum. If all workers are
            busy, a delivery waits, as on the platform, and is not refused.
        threads: maximum number of simultaneous deliveries.
        timeout: maximum number of seconds per delivery.

    Attributes:
        counts: events, deliveries, duplicates, pairs, dropped, redeliveries, acknowledged.
        acknowledged: the time of the first acknowledgement in seconds, by trigger and CloudEvent
            id.
        durations: seconds of each acknowledged delivery.
        slowest: seconds of the longest delivery.
    """

    def __init__(
        self,
        plan: DeliveryPlan,
        addresses: Mapping[str, Sequence[Address]],
        *,
        concurrency: Mapping[str, int] | None = None,
        threads: int = 24,
        timeout: float = 90.0,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.acknowledged: dict[tuple[str, str], float] = {}
        self.durations: list[float] = []
        self.slowest = 0.0
        self._plan = plan
        self._addresses = addresses
        self._free: dict[str, asyncio.Queue[Address]] = {}
        for trigger, bound in (concurrency or {}).items():
            self._free[trigger] = asyncio.Queue()
            for address in [*addresses.get(trigger, ())] * bound:
                self._free[trigger].put_nowait(address)
        self._timeout = timeout
        self._random = random.Random(f"{plan.seed}/addresses")
        self._outstanding = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, "delivery")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delivery", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(10)
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def outstanding(self) -> int:
        """The number of planned or running deliveries that are not acknowledged yet."""
        with self._lock:
            return self._outstanding

    def take(self, event: RecordedEvent) -> None:
        """Deliver an event as the plan says. Events of other triggers are ignored."""
        if event.trigger not in self._addresses:
            return
        copies = self._plan.copies(event.trigger, event.path, event.number)
        self._count(events=1, duplicates=len(copies) - 1)
        self._schedule(event, copies)

    def again(self, events: Iterable[RecordedEvent], *, within: float = 1.0) -> None:
        """Deliver events again, in a random order within a number of seconds."""
        for event in events:
            self._count(duplicates=1)
            copy = Copy(delay=self._random.uniform(0, within), dropped=self._random.random() < 0.1)
            self._schedule(event, [copy])

    def _schedule(self, event: RecordedEvent, copies: Sequence[Copy]) -> None:
        runs: list[Callable[[], Coroutine[Any, Any, None]]] = []
        for copy in copies:
            self._count(pairs=int(copy.pair), dropped=int(copy.dropped))
            addresses = list(self._addresses[event.trigger])
            self._random.shuffle(addresses)
            for order in (addresses, addresses[::-1])[: 2 if copy.pair else 1]:
                runs.append(lambda copy=copy, order=order: self._deliver(event, copy, order))
        with self._lock:
            self._outstanding += len(runs)
        for run in runs:
            self._loop.call_soon_threadsafe(lambda run=run: self._loop.create_task(run()))

    async def _deliver(
        self, event: RecordedEvent, copy: Copy, addresses: Sequence[Address]
    ) -> None:
        await asyncio.sleep(copy.delay)

        def refused(acknowledged: bool) -> bool:
            return not acknowledged

        attempts = 0

        async def attempt() -> bool:
            nonlocal attempts
            attempts += 1
            self._count(deliveries=1, redeliveries=int(attempts > 1))
            if (free := self._free.get(event.trigger)) is None:
                return await self._send(event, copy, addresses[(attempts - 1) % len(addresses)])
            address = await free.get()
            try:
                return await self._send(event, copy, address)
            finally:
                free.put_nowait(address)

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_result(refused),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=3),
        )
        await retrying(attempt)
        with self._lock:
            self._outstanding -= 1

    async def _send(self, event: RecordedEvent, copy: Copy, address: Address) -> bool:
        return await self._loop.run_in_executor(self._pool, self._post, event, copy, address)

    def _post(self, event: RecordedEvent, copy: Copy, address: Address) -> bool:
        body = b"" if copy.dropped and event.droppable else event.payload
        started = time.monotonic()
        connection = http.client.HTTPConnection(*address, timeout=self._timeout)
        try:
            connection.request("POST", "/", body, dict(event.headers))
            acknowledged = 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            acknowledged = False
        finally:
            connection.close()
        self._note(event, acknowledged, time.monotonic() - started)
        return acknowledged

    def _note(self, event: RecordedEvent, acknowledged: bool, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            if not acknowledged:
                self.counts["refused"] += 1
                return
            self.counts["acknowledged"] += 1
            self.durations.append(seconds)
            self.acknowledged.setdefault((event.trigger, event.headers["ce-id"]), time.time())

    def _count(self, **added: int) -> None:
        with self._lock:
            self.counts.update(added)

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_soon(self._loop.stop)
