"""Several pages in flight at once, with their results in order."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THRESHOLD = 20_000  # new objects that may be part of cycles; Python's own is 700 to 2,000


def in_order(
    work: Callable[[T], R], items: Iterable[T], in_flight: int, stop: Event
) -> Iterator[R]:
    """The results of work on items, in the order of the items.

    While a thread waits for Firestore, another computes. Two are enough for that: threads take
    turns at each message that arrives, and more of them make each page slower. Memory does not
    grow with the number of items: no more than `in_flight` are taken from `items` at a time.

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


@contextmanager
def fewer_collections() -> Generator[None]:
    """Collects cyclic garbage less often inside, as a scan makes very many short-lived objects.

    What is there when it begins is not looked at again. It changes the whole process, so it is for
    the process's main program.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
