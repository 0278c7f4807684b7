"""The queue of a group commit: nobody waits in vain, and no document is counted twice at once."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from onto_fn.engine.aggregate import group_commit
from onto_fn.engine.aggregate.group_commit import _Member, _Queue, _State
from onto_fn.observability import Change, Outcome, Result

PATHS = [f"votes/{name}" for name in "abcd"]


def member(path: str) -> _Member:
    return _Member(Change(path, None, None))


class Queueing(RuleBasedStateMachine):
    """Threads that come, read, fail, give up or finish, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = _Queue()
        self.here: list[_Member] = []
        self.read: list[_Member] = []

    @property
    def leaders(self) -> list[_Member]:
        return [m for m in self.here if m.state is _State.LEADS]

    @rule(path=st.sampled_from(PATHS))
    def come(self, path: str) -> None:
        arrived = member(path)
        busy = self.queue.is_reading or any(
            path == m.change.path for leader in self.leaders for m in leader.group
        )
        assert self.queue.enter(arrived) is not busy
        self.here.append(arrived)

    @precondition(lambda self: self.leaders)
    @rule(data=st.data())
    def finish_reading(self, data: Any) -> None:
        self.queue.was_read(data.draw(st.sampled_from(self.leaders)))

    @precondition(lambda self: any(len(m.group) > 1 for m in self.leaders))
    @rule(data=st.data(), halves=st.booleans())
    def fail(self, data: Any, halves: bool) -> None:
        leader = data.draw(st.sampled_from([m for m in self.leaders if len(m.group) > 1]))
        before = [m for m in leader.group if m.state is not _State.LEFT]
        size = (len(leader.group) + 1) // 2 if halves else 1

        self.queue.split(leader, size)

        parts = [m.group for m in self.leaders if set(map(id, m.group)) <= set(map(id, before))]
        paths = [m.change.path for part in parts for m in part]
        assert sorted(paths) == sorted({m.change.path for m in before})
        assert max(map(len, parts)) <= size
        assert leader.group[0] is leader

    @precondition(lambda self: self.leaders)
    @rule(data=st.data(), dies=st.booleans())
    def end(self, data: Any, dies: bool) -> None:
        leader = data.draw(st.sampled_from(self.leaders))
        if not dies:
            for counted in leader.group:
                counted.outcome = Outcome("votes", counted.change.path, Result.COMMITTED)
        others = [m for m in leader.group[1:] if m.state is _State.LED]

        self.queue.leave(leader)

        assert all(m.woken.is_set() and (m.outcome is None) is dies for m in others)
        for gone in [leader, *others]:  # they see it, and leave
            self.queue.leave(gone)
            self.here.remove(gone)

    @precondition(lambda self: any(m.state is not _State.LEADS for m in self.here))
    @rule(data=st.data())
    def give_up(self, data: Any) -> None:
        waits = [m for m in self.here if m.state is not _State.LEADS]
        gone = data.draw(st.sampled_from(waits))
        self.queue.leave(gone)
        self.here.remove(gone)

    @invariant()
    def somebody_is_there_for_each(self) -> None:
        led = {id(m) for leader in self.leaders for m in leader.group}
        for waits in self.here:
            if waits.state is _State.LED:
                assert id(waits) in led
                assert not waits.woken.is_set()
            elif waits.state is _State.LEADS:
                assert waits.group[0] is waits

    @invariant()
    def no_document_is_in_two_groups(self) -> None:
        paths = [{m.change.path for m in leader.group} for leader in self.leaders]
        assert sum(map(len, paths)) == len(set[str]().union(*paths))

    @invariant()
    def who_waits_is_waited_for(self) -> None:
        """Somebody reads, or the document is being counted: its end is the next one's beginning."""
        counted = {m.change.path for leader in self.leaders for m in leader.group}
        reading = [m for m in self.leaders if m.reads]
        assert len(reading) == int(self.queue.is_reading)
        if not reading:
            assert all(m.change.path in counted for m in self.here if m.state is _State.WAITING)

    @invariant()
    def groups_are_bounded(self) -> None:
        assert all(len(leader.group) <= group_commit.MOST for leader in self.leaders)

    def teardown(self) -> None:
        for gone in list(self.here):
            self.queue.leave(gone)
        assert self.queue.waiting() == 0
        assert not self.queue.is_reading
        assert not self.queue._counting


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_a_group_has_at_most_as_many_events_as_are_allowed() -> None:
    queue = _Queue()
    first = member("votes/first")
    queue.enter(first)
    others = [member(f"votes/{number}") for number in range(group_commit.MOST + 5)]
    for other in others:
        assert not queue.enter(other)

    queue.was_read(first)

    assert len(others[0].group) == group_commit.MOST
    assert queue.waiting() == 5
