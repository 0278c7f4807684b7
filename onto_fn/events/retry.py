"""Bounded retries with jittered exponential backoff (G7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from onto_fn import phases as observing
from onto_fn.errors import RetriesExhausted, TransientError
from onto_fn.phases import Subject


class Attempt:
    """One attempt, to be entered; a `TransientError` that leaves it asks for another.

    Attributes:
        number: from 1.
        error: how it failed, once it has.
    """

    __slots__ = ("error", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.error: TransientError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, TransientError):
            self.error = error
            return True
        return False


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long one materialisation is retried before the platform redelivers.

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

    def attempts_of(self, subject: Subject) -> Iterator[Attempt]:
        """Attempts, until one raises no `TransientError`.

        It waits between two attempts. Any other error leaves the loop at once.

        Args:
            subject: what is tried, for the error and for observers.

        Example:
            >>> from onto_fn import RetryPolicy
            >>> from onto_fn.phases import Subject
            >>> for attempt in RetryPolicy().attempts_of(Subject("TeamPage", "teams/a")):
            ...     with attempt:
            ...         print(attempt.number)
            1

        Raises:
            RetriesExhausted: the last attempt failed as well.
        """
        started = monotonic()
        attempt = Attempt(1)  # by itself, as most succeed: what retries need is not free
        yield attempt
        if attempt.error is None:
            return
        try:
            for state in self._again(subject, monotonic() - started):
                if state.retry_state.attempt_number > 1:
                    attempt = Attempt(state.retry_state.attempt_number)
                    yield attempt
                with state:
                    if attempt.error is not None:
                        raise attempt.error
        except TransientError as error:
            raise RetriesExhausted(
                f"{subject}: {attempt.number} attempts failed, the last with "
                f"{type(error).__name__}: {error}"
            ) from error

    def _again(self, subject: Subject, elapsed: float) -> Retrying:
        """What decides whether and when to go on after a first attempt that has failed."""

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if error is not None:
                observing.retry(subject, state.attempt_number, error)

        return Retrying(
            stop=stop_after_attempt(self.attempts) | stop_after_delay(self.deadline - elapsed),
            wait=wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
            retry=retry_if_exception_type(TransientError),
            before_sleep=tell,
            reraise=True,
        )
