"""Several pages in flight at once, with their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    work: Callable[[T], R], items: Iterable[T], in_flight: int, stop: Event
) -> Iterator[R]:
    """The results of work on items, in the order of the items.

    While a thread waits for Firestore, others compute. Memory does not grow with the number of
    items: no more than `in_flight` of them are taken from `items` at a time.

    Args:
        work: is called in other threads.
        items: are taken in the caller's thread.
        in_flight: how many items are worked on at the same time.
        stop: no further item is begun once it is set.

    Raises:
        Exception: what `work` or `items` has raised; what is in flight is finished before.
    """
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(in_flight) as threads:
        if stop.is_set():
            return
        try:
            for item in items:
                waiting.append(threads.submit(work, item))
                if len(waiting) >= in_flight:
                    yield waiting.popleft().result()
                if stop.is_set():
                    break
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
