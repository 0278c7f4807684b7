"""Phases and retries of the work on one event, for observers.

The code that does the work reports its phases and retries here and does not know the observers.
Without a watcher, a phase costs one look at a context variable.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

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


class Watcher(Protocol):
    """Receives the phases and retries of one event."""

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


_watcher: ContextVar[Watcher | None] = ContextVar("onto_fn.watcher", default=None)
_NOTHING = nullcontext()


def watcher() -> Watcher | None:
    """Who watches the event at hand."""
    return _watcher.get()


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
