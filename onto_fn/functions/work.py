"""`Work`: retries calls until they succeed, because no platform redelivers here.

A failed call waits for its next attempt outside of the threads, so any number of documents that
cannot be handled never block the others.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition, Thread
from time import monotonic

_log = logging.getLogger("onto_fn")

FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0


class Work:
    """Calls in threads.

    Args:
        workers: how many calls at the same time.
    """

    def __init__(self, workers: int) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="onto-listener")
        self._waiting: list[tuple[float, int, Callable[[], object], int]] = []
        self._numbers = itertools.count()
        self._changed = Condition()
        self._is_over = False
        self._clock = Thread(target=self._run, name="onto-listener-waiting", daemon=True)
        self._clock.start()

    def submit(self, call: Callable[[], object]) -> None:
        """Schedule a call, and retry it if it raises. After `stop` nothing is scheduled."""
        self._submit(call, 1)

    def stop(self) -> None:
        """Finish running calls; waiting ones are dropped."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._clock.join()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _submit(self, call: Callable[[], object], attempt: int) -> None:
        with self._changed:
            if not self._is_over:
                self._executor.submit(self._attempt, call, attempt)

    def _attempt(self, call: Callable[[], object], attempt: int) -> None:
        try:
            call()
        except Exception as error:
            _log.warning("trying again: %s", error)
            wait = random.uniform(0, min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(attempt, 16)))
            with self._changed:
                due = monotonic() + wait
                heapq.heappush(self._waiting, (due, next(self._numbers), call, attempt + 1))
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._is_over:
                    return
                now = monotonic()
                if not self._waiting or self._waiting[0][0] > now:
                    self._changed.wait(self._waiting[0][0] - now if self._waiting else None)
                    continue
                _, _, call, attempt = heapq.heappop(self._waiting)
            self._submit(call, attempt)
