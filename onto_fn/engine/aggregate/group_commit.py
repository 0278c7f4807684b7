"""Group commit: events that wait for the same aggregate in one process are counted together.

An event that finds nobody reading is counted by itself, without waiting. While an event or a group
reads, those that arrive wait. When the read is done, they are the next group: the thread of one of
them, the leader, counts all in one read and one commit, and the others wait for it. So a group is
as large as the load demands, and an event waits for at most one read before its own.

This saves calls but guarantees nothing. Each event is counted by the protocol of `count`, with its
own preconditions, so it may always be counted again by itself: after an error of the group, when
its leader dies, or when it has waited too long. An error splits the group in two halves, and so on
down to single events, which then have their own retries and their own dead letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto
from threading import Event, Lock
from weakref import WeakKeyDictionary

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.attempts import RetryPolicy, Subject, phase, retry
from onto_fn.engine.aggregate.count import contribute, count_changes
from onto_fn.errors import Contention, PermanentError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database

MOST = 100
"""Maximum number of events in a group."""
LONGEST_WAIT = 2.0
"""Maximum seconds that an event waits for a group; then it is counted by itself."""

_NEVER = datetime.min.replace(tzinfo=UTC)


class _State(Enum):
    WAITING = auto()
    """It is in no group yet."""
    LED = auto()
    """It is in a group, and waits for its leader."""
    LEADS = auto()
    """Its thread counts a group, perhaps of one."""
    LEFT = auto()
    """No other thread has to do anything for it."""


@dataclass(eq=False, slots=True)
class _Member:
    """An event that is to be counted.

    Attributes:
        change: the event.
        context: of the thread that handles it, for code of the model.
        state: what it waits for.
        group: those that its thread counts.
        reads: whether others wait until its group has read.
        outcome: of the group, if there is one.
        woken: set when it has to lead, or is counted.
    """

    change: Change
    context: Context = field(default_factory=copy_context)
    state: _State = _State.WAITING
    group: list[_Member] = field(default_factory=list["_Member"])
    reads: bool = False
    outcome: Outcome | None = None
    woken: Event = field(default_factory=Event)


class GroupCommit:
    """Counts the events of one aggregate, those that arrive together in groups.

    Thread-safe.

    Args:
        aggregate: what counts them.
    """

    def __init__(self, aggregate: AggregateSpec) -> None:
        self._aggregate = aggregate
        self._lock = Lock()
        self._queues: WeakKeyDictionary[Database, _Queue] = WeakKeyDictionary()

    def contribute(self, database: Database, change: Change, policy: RetryPolicy) -> Outcome:
        """Bring the aggregate up to date with the document of an event; see `count.contribute`.

        Raises:
            RetriesExhausted: nothing was committed; the event has to be delivered again.
        """
        queue = self.queue(database)
        mine = _Member(change)
        try:
            if not queue.enter(mine):
                with phase("commit", self._aggregate.name):
                    mine.woken.wait(LONGEST_WAIT)
            if queue.leads(mine):
                return self._lead(database, queue, mine, policy)
        finally:
            queue.leave(mine)
        if mine.outcome is not None:
            return mine.outcome
        return contribute(database, self._aggregate, change.path, change, policy)

    def queue(self, database: Database) -> _Queue:
        """The events of a database that are being counted."""
        with self._lock:
            return self._queues.setdefault(database, _Queue())

    def _lead(
        self, database: Database, queue: _Queue, mine: _Member, policy: RetryPolicy
    ) -> Outcome:
        """Count the group of a member, or the part of it that stays with this thread."""

        def was_read() -> None:
            queue.was_read(mine)

        aggregate = self._aggregate
        while len(mine.group) > 1:
            try:
                outcomes = _count(database, aggregate, mine.group, was_read)
            except Exception as error:  # whatever it is, each event meets its own error by itself
                text = f"count: {len(mine.group)} documents of {aggregate.name} together"
                retry(Subject(aggregate.name, step="count", text=text), 1, error)
                is_of_some = isinstance(error, Contention | PermanentError)
                queue.split(mine, (len(mine.group) + 1) // 2 if is_of_some else 1)
            else:
                for member, outcome in zip(mine.group, outcomes, strict=True):
                    member.outcome = outcome
                return outcomes[0]
        path, change = mine.change.path, mine.change
        return contribute(database, aggregate, path, change, policy, was_read=was_read)


class _Queue:
    """Who waits, who reads, and which documents are being counted."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[_Member] = []
        self._counting: Counter[str] = Counter()
        self._is_reading = False

    def enter(self, member: _Member) -> bool:
        """Add an event; whether it need not wait.

        It waits also for another event of the same document: both at once would contend.
        """
        with self._lock:
            if self._is_reading or self._counting[member.change.path]:
                self._waiting.append(member)
                return False
            self._begin([member])
            return True

    def leads(self, member: _Member) -> bool:
        """Whether the thread of an event has to count a group, which has the event first."""
        with self._lock:
            return member.state is _State.LEADS

    def was_read(self, leader: _Member) -> None:
        """A group has read, and those that have waited for it are the next one."""
        with self._lock:
            self._go_on(leader)

    def split(self, leader: _Member, size: int) -> None:
        """Cut a group into parts of a size, and leave all but the first to other threads.

        Of several events of one document, one is counted, and the others wait until it is.
        """
        with self._lock:
            here: dict[str, _Member] = {}
            for member in leader.group:
                path = member.change.path
                if member is not leader and member.state is not _State.LED:
                    self._release([member])
                elif here.setdefault(path, member) is not member:
                    self._release([member])
                    member.state = _State.WAITING
                    self._waiting.append(member)
            left = list(here.values())
            for start in range(size, len(left), size):
                self._led_by_first(left[start : start + size])
            leader.group = left[:size]
            self._go_on(leader)

    def leave(self, member: _Member) -> None:
        """An event is done here, however that came: nobody waits for its thread any more."""
        with self._lock:
            if member.state is _State.WAITING:
                self._waiting.remove(member)
            for other in member.group:
                if other.state is _State.LED:
                    other.state = _State.LEFT
                    other.woken.set()
            member.state = _State.LEFT
            self._release(member.group)
            member.group = []
            self._go_on(member)

    def waiting(self) -> int:
        """How many events are in no group yet."""
        with self._lock:
            return len(self._waiting)

    @property
    def is_reading(self) -> bool:
        """Whether an event or a group reads."""
        with self._lock:
            return self._is_reading

    def _go_on(self, member: _Member) -> None:
        """After something has changed: if nobody reads any more, the next group does."""
        if member.reads:
            member.reads = self._is_reading = False
        if not self._is_reading:
            self._begin_next()

    def _begin_next(self) -> None:
        """Those that have waited are the next group; documents that are being counted wait on."""
        ready = [m for m in self._waiting if not self._counting[m.change.path]][:MOST]
        if not ready:
            return
        chosen = set(map(id, ready))
        self._waiting = [m for m in self._waiting if id(m) not in chosen]
        self._begin(ready)

    def _begin(self, group: list[_Member]) -> None:
        self._is_reading = group[0].reads = True
        self._counting.update(member.change.path for member in group)
        self._led_by_first(group)

    def _led_by_first(self, group: list[_Member]) -> None:
        leader, *others = group
        for other in others:
            other.state = _State.LED
        leader.state = _State.LEADS
        leader.group = group
        leader.woken.set()

    def _release(self, members: Sequence[_Member]) -> None:
        """Their documents may be counted by others."""
        for member in members:
            path = member.change.path
            self._counting[path] -= 1
            if not self._counting[path]:
                del self._counting[path]


def _count(
    database: Database,
    aggregate: AggregateSpec,
    group: Sequence[_Member],
    was_read: Callable[[], None],
) -> list[Outcome]:
    """Count a group in one read and one commit; several events of a document count as one.

    Raises:
        TransientError: nothing was committed, as far as is known.
        PermanentError: one of the documents cannot be read or committed.
    """
    newest: dict[str, _Member] = {}
    for member in group:
        other = newest.setdefault(member.change.path, member)
        if _version(member.change) > _version(other.change):
            newest[member.change.path] = member
    outcomes = count_changes(
        database,
        aggregate,
        {path: member.change for path, member in newest.items()},
        {path: member.context for path, member in newest.items()},
        was_read,
    )
    return [
        outcomes[member.change.path]
        if newest[member.change.path] is member
        else Outcome(aggregate.name, member.change.path, Result.COVERED)
        for member in group
    ]


def _version(change: Change) -> datetime:
    return change.after_time or _NEVER
