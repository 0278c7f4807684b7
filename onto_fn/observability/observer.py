"""`Observer`: what logs, traces and metrics are made from; and the log, which every app has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from types import TracebackType

from onto_fn.attempts import Phase, Subject, watched
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result

_log = logging.getLogger("onto_fn")

_SHOWN = 5  # paths of documents that were left out
_MAX_LABEL = 1000  # characters; the whole error is in the message and in the dead letter
_SEVERITIES = {
    Result.DEAD_LETTER: logging.ERROR,
    Result.COVERED: logging.DEBUG,
    Result.UNAFFECTED: logging.DEBUG,
    Result.UNCHANGED: logging.DEBUG,
}


class Observer:
    """Receives a callback for each event. Override the methods you need.

    An error in a method is logged and has no other effect: commits stay committed even if an
    observer fails. Methods are called in the thread that handles the event; an engine may handle
    several events at the same time.

    Example:
        >>> from onto_fn.observability import Change, Observer, Outcome
        >>> class Told(Observer):
        ...     def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        ...         print(change.path, outcome.result.value)
    """

    def event(self, change: Change) -> AbstractContextManager[object]:
        """What to enter while an event is handled; an error that leaves it passes through."""
        return nullcontext()

    def phase(self, name: Phase, definition: str) -> AbstractContextManager[object]:
        """What to enter during a phase of the event at hand.

        Args:
            name: `"look-up"`, `"read"`, `"build"` or `"commit"`.
            definition: name of the view or mediator; empty if the phase serves several.
        """
        return nullcontext()

    def retry(self, change: Change, subject: Subject, attempt: int, error: BaseException) -> None:
        """An attempt has failed, and after a wait there will be another in this call.

        Args:
            change: the event.
            subject: what was tried.
            attempt: its number, from 1.
            error: why it failed.
        """

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        """An event is done for one view or mediator.

        Args:
            change: the event.
            outcome: the result.
            seconds: since the engine received the event.
        """


def age(change: Change) -> float | None:
    """How many seconds ago a change was committed; None if its event does not say.

    The age compares the clocks of the database and of this machine, so a young event may seem to
    come from the future; its age is then 0. The age of a deletion is unknown.
    """
    if change.after_time is None:
        return None
    return max(0.0, (datetime.now(UTC) - change.after_time).total_seconds())


class OutcomeLog(Observer):
    """Logs what becomes of each event.

    A dead letter is an ERROR. A failed attempt or event, and a commit that leaves documents out, is
    a WARNING. A commit or sent message is INFO; an event that needed no work is DEBUG.
    """

    @contextmanager
    def event(self, change: Change) -> Generator[None]:
        """An event that fails is delivered again."""
        try:
            yield
        except Exception as error:
            labels = {**_labels(change), "outcome": "failed"}
            message = "event %s of %s must be delivered again: %s"
            _log.warning(message, change.event_id, change.path, error, extra={"labels": labels})
            raise

    def retry(self, change: Change, subject: Subject, attempt: int, error: BaseException) -> None:
        """An attempt that is repeated."""
        labels = {**_labels(change), "view": subject.definition, "root": subject.root}
        labels |= {"attempt": attempt, "outcome": "retry"}
        message = "%s: attempt %d failed and will be retried: %s: %s"
        kind = type(error).__name__
        _log.warning(message, subject, attempt, kind, error, extra={"labels": labels})

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        """What became of an event, for one view or mediator."""
        level = _SEVERITIES.get(outcome.result, logging.INFO)
        if outcome.skipped and outcome.result is Result.COMMITTED:
            level = logging.WARNING
        if not _log.isEnabledFor(level):
            return
        labels = {
            **_labels(change),
            "view": outcome.definition,
            "root": outcome.root,
            "attempt": outcome.attempts,
            "outcome": outcome.result.value,
            "latency_ms": f"{seconds * 1000:.1f}",
        }
        # A call of `onto_request` is no event, and has no id.
        event = f"event {change.event_id}, " if change.event_id else ""
        more = f" {outcome.error}" if outcome.error else ""
        if outcome.skipped:
            labels["skipped"] = len(outcome.skipped)
            more += f"; left out because they are invalid: {_some(outcome.skipped)}"
        if outcome.error:
            labels["error"] = outcome.error[:_MAX_LABEL]
        _log.log(
            level,
            "%s of %s: %s after %s changed (%sattempt %d, %d written, %d deleted)%s",
            outcome.definition,
            outcome.root,
            outcome.result.value,
            change.path,
            event,
            outcome.attempts,
            len(outcome.written),
            len(outcome.deleted),
            more,
            extra={"labels": labels},
        )


def _some(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    return shown if len(paths) <= _SHOWN else f"{shown} and {len(paths) - _SHOWN} more"


def _labels(change: Change) -> dict[str, object]:
    return {"event_id": change.event_id, "document": change.path}


@contextmanager
def observed(observers: Sequence[Observer], change: Change) -> Generator[None]:
    """Reports all work on a change inside to the observers."""
    if not observers:
        yield
        return
    watch = _Watch(observers, change, perf_counter(), tuple(filter(_sees_phases, observers)))
    with ExitStack() as stack:
        for observer in observers:
            stack.enter_context(_Guarded(partial(observer.event, change)))
        stack.enter_context(watched(watch))
        yield


@dataclass(frozen=True)
class _Watch:
    """The observers of one event."""

    observers: Sequence[Observer]
    change: Change
    started: float
    of_phases: Sequence[Observer]

    def phase(self, name: Phase, definition: str) -> AbstractContextManager[object]:
        stack = ExitStack()
        for observer in self.of_phases:
            stack.enter_context(_Guarded(partial(observer.phase, name, definition)))
        return stack

    def retry(self, subject: Subject, attempt: int, error: BaseException) -> None:
        for observer in self.observers:
            _guarded(partial(observer.retry, self.change, subject, attempt, error))

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        seconds = perf_counter() - self.started
        for outcome in outcomes:
            for observer in self.observers:
                _guarded(partial(observer.outcome, self.change, outcome, seconds))


def _sees_phases(observer: Observer) -> bool:
    """Whether an observer does anything about a phase."""
    return getattr(type(observer), "phase", None) is not Observer.phase


class _Guarded:
    """A context manager of an observer's: it neither fails nor stops an error."""

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._manager: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        _guarded(self._begin)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._manager is not None:
            _guarded(partial(self._manager.__exit__, kind, error, traceback))

    def _begin(self) -> None:
        manager = self._make()
        manager.__enter__()
        self._manager = manager


def _guarded(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception:
        _log.exception("an observer failed")
