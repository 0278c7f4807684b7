"""Whose CPU time it is: samples of a running program, each given to the innermost owner at work."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CodeType, FrameType

_SECONDS = 0.0005  # between two samples


class Sampler:
    """Shares of the process's CPU time, by owner. For the main thread.

    A timer interrupts the thread; the CPU time since the last sample goes to the innermost function
    on the stack that has an owner. So what a function calls that has none (libraries, C) counts as
    its own, and nothing counts twice. Unlike a profiler that is told of every call, this makes many
    small calls look no worse than they are. What is sampled must not wait: what is done just before
    a wait would count as waiting.

    Args:
        owner: the owner of a function, or None if its time is its caller's.
    """

    def __init__(self, owner: Callable[[CodeType], str | None]) -> None:
        self.spent: Counter[str] = Counter()
        self._owner = owner
        self._owners: dict[CodeType, str | None] = {}
        self._last = 0.0

    @contextmanager
    def running(self) -> Generator[None]:
        """Take samples of what is done inside."""
        before = signal.signal(signal.SIGALRM, self._take)
        self._last = time.process_time()
        signal.setitimer(signal.ITIMER_REAL, _SECONDS, _SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _take(self, number: int, frame: FrameType | None) -> None:
        now = time.process_time()
        while frame is not None:
            owner = self._owner_of(frame.f_code)
            if owner is not None:
                self.spent[owner] += now - self._last
                break
            frame = frame.f_back
        self._last = time.process_time()  # what the sample itself took is nobody's

    def _owner_of(self, code: CodeType) -> str | None:
        if code not in self._owners:
            self._owners[code] = self._owner(code)
        return self._owners[code]
