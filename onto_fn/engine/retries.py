"""Bounded retries with jittered exponential backoff (G7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from onto_fn import observing
from onto_fn.errors import RetriesExhausted, TransientError
from onto_fn.observing import Subject

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long one materialisation is tried before the platform redelivers.

    Attributes:
        attempts: at most this many attempts.
        first_wait: upper bound of the first wait, in seconds; each next bound is twice as long.
        longest_wait: upper bound of every wait, in seconds.
        deadline: no new attempt begins after this many seconds. Keep it below the function's
            timeout.
    """

    attempts: int = 25
    first_wait: float = 0.025
    longest_wait: float = 2.0
    deadline: float = 40.0

    def run(self, what: Subject | str, attempt: Callable[[int], T]) -> T:
        """Call `attempt` with 1, 2, … until it raises no `TransientError`.

        Args:
            what: what is tried, for the error and for those who watch; text if it is of no
                definition.
            attempt: takes the number of the attempt.

        Raises:
            RetriesExhausted: the last attempt failed as well.
        """
        started = monotonic()
        try:
            return attempt(1)  # by itself, as most succeed: what retries need is not free
        except TransientError as error:
            return self._again(what, attempt, error, monotonic() - started)

    def _again(
        self,
        what: Subject | str,
        attempt: Callable[[int], T],
        first: TransientError,
        elapsed: float,
    ) -> T:
        """Go on after a first attempt that took `elapsed` seconds and raised `first`."""
        number = 0
        subject = what if isinstance(what, Subject) else Subject(text=what)

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if error is not None:
                observing.retry(subject, number, error)

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts) | stop_after_delay(self.deadline - elapsed),
            wait=wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
            retry=retry_if_exception_type(TransientError),
            before_sleep=tell,
            reraise=True,
        )

        def numbered() -> T:
            nonlocal number
            number += 1
            if number == 1:
                raise first
            return attempt(number)

        try:
            return retrying(numbered)
        except TransientError as error:
            raise RetriesExhausted(
                f"{what}: {number} attempts failed, the last with {type(error).__name__}: {error}"
            ) from error
