"""The work on one event: what is tried, and tried again, what fails, and who watches.

The code that does the work reports its phases, retries and outcomes here and does not know the
observers. Without a watcher, a phase costs one look at a context variable. Retries are bounded,
with jittered exponential backoff (G7).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, Self, TypeVar

from onto_fn.errors import RetriesExhausted, TransientError

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext
    from tenacity import RetryCallState, Retrying

T = TypeVar("T")

# What is tried

Phase = Literal["look-up", "read", "build", "commit"]

current_trace: ContextVar[SpanContext | None] = ContextVar("onto_fn.current_trace", default=None)
"""The span that has delivered the event at hand, or None if no trace is known."""


Step = Literal[
    "build",
    "look-up",
    "read",
    "count",
    "scan",
    "verify",
    "backfill",
    "drop",
    "switch",
    "replay",
    "edit",
    "send",
    "receive",
]
"""What is done about a root; of whole views, `build` stands for all that it takes to publish."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried, and after a failure tried again.

    Attributes:
        definition: name of the view, mediator or aggregate; empty if it serves none, or several.
            There are as few as are declared, so it may be an attribute of a metric.
        root: path of the root or document; empty if there are several. There is no end of them.
        step: what is done. There are as few as are listed.
        text: it in words, if these are others than `TeamPage of teams/a`; for people alone.
    """

    definition: str = ""
    root: str = ""
    step: Step = "build"
    text: str = ""

    def __str__(self) -> str:
        if self.text:
            return self.text
        named = " of ".join(part for part in (self.definition, self.root) if part)
        return named if self.step == "build" else f"{self.step}: {named}".rstrip(": ")


# Who watches


class Watcher(Protocol):
    """Receives the phases, retries and outcomes of one event."""

    @property
    def of_phases(self) -> Collection[object]:
        """The observers that receive phases."""
        ...

    def phase(self, name: Phase, definition: str) -> AbstractContextManager[object]:
        """What to enter for the time of a phase; it must not raise."""
        ...

    def retry(self, subject: Subject, attempt: int, error: BaseException) -> None:
        """An attempt has failed, and there will be another; it must not raise."""
        ...

    def tell(self, outcomes: Sequence[Any]) -> None:
        """What became of the event, for some of what it affects; it must not raise."""
        ...


_watcher: ContextVar[Watcher | None] = ContextVar("onto_fn.watcher", default=None)
_NOTHING = nullcontext()


@contextmanager
def watched(by: Watcher) -> Generator[None]:
    """Reports all that happens inside, in this thread, to a watcher."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)


def phase(name: Phase, definition: str = "") -> AbstractContextManager[object]:
    """A phase of the work on the event at hand, to be entered.

    Args:
        name: which phase.
        definition: name of the view or mediator that it is of; empty if of several.
    """
    watching = _watcher.get()
    if watching is None or not watching.of_phases:
        return _NOTHING
    return watching.phase(name, definition)


def retry(subject: Subject, attempt: int, error: BaseException) -> None:
    """An attempt has failed, and there will be another."""
    watching = _watcher.get()
    if watching is not None:
        watching.retry(subject, attempt, error)


def tell(outcomes: Sequence[Any]) -> None:
    """Tell who watches the event at hand, if anybody does, what became of it."""
    watching = _watcher.get()
    if watching is not None:
        watching.tell(outcomes)


# Attempts


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
            >>> from onto_fn.attempts import Subject
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
        from tenacity import (
            Retrying,
            retry_if_exception_type,
            stop_after_attempt,
            stop_after_delay,
            wait_random_exponential,
        )

        def again(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if error is not None:
                retry(subject, state.attempt_number, error)

        return Retrying(
            stop=stop_after_attempt(self.attempts) | stop_after_delay(self.deadline - elapsed),
            wait=wait_random_exponential(multiplier=self.first_wait, max=self.longest_wait),
            retry=retry_if_exception_type(TransientError),
            before_sleep=again,
            reraise=True,
        )


class Collector(Generic[T]):
    """Collects outcomes, which observers receive, and failures, which do not stop the rest.

    Example:
        >>> collector = Collector()
        >>> for root in ["teams/a", "teams/b"]:
        ...     with collector:
        ...         raise TransientError(f"{root} is contended")
        >>> collector.outcomes()
        Traceback (most recent call last):
        onto_fn.errors.RetriesExhausted: teams/a is contended; teams/b is contended
    """

    def __init__(self) -> None:
        self._outcomes: list[T] = []
        self._failures: list[Exception] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if isinstance(error, Exception):
            self._failures.append(error)
            return True
        return False

    def add(self, *outcomes: T) -> None:
        """Keep outcomes that the observers have received."""
        tell(outcomes)
        self._outcomes += outcomes

    def outcomes(self) -> list[T]:
        """All of them, in their order.

        Raises:
            RetriesExhausted: something failed that may succeed on a retry.
        """
        for failure in self._failures:
            if not isinstance(failure, TransientError):
                raise failure
        if self._failures:
            text = "; ".join(map(str, self._failures))
            raise RetriesExhausted(text) from self._failures[0]
        return self._outcomes
